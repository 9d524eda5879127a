/**
 * Turns a compiled file, a FileDescriptorProto, into what its .proto text would declare. Types have their full names, maps are messages
 * with the option map_entry, groups, and options that are extensions other than Confluent's, are not kept.
 */
import { type DescField, type Message, ScalarType } from '@bufbuild/protobuf'
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect'
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  EnumOptionsSchema,
  EnumValueOptionsSchema,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldOptionsSchema,
  type FileDescriptorProto,
  FileOptionsSchema,
  MessageOptionsSchema,
  MethodOptionsSchema,
  OneofOptionsSchema,
  ServiceOptionsSchema,
} from '@bufbuild/protobuf/wkt'
import { metaOption } from './descriptor-meta.ts'
import type {
  Label,
  OptionValue,
  ProtoEnum,
  ProtoExtend,
  ProtoField,
  ProtoFile,
  ProtoMessage,
  ProtoOption,
  Reserved,
  TagRange,
} from './proto-file.ts'

/** Messages in messages: protobuf's own limit of nesting in a binary. */
const MAX_MESSAGE_DEPTH = 100

export function readDescriptor(file: FileDescriptorProto): ProtoFile {
  const isProto3 = file.syntax === 'proto3'
  const publicly = new Set(file.publicDependency)
  const weakly = new Set(file.weakDependency)
  return {
    syntax: isProto3 ? 'proto3' : file.syntax === 'proto2' ? 'proto2' : null,
    packageName: file.package === '' ? null : file.package,
    imports: file.dependency.filter((_, index) => !publicly.has(index) && !weakly.has(index)),
    publicImports: file.dependency.filter((_, index) => publicly.has(index)),
    weakImports: file.dependency.filter((_, index) => weakly.has(index) && !publicly.has(index)),
    options: optionsOf(FileOptionsSchema, file.options),
    types: [...file.messageType.map((message) => readMessage(message, isProto3, 0)), ...file.enumType.map(readEnum)],
    extends: readExtends(file.extension, isProto3),
    services: file.service.map((service) => ({
      name: service.name,
      options: optionsOf(ServiceOptionsSchema, service.options),
      methods: service.method.map((method) => ({
        name: method.name,
        request: method.inputType,
        requestStreams: method.clientStreaming,
        response: method.outputType,
        responseStreams: method.serverStreaming,
        options: optionsOf(MethodOptionsSchema, method.options),
      })),
    })),
  }
}

function readMessage(message: DescriptorProto, isProto3: boolean, depth: number): ProtoMessage {
  if (depth > MAX_MESSAGE_DEPTH) throw new Error(`messages nest deeper than ${MAX_MESSAGE_DEPTH}`)
  const inOneof = (field: FieldDescriptorProto) => isSet(field, 'oneofIndex') && !field.proto3Optional
  return {
    kind: 'message',
    name: message.name,
    options: optionsOf(MessageOptionsSchema, message.options),
    reserved: [
      ...message.reservedRange.map((range): Reserved => [rangeOf(range.start, range.end - 1)]),
      ...message.reservedName.map((name) => [name]),
    ],
    fields: message.field.filter((field) => !inOneof(field)).map((field) => readField(field, isProto3, false)),
    oneofs: message.oneofDecl
      .map((oneof, index) => ({
        name: oneof.name,
        options: optionsOf(OneofOptionsSchema, oneof.options),
        groups: [],
        fields: message.field
          .filter((field) => inOneof(field) && field.oneofIndex === index)
          .map((field) => readField(field, isProto3, true)),
      }))
      .filter((oneof) => oneof.fields.length > 0),
    groups: [],
    extensions: message.extensionRange.map((range) => ({ ranges: [rangeOf(range.start, range.end - 1)], options: [] })),
    extends: readExtends(message.extension, isProto3),
    types: [...message.nestedType.map((nested) => readMessage(nested, isProto3, depth + 1)), ...message.enumType.map(readEnum)],
  }
}

const rangeOf = (from: number, to: number): number | TagRange => (from === to ? from : { from, to })

/** Whether a field of a descriptor is there; what is not has the default of its prototype. */
const isSet = (message: Message, name: string): boolean => Object.hasOwn(message, name)

function readExtends(fields: readonly FieldDescriptorProto[], isProto3: boolean): ProtoExtend[] {
  const byName = new Map<string, ProtoField[]>()
  for (const field of fields) byName.set(field.extendee, [...(byName.get(field.extendee) ?? []), readField(field, isProto3, false)])
  return [...byName].map(([name, extended]) => ({ name, fields: extended }))
}

function readField(field: FieldDescriptorProto, isProto3: boolean, inOneof: boolean): ProtoField {
  return {
    label: inOneof ? null : labelOf(field, isProto3),
    type: field.typeName === '' ? FieldDescriptorProto_Type[field.type].toLowerCase() : field.typeName,
    name: field.name,
    tag: field.number,
    defaultValue: !isProto3 && isSet(field, 'defaultValue') ? field.defaultValue : null,
    jsonName: isSet(field, 'jsonName') ? field.jsonName : null,
    options: optionsOf(FieldOptionsSchema, field.options),
  }
}

function labelOf(field: FieldDescriptorProto, isProto3: boolean): Label | null {
  if (field.label === FieldDescriptorProto_Label.REPEATED) return 'repeated'
  if (isProto3) return field.proto3Optional ? 'optional' : null
  return field.label === FieldDescriptorProto_Label.REQUIRED ? 'required' : 'optional'
}

function readEnum(declared: EnumDescriptorProto): ProtoEnum {
  return {
    kind: 'enum',
    name: declared.name,
    options: optionsOf(EnumOptionsSchema, declared.options),
    reserved: [
      ...declared.reservedRange.map((range): Reserved => [rangeOf(range.start, range.end)]),
      ...declared.reservedName.map((name) => [name]),
    ],
    values: declared.value.map((value) => ({
      name: value.name,
      tag: value.number,
      options: optionsOf(EnumValueOptionsSchema, value.options),
    })),
  }
}

/** The options of protobuf itself, in the order of descriptor.proto, and Confluent's metadata. */
function optionsOf(schema: Parameters<typeof reflect>[0], message: Message | undefined): ProtoOption[] {
  if (!message) return []
  const own = valuesOf(reflect(schema, message)).map(([name, value]) => ({ name, parenthesized: false, value }))
  return [...own, ...metaOption(message)]
}

function valuesOf(message: ReflectMessage): [string, OptionValue][] {
  return message.fields.flatMap((field): [string, OptionValue][] => {
    if (!message.isSet(field) || field.name === 'uninterpreted_option') return []
    const given: unknown = message.get(field)
    const values = field.fieldKind === 'list' ? [...(given as Iterable<unknown>)] : [given]
    return values.map((value) => [field.name, optionValue(field, value)])
  })
}

function optionValue(field: DescField, value: unknown): OptionValue {
  if (field.message) return new Map(valuesOf(value as ReflectMessage))
  if (field.enum) return { kind: 'enum', word: field.enum.value[value as number]?.name ?? String(value) }
  if (field.scalar === ScalarType.BOOL) return { kind: 'boolean', word: String(value) }
  return field.scalar === ScalarType.STRING ? String(value) : { kind: 'number', word: String(value) }
}
