/**
 * Turns what a .proto text declares into a compiled file, a FileDescriptorProto, as clients ask for it with `format=serialized`.
 * Types have their full names, maps their entry messages, fields that are `optional` in proto3 their own oneofs.
 */
import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf'
import { reflect } from '@bufbuild/protobuf/reflect'
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  EnumOptionsSchema,
  EnumValueDescriptorProtoSchema,
  EnumValueOptionsSchema,
  ExtensionRangeOptionsSchema,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileOptionsSchema,
  MessageOptionsSchema,
  MethodDescriptorProtoSchema,
  MethodOptionsSchema,
  OneofDescriptorProtoSchema,
  OneofOptionsSchema,
  ServiceDescriptorProtoSchema,
  ServiceOptionsSchema,
} from '@bufbuild/protobuf/wkt'
import { setOptions } from './descriptor-options.ts'
import {
  mapTypes,
  type ProtoEnum,
  type ProtoExtend,
  type ProtoField,
  type ProtoFile,
  type ProtoGroup,
  type ProtoMessage,
  type ProtoOption,
  type ProtoType,
  SCALARS,
  type TagRange,
} from './proto-file.ts'
import type { Scope, TypeIndex } from './type-index.ts'

const FILE_NAME = 'default'

type FieldInit = MessageInitShape<typeof FieldDescriptorProtoSchema>

export const writeDescriptor = (file: ProtoFile, types: TypeIndex): FileDescriptorProto => new DescriptorWriter(file, types).file()

class DescriptorWriter {
  readonly #file: ProtoFile
  readonly #types: TypeIndex

  constructor(file: ProtoFile, types: TypeIndex) {
    this.#file = file
    this.#types = types
  }

  file(): FileDescriptorProto {
    const file = this.#file
    const scope = file.packageName ? file.packageName.split('.') : []
    const dependency = [...file.imports, ...file.publicImports, ...file.weakImports]
    const weakFrom = file.imports.length + file.publicImports.length
    return create(FileDescriptorProtoSchema, {
      name: FILE_NAME,
      ...(file.packageName !== null && { package: file.packageName }),
      ...(file.syntax !== null && { syntax: file.syntax }),
      dependency,
      publicDependency: file.publicImports.map((_, index) => file.imports.length + index),
      weakDependency: file.weakImports.map((_, index) => weakFrom + index),
      options: this.#options(FileOptionsSchema, file.options, scope),
      messageType: messagesOf(file.types).map((message) => this.#message(message, scope)),
      enumType: enumsOf(file.types).map((declared) => this.#enum(declared, scope)),
      extension: this.#extensions(file.extends, scope),
      service: file.services.map((service) =>
        create(ServiceDescriptorProtoSchema, {
          name: service.name,
          options: this.#options(ServiceOptionsSchema, service.options, scope),
          method: service.methods.map((method) =>
            create(MethodDescriptorProtoSchema, {
              name: method.name,
              inputType: this.#fullName(method.request, scope),
              outputType: this.#fullName(method.response, scope),
              ...(method.requestStreams && { clientStreaming: true }),
              ...(method.responseStreams && { serverStreaming: true }),
              options: this.#options(MethodOptionsSchema, method.options, scope),
            }),
          ),
        }),
      ),
    })
  }

  #options<S extends DescMessage>(schema: S, options: readonly ProtoOption[], scope: Scope): MessageShape<S> | undefined {
    if (options.length === 0) return undefined
    const message = create(schema)
    setOptions(reflect(schema, message), options, this.#types, scope)
    return message
  }

  #fullName(type: string, scope: Scope): string {
    const full = this.#types.resolve(type, scope)
    return full === null ? type : `.${full}`
  }

  #message(message: ProtoMessage, outer: Scope): DescriptorProto {
    const scope = [...outer, message.name]
    const isProto3 = this.#file.syntax === 'proto3'
    const oneofs = message.oneofs.map((oneof) =>
      create(OneofDescriptorProtoSchema, { name: oneof.name, options: this.#options(OneofOptionsSchema, oneof.options, scope) }),
    )
    const groups = [...message.groups, ...message.oneofs.flatMap((oneof) => oneof.groups)]
    const field = [
      ...message.fields.map((each) => {
        if (!isProto3 || each.label !== 'optional') return this.#field(each, scope)
        oneofs.push(create(OneofDescriptorProtoSchema, { name: `_${each.name}` }))
        return this.#field(each, scope, { oneofIndex: oneofs.length - 1, proto3Optional: true })
      }),
      ...message.oneofs.flatMap((oneof, oneofIndex) => [
        ...oneof.fields.map((each) => this.#field(each, scope, { oneofIndex })),
        ...oneof.groups.map((group) => groupField(group, scope, { oneofIndex })),
      ]),
      ...message.groups.map((group) => groupField(group, scope)),
    ]
    return create(DescriptorProtoSchema, {
      name: message.name,
      field,
      oneofDecl: oneofs,
      nestedType: [
        ...messagesOf(message.types).map((nested) => this.#message(nested, scope)),
        ...mapEntries(message).map((entry) => this.#entry(entry, scope)),
        ...groups.map((group) => this.#group(group, scope)),
      ],
      enumType: enumsOf(message.types).map((nested) => this.#enum(nested, scope)),
      extension: this.#extensions(message.extends, scope),
      extensionRange: message.extensions.flatMap(({ ranges, options }) =>
        ranges.map((range) => ({
          ...exclusive(range),
          options: this.#options(ExtensionRangeOptionsSchema, options, scope),
        })),
      ),
      reservedRange: numbersOf(message.reserved).map(exclusive),
      reservedName: namesOf(message.reserved),
      options: this.#options(MessageOptionsSchema, message.options, scope),
    })
  }

  #group(group: ProtoGroup, scope: Scope): DescriptorProto {
    const inside = [...scope, group.name]
    return create(DescriptorProtoSchema, { name: group.name, field: group.fields.map((field) => this.#field(field, inside)) })
  }

  #field(field: ProtoField, scope: Scope, more: FieldInit = {}): FieldDescriptorProto {
    const isMap = mapTypes(field.type) !== null
    return create(FieldDescriptorProtoSchema, {
      name: field.name,
      number: field.tag,
      label: isMap || field.label === 'repeated' ? FieldDescriptorProto_Label.REPEATED : labelOf(field),
      ...(isMap
        ? { type: FieldDescriptorProto_Type.MESSAGE, typeName: `.${[...scope, entryName(field.name)].join('.')}` }
        : this.#typeOf(field.type, scope)),
      ...(field.defaultValue !== null && { defaultValue: field.defaultValue }),
      ...(field.jsonName !== null && { jsonName: field.jsonName }),
      options: this.#options(FieldOptionsSchema, field.options, scope),
      ...more,
    })
  }

  #typeOf(type: string, scope: Scope): { type?: FieldDescriptorProto_Type; typeName?: string } {
    if (SCALARS.has(type)) return { type: FieldDescriptorProto_Type[type.toUpperCase() as keyof typeof FieldDescriptorProto_Type] }
    const found = this.#types.find(type, scope)
    // What a name means that nobody defines is for the reader to find.
    if (!found) return { typeName: type }
    const kind = found.type.kind === 'enum' ? FieldDescriptorProto_Type.ENUM : FieldDescriptorProto_Type.MESSAGE
    return { type: kind, typeName: `.${found.fullName}` }
  }

  #entry(field: ProtoField, scope: Scope): DescriptorProto {
    const { key, value } = mapTypes(field.type)!
    const part = (name: string, number: number, type: string) =>
      create(FieldDescriptorProtoSchema, { name, number, label: FieldDescriptorProto_Label.OPTIONAL, ...this.#typeOf(type, scope) })
    const options = create(MessageOptionsSchema, { mapEntry: true })
    return create(DescriptorProtoSchema, { name: entryName(field.name), options, field: [part('key', 1, key), part('value', 2, value)] })
  }

  #extensions(extended: readonly ProtoExtend[], scope: Scope): FieldDescriptorProto[] {
    return extended.flatMap(({ name, fields }) =>
      fields.map((field) => this.#field(field, scope, { extendee: this.#fullName(name, scope) })),
    )
  }

  #enum(declared: ProtoEnum, outer: Scope): EnumDescriptorProto {
    const scope = [...outer, declared.name]
    return create(EnumDescriptorProtoSchema, {
      name: declared.name,
      value: declared.values.map((value) =>
        create(EnumValueDescriptorProtoSchema, {
          name: value.name,
          number: value.tag,
          options: this.#options(EnumValueOptionsSchema, value.options, scope),
        }),
      ),
      // The end of a range of enum values is in it.
      reservedRange: numbersOf(declared.reserved).map((range) => ({ start: startOf(range), end: endOf(range) })),
      reservedName: namesOf(declared.reserved),
      options: this.#options(EnumOptionsSchema, declared.options, scope),
    })
  }
}

const messagesOf = (types: readonly ProtoType[]) => types.filter((type) => type.kind === 'message')
const enumsOf = (types: readonly ProtoType[]) => types.filter((type) => type.kind === 'enum')
const startOf = (range: number | TagRange) => (typeof range === 'number' ? range : range.from)
const endOf = (range: number | TagRange) => (typeof range === 'number' ? range : range.to)
const exclusive = (range: number | TagRange) => ({ start: startOf(range), end: endOf(range) + 1 })
const numbersOf = (reserved: ProtoMessage['reserved']) => reserved.flat().filter((value) => typeof value !== 'string')
const namesOf = (reserved: ProtoMessage['reserved']) => reserved.flat().filter((value) => typeof value === 'string')

const labelOf = (field: ProtoField | ProtoGroup) =>
  field.label === 'required'
    ? FieldDescriptorProto_Label.REQUIRED
    : field.label === 'repeated'
      ? FieldDescriptorProto_Label.REPEATED
      : FieldDescriptorProto_Label.OPTIONAL

const mapEntries = (message: ProtoMessage) => message.fields.filter((field) => mapTypes(field.type))

/** As protoc names it: first_name has FirstNameEntry. */
const entryName = (field: string) =>
  `${field.replace(/(?:^|_)([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase()).replaceAll('_', '')}Entry`

/** A group is a message, and a field with its name in lower case. */
const groupField = (group: ProtoGroup, scope: Scope, more: FieldInit = {}): FieldDescriptorProto =>
  create(FieldDescriptorProtoSchema, {
    name: group.name.toLowerCase(),
    number: group.tag,
    label: labelOf(group),
    type: FieldDescriptorProto_Type.GROUP,
    typeName: `.${[...scope, group.name].join('.')}`,
    ...more,
  })
