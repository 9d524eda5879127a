/**
 * Protobuf schemas as values: messages with their fields and real oneofs, read from the text of the registry and of the files that it
 * imports. Which message a record has is found by indexes, as Confluent's serializers write them.
 */
import type protobuf from 'protobufjs'
import { DataError } from '../../sdk/index.ts'
import { knownFiles } from './known-files.ts'
import { protobufJs } from './protobuf-js.ts'

export type ScalarType =
  | 'double'
  | 'float'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'sint32'
  | 'sint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed32'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes'

const scalars: ReadonlySet<string> = new Set([
  ...['double', 'float', 'int32', 'int64', 'uint32', 'uint64', 'sint32', 'sint64'],
  ...['fixed32', 'fixed64', 'sfixed32', 'sfixed64', 'bool', 'string', 'bytes'],
])

export type FieldType =
  | { kind: 'scalar'; scalar: ScalarType }
  | { kind: 'enum'; enum: ProtoEnum }
  | { kind: 'message'; message: ProtoMessage }

export interface ProtoField {
  readonly name: string
  readonly number: number
  readonly type: FieldType
  readonly repeated: boolean
  /** Where a repeated field is written in one piece. */
  readonly packed: boolean
  /** Whether the field is declared as optional. */
  readonly isOptional: boolean
  /** Whether a value that is the default is written too. */
  readonly hasPresence: boolean
  /** The real oneof that it is in. */
  readonly oneof: ProtoOneof | null
  /** Of the option confluent.field_meta. */
  readonly meta: Readonly<Record<string, string>>
  /** In proto2; undefined where there is none. */
  readonly default: unknown
}

export interface ProtoOneof {
  readonly name: string
  readonly index: number
  readonly fields: ProtoField[]
}

export interface ProtoEnum {
  readonly name: string
  readonly fullName: string
  readonly values: readonly (readonly [name: string, number: number])[]
}

export interface ProtoMessage {
  readonly name: string
  readonly fullName: string
  readonly isMapEntry: boolean
  readonly fields: readonly ProtoField[]
  readonly oneofs: readonly ProtoOneof[]
  /** Declared in it, in their order. */
  readonly messages: readonly ProtoMessage[]
}

export interface ProtoFile {
  /** In their order. */
  readonly messages: readonly ProtoMessage[]
}

const MAX_INDEXES = 100

/** An entry of a map, as protoc names it. */
const entryName = (field: string): string => {
  const camel = field.includes('_')
    ? field
        .split('_')
        .map((part) => part.charAt(0).toUpperCase() + part.slice(1).toLowerCase())
        .join('')
    : field
  return `${camel}Entry`
}

const isProto3 = (text: string): boolean => /^\s*syntax\s*=\s*["']proto3["']/m.test(text)
const isProto2 = (text: string): boolean => !/^\s*(syntax\s*=\s*["']proto3["']|edition\s*=)/m.test(text)

class Loader {
  readonly #root = new (protobufJs().Root)()
  readonly #texts: ReadonlyMap<string, string>
  readonly #parsed = new Set<string>()
  readonly #proto2 = new Set<protobuf.Type>()
  readonly #messages = new Map<string, ProtoMessage>()
  readonly #enums = new Map<protobuf.Enum, ProtoEnum>()

  constructor(referenced: readonly { readonly name: string; readonly schema: string }[]) {
    this.#texts = new Map([...knownFiles(), ...referenced.map(({ name, schema }) => [name, schema] as const)])
  }

  load(text: string): ProtoFile {
    this.#parse(text)
    // A root of its own has the messages of this file alone, in their order.
    const own = new (protobufJs().Root)()
    const { package: name } = protobufJs().parse(text, own, { keepCase: true })
    const declared = name ? own.lookup(name) : own
    const types = declared instanceof protobufJs().Namespace ? declared.nestedArray.filter((item) => item instanceof protobufJs().Type) : []
    return { messages: types.map((type) => this.#message(this.#type(type.fullName))) }
  }

  #parse(text: string): void {
    const before = new Set(typesIn(this.#root))
    const { imports = [], weakImports = [] } = protobufJs().parse(text, this.#root, { keepCase: true })
    if (isProto2(text)) for (const type of typesIn(this.#root)) if (!before.has(type)) this.#proto2.add(type)
    for (const name of [...imports, ...weakImports]) {
      if (this.#parsed.has(name)) continue
      this.#parsed.add(name)
      const imported = this.#texts.get(name)
      // What only options need is not missed.
      if (imported !== undefined) this.#parse(imported)
    }
  }

  #type(name: string): protobuf.Type {
    const found = this.#root.lookup(name)
    if (found instanceof protobufJs().Type) return found
    throw new DataError(`the Protobuf schema has no message ${name}`)
  }

  #message(type: protobuf.Type): ProtoMessage {
    const fullName = type.fullName.slice(1)
    const known = this.#messages.get(fullName)
    if (known) return known
    const fields: ProtoField[] = []
    const oneofs: ProtoOneof[] = []
    const messages: ProtoMessage[] = []
    const message: ProtoMessage = { name: type.name, fullName, isMapEntry: false, fields, oneofs, messages }
    // It is known before its fields are: they may refer to it.
    this.#messages.set(fullName, message)
    type.oneofsArray.forEach((oneof) => {
      if (!oneof.isProto3Optional) oneofs.push({ name: oneof.name, index: oneofs.length, fields: [] })
    })
    for (const field of type.fieldsArray) {
      const own = this.#field(field, type, oneofs.find((oneof) => oneof.name === field.partOf?.name) ?? null)
      own.oneof?.fields.push(own)
      fields.push(own)
    }
    for (const nested of type.nestedArray) if (nested instanceof protobufJs().Type) messages.push(this.#message(nested))
    return message
  }

  #field(field: protobuf.Field, type: protobuf.Type, oneof: ProtoOneof | null): ProtoField {
    const proto2 = this.#proto2.has(type)
    const { keyType } = field as { keyType?: string }
    const isMap = keyType !== undefined
    const fieldType = isMap ? this.#mapEntry(field, keyType, type) : this.#typeOf(field, field.type, type)
    const { options = {} } = field as { options?: Record<string, unknown> }
    const isOptional = !field.repeated && !isMap && oneof === null && (options.proto3_optional === true || (proto2 && !field.required))
    const packable =
      fieldType.kind === 'enum' || (fieldType.kind === 'scalar' && fieldType.scalar !== 'string' && fieldType.scalar !== 'bytes')
    return {
      name: field.name,
      number: field.id,
      type: fieldType,
      repeated: field.repeated || isMap,
      packed: packable && (typeof options.packed === 'boolean' ? options.packed : !proto2),
      isOptional,
      hasPresence: isOptional || oneof !== null || field.required || fieldType.kind === 'message',
      oneof,
      meta: metaOf(field.parsedOptions),
      default: proto2 ? options.default : undefined,
    }
  }

  #typeOf(field: protobuf.Field, name: string, type: protobuf.Type): FieldType {
    if (scalars.has(name)) return { kind: 'scalar', scalar: name as ScalarType }
    const found = type.lookup(name, [protobufJs().Type, protobufJs().Enum] as never)
    if (found instanceof protobufJs().Type) return { kind: 'message', message: this.#message(found) }
    if (found instanceof protobufJs().Enum) return { kind: 'enum', enum: this.#enum(found) }
    throw new DataError(
      `the field ${field.name} of ${type.name} has the type ${name}, which neither the Protobuf schema nor its imports have`,
    )
  }

  #enum(type: protobuf.Enum): ProtoEnum {
    let known = this.#enums.get(type)
    if (!known) {
      known = { name: type.name, fullName: type.fullName.slice(1), values: Object.entries(type.values) }
      this.#enums.set(type, known)
    }
    return known
  }

  #mapEntry(field: protobuf.Field, keyType: string, type: protobuf.Type): FieldType {
    const name = entryName(field.name)
    const of = (fieldName: string, number: number, typeName: string): ProtoField => ({
      name: fieldName,
      number,
      type: this.#typeOf(field, typeName, type),
      repeated: false,
      packed: false,
      isOptional: false,
      hasPresence: false,
      oneof: null,
      meta: {},
      default: undefined,
    })
    const fields = [of('key', 1, keyType), of('value', 2, field.type)]
    return {
      kind: 'message',
      message: { name, fullName: `${type.fullName.slice(1)}.${name}`, isMapEntry: true, fields, oneofs: [], messages: [] },
    }
  }
}

function* typesIn(namespace: protobuf.NamespaceBase): Generator<protobuf.Type> {
  for (const nested of namespace.nestedArray) {
    if (nested instanceof protobufJs().Type) yield nested
    if (nested instanceof protobufJs().Namespace) yield* typesIn(nested)
  }
}

/** `params` of the option, which may be written as a whole or one by one. */
function metaOf(options: unknown): Record<string, string> {
  const meta: Record<string, string> = {}
  for (const option of Array.isArray(options) ? options : [])
    for (const [name, value] of Object.entries(option as object)) {
      if (!/^\(?\.?confluent\.field_meta\)?$/.test(name)) continue
      const params = (value as { params?: unknown })?.params
      for (const param of Array.isArray(params) ? params : [params])
        if (typeof param?.key === 'string') meta[param.key] = String(param.value)
    }
  return meta
}

/** Throws DataError. */
export function parseProto(text: string, referenced: readonly { readonly name: string; readonly schema: string }[] = []): ProtoFile {
  if (isProto3(text) || isProto2(text) || text.includes('edition')) {
    try {
      return new Loader(referenced).load(text)
    } catch (error) {
      if (error instanceof DataError) throw error
      throw new DataError(`the Protobuf schema cannot be read: ${(error as Error).message}`, { cause: error })
    }
  }
  throw new DataError('the Protobuf schema has no syntax that is known')
}

/** The message of a path of indexes. Throws DataError. */
export function messageAt(file: ProtoFile, indexes: readonly number[]): ProtoMessage {
  let messages = file.messages
  let found: ProtoMessage | undefined
  for (const index of indexes) {
    found = messages[index]
    if (!found) throw new DataError(`the Protobuf schema has no message with the indexes ${indexes.join(', ')}`)
    messages = found.messages
  }
  if (!found) throw new DataError('the Protobuf schema has no message')
  return found
}

/** The path of a message; null where the file does not have it. */
export function indexesOf(messages: readonly ProtoMessage[], fullName: string): number[] | null {
  for (const [index, message] of messages.entries()) {
    if (message.fullName === fullName) return [index]
    const within = fullName.startsWith(`${message.fullName}.`) ? indexesOf(message.messages, fullName) : null
    if (within) return [index, ...within]
  }
  return null
}

/** The indexes at `offset`, and where the message begins. A path of the first message alone is one byte, 0. Throws DataError. */
export function readIndexes(bytes: Buffer, offset: number): { indexes: readonly number[]; end: number } {
  let at = offset
  const next = (): number => {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    throw new DataError('the record has no valid indexes of its Protobuf message')
  }
  const count = next()
  if (count === 0) return { indexes: [0], end: at }
  if (count < 0 || count > MAX_INDEXES) throw new DataError('the record has no valid indexes of its Protobuf message')
  return { indexes: Array.from({ length: count }, next), end: at }
}

export function indexBytes(indexes: readonly number[]): Buffer {
  if (indexes.length === 1 && indexes[0] === 0) return Buffer.from([0])
  const bytes: number[] = []
  for (const index of [indexes.length, ...indexes]) {
    let zigzag = index * 2
    for (; zigzag > 0x7f; zigzag = Math.floor(zigzag / 128)) bytes.push((zigzag % 128) | 0x80)
    bytes.push(zigzag)
  }
  return Buffer.from(bytes)
}
