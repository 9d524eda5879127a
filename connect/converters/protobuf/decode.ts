/**
 * Reads values of Connect from Protobuf messages, as Confluent's ProtobufData does. The decoder of a message and its schema of Connect is
 * compiled once. Bytes that do not fit are a DataError.
 */
import { DataError, logicalTypes, type Schema } from '../../sdk/index.ts'
import { digitsOf, numberOf } from '../json/decimal.ts'
import { FIXED32, FIXED64, LENGTH, MessageReader, VARINT } from './binary.ts'
import { wrappedScalars } from './known-files.ts'
import type { ProtoEnum, ProtoField, ProtoMessage, ScalarType } from './proto-file.ts'
import type { ProtobufOptions } from './proto-names.ts'
import { isMap, unionFieldName } from './to-connect-schema.ts'

export type Struct = Record<string, unknown>
/** Reads the fields of a message to the end of the reader. */
export type DecodeMessage = (reader: MessageReader, depth: number) => unknown
type DecodeValue = (reader: MessageReader, depth: number) => unknown

interface ValueDecoder {
  readonly wireType: number
  readonly read: DecodeValue
}

/** One field: reads its value into the struct. */
type DecodeField = (reader: MessageReader, tag: number, struct: Struct, depth: number) => void

/** As in Protobuf's Java library (Invariant 13). */
const MAX_DEPTH = 100

const scalarDecoders: Readonly<Record<ScalarType, ValueDecoder>> = {
  double: { wireType: FIXED64, read: (reader) => reader.double() },
  float: { wireType: FIXED32, read: (reader) => reader.float() },
  int32: { wireType: VARINT, read: (reader) => reader.int32() },
  int64: { wireType: VARINT, read: (reader) => reader.signed() },
  uint32: { wireType: VARINT, read: (reader) => reader.int32() >>> 0 },
  // Java has no number of 64 bits without a sign.
  uint64: { wireType: VARINT, read: (reader) => reader.signed() },
  sint32: { wireType: VARINT, read: (reader) => Number(reader.zigzag()) | 0 },
  sint64: { wireType: VARINT, read: (reader) => reader.zigzag() },
  fixed32: { wireType: FIXED32, read: (reader) => reader.fixed32() },
  fixed64: { wireType: FIXED64, read: (reader) => reader.sfixed64() },
  sfixed32: { wireType: FIXED32, read: (reader) => reader.sfixed32() },
  sfixed64: { wireType: FIXED64, read: (reader) => reader.sfixed64() },
  bool: { wireType: VARINT, read: (reader) => reader.varint() !== 0 },
  string: { wireType: LENGTH, read: (reader) => reader.text() },
  bytes: { wireType: LENGTH, read: (reader) => reader.bytes() },
}

const zeroOf: Readonly<Record<ScalarType, unknown>> = {
  ...{ double: 0, float: 0, int32: 0, int64: 0, uint32: 0, uint64: 0, sint32: 0, sint64: 0 },
  ...{ fixed32: 0, fixed64: 0, sfixed32: 0, sfixed64: 0, bool: false, string: '', bytes: Buffer.alloc(0) },
}

function enumDecoder({ name, values }: ProtoEnum, schema: Schema): ValueDecoder {
  if (schema.type !== 'string') return { wireType: VARINT, read: (reader) => reader.int32() }
  const symbols = new Map(values.map(([symbol, number]) => [number, symbol]))
  return {
    wireType: VARINT,
    read(reader) {
      const number = reader.int32()
      return symbols.get(number) ?? `UNKNOWN_ENUM_VALUE_${name}_${number}`
    },
  }
}

/** Fields 1, 2, … of a message of numbers. */
function numbers(reader: MessageReader, count: number): number[] {
  const values = Array<number>(count).fill(0)
  while (reader.hasMore) {
    const tag = reader.unsigned()
    const index = Math.floor(tag / 8) - 1
    if (index < count && (tag & 7) === VARINT) values[index] = Number(reader.signed())
    else reader.skip(tag)
  }
  return values
}

function checked(date: Date, name: string): Date {
  if (Number.isNaN(date.getTime())) throw new DataError(`a ${name} that is out of range`)
  return date
}

function logicalDecoder(schema: Schema): DecodeMessage | undefined {
  switch (schema.name) {
    case logicalTypes.date:
      return (reader) => {
        const [year = 0, month = 0, day = 0] = numbers(reader, 3)
        const date = new Date(0)
        date.setUTCFullYear(year, month - 1, day)
        if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) throw new DataError(`${year}-${month}-${day} is no date`)
        return date
      }
    case logicalTypes.time:
      return (reader) => {
        const [hours = 0, minutes = 0, seconds = 0, nanos = 0] = numbers(reader, 4)
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59)
          throw new DataError(`${hours}:${minutes}:${seconds} is no time of day`)
        return checked(new Date(((hours * 60 + minutes) * 60 + seconds) * 1000 + Math.floor(nanos / 1_000_000)), 'time of day')
      }
    case logicalTypes.timestamp:
      return (reader) => {
        const [seconds = 0, nanos = 0] = numbers(reader, 2)
        return checked(new Date(seconds * 1000 + Math.floor(nanos / 1_000_000)), 'timestamp')
      }
    case logicalTypes.decimal:
      return (reader) => {
        let bytes: Buffer = Buffer.from([0])
        let scale = 0
        while (reader.hasMore) {
          const tag = reader.unsigned()
          if (tag === 8 + LENGTH) bytes = reader.bytes()
          else if (tag === 24 + VARINT) scale = reader.int32()
          else reader.skip(tag)
        }
        return digitsOf(bytes.length === 0 ? 0n : numberOf(bytes), scale)
      }
  }
}

export class ProtobufDecoders {
  readonly #options: ProtobufOptions
  readonly #known = new Map<ProtoMessage, Map<Schema, DecodeMessage>>()

  constructor(options: ProtobufOptions) {
    this.#options = options
  }

  compile(message: ProtoMessage, schema: Schema): DecodeMessage {
    let bySchema = this.#known.get(message)
    if (!bySchema) this.#known.set(message, (bySchema = new Map()))
    const known = bySchema.get(schema)
    if (known) return known
    // A recursive message calls itself through this function until its decoder is there.
    let compiled: DecodeMessage | null = null
    bySchema.set(schema, (reader, depth) => compiled!(reader, depth))
    compiled = logicalDecoder(schema) ?? (schema.type === 'struct' ? this.#struct(message, schema) : this.#wrapped(message, schema))
    bySchema.set(schema, compiled)
    return compiled
  }

  /** One of Google's wrappers as its value. */
  #wrapped(message: ProtoMessage, schema: Schema): DecodeMessage {
    if (!wrappedScalars.has(message.fullName)) throw new DataError(`${message.fullName} cannot be read as ${schema.type.toUpperCase()}`)
    const field = message.fields[0]!
    const { wireType, read } = this.#value(field, schema)
    const tag = field.number * 8 + wireType
    const zero = this.#zero(field, schema)
    return (reader, depth) => {
      let value = zero
      while (reader.hasMore) {
        const next = reader.unsigned()
        if (next === tag) value = read(reader, depth)
        else reader.skip(next)
      }
      return value
    }
  }

  #struct(message: ProtoMessage, schema: Schema): DecodeMessage {
    const { flattenUnions } = this.#options
    const decoders = new Map<number, DecodeField>()
    const inheritsFields = schema.fields!.some(({ name }) => name in Object.prototype)
    // An object without a prototype is slow to copy.
    const initial: Struct = inheritsFields ? Object.create(null) : {}
    const lists: string[] = []
    const nested: { name: string; empty: DecodeMessage }[] = []
    const schemaOf = (struct: Schema, name: string) => struct.fields!.find((field) => field.name === name)!.schema
    for (const { name } of schema.fields!) initial[name] = null
    for (const field of message.fields) {
      if (field.oneof && !flattenUnions) {
        const union = unionFieldName(field.oneof, this.#options)
        const ofUnion = schemaOf(schema, union)
        const empty = Object.fromEntries(field.oneof.fields.map(({ name }) => [name, null]))
        const { wireType, read } = this.#value(field, schemaOf(ofUnion, field.name))
        const { name, number } = field
        decoders.set(number, (reader, tag, struct, depth) => {
          if ((tag & 7) === wireType) struct[union] = { ...empty, [name]: read(reader, depth) }
          else reader.skip(tag)
        })
        continue
      }
      const ofField = schemaOf(schema, field.name)
      decoders.set(field.number, this.#field(field, ofField))
      if (field.repeated) lists.push(field.name)
      else if (field.type.kind === 'message') {
        if (this.#options.structForNulls && !field.oneof && ofField.type === 'struct')
          nested.push({ name: field.name, empty: this.compile(field.type.message, ofField) })
      } else if (!field.oneof && !(field.isOptional && (field.default === undefined || this.#options.optionalForProto2)))
        initial[field.name] = this.#zero(field, ofField)
    }
    const oneofOf = new Map(
      message.fields.filter((field) => field.oneof && flattenUnions).map((field) => [field.number, field.oneof!.fields]),
    )
    const maps = message.fields.filter(isMap).map(({ name }) => ({ name, schema: schemaOf(schema, name) }))
    const arrays = lists.filter((name) => !maps.some((map) => map.name === name))
    return (reader, depth) => {
      if (depth > MAX_DEPTH) throw new DataError(`messages nested deeper than ${MAX_DEPTH}`)
      const struct: Struct = inheritsFields ? Object.assign(Object.create(null), initial) : { ...initial }
      for (const name of arrays) struct[name] = []
      for (const { name } of maps) struct[name] = new Map()
      while (reader.hasMore) {
        const tag = reader.unsigned()
        const number = Math.floor(tag / 8)
        const decode = decoders.get(number)
        if (!decode) {
          reader.skip(tag)
          continue
        }
        // The last one of a oneof counts.
        const others = oneofOf.get(number)
        if (others) for (const { name } of others) struct[name] = null
        decode(reader, tag, struct, depth)
      }
      for (const map of maps) struct[map.name] = named(struct[map.name] as Map<unknown, unknown>, map.schema)
      for (const { name, empty } of nested) if (struct[name] === null && depth < 1) struct[name] = empty(emptyReader(), depth + 1)
      return struct
    }
  }

  /** What a field has that is not in the message. */
  #zero(field: ProtoField, schema: Schema): unknown {
    const { type, default: own } = field
    if (type.kind === 'scalar') {
      if (own === undefined) return zeroOf[type.scalar]
      return type.scalar === 'bytes' ? Buffer.from(String(own), 'latin1') : own
    }
    if (type.kind === 'message') return null
    const first = type.enum.values[0]!
    const symbol = typeof own === 'string' ? own : first[0]
    return schema.type === 'string' ? symbol : (type.enum.values.find(([name]) => name === symbol) ?? first)[1]
  }

  #field(field: ProtoField, schema: Schema): DecodeField {
    const { name } = field
    if (isMap(field) && schema.type === 'map') return this.#entry(field, schema)
    const { wireType, read } = this.#value(field, field.repeated ? schema.values! : schema)
    if (!field.repeated)
      return (reader, tag, struct, depth) => {
        if ((tag & 7) === wireType) struct[name] = read(reader, depth)
        else reader.skip(tag)
      }
    return (reader, tag, struct, depth) => {
      const list = struct[name] as unknown[]
      if ((tag & 7) === wireType) {
        list.push(read(reader, depth))
        return
      }
      if ((tag & 7) !== LENGTH) {
        reader.skip(tag)
        return
      }
      // Both forms are read, whatever the schema says.
      const outer = reader.enter()
      while (reader.hasMore) list.push(read(reader, depth))
      reader.leave(outer)
    }
  }

  #entry(field: ProtoField, schema: Schema): DecodeField {
    const { name } = field
    const [ofKey, ofValue] = (field.type as { message: ProtoMessage }).message.fields
    const key = this.#value(ofKey!, schema.keys!)
    const item = this.#value(ofValue!, schema.values!)
    const zeros = [this.#zero(ofKey!, schema.keys!), this.#zero(ofValue!, schema.values!)]
    return (reader, tag, struct, depth) => {
      if ((tag & 7) !== LENGTH) {
        reader.skip(tag)
        return
      }
      const outer = reader.enter()
      let [own, value] = zeros
      while (reader.hasMore) {
        const next = reader.unsigned()
        if (next === 8 + key.wireType) own = key.read(reader, depth)
        else if (next === 16 + item.wireType) value = item.read(reader, depth)
        else reader.skip(next)
      }
      reader.leave(outer)
      ;(struct[name] as Map<unknown, unknown>).set(own, value)
    }
  }

  #value({ type }: ProtoField, schema: Schema): ValueDecoder {
    if (type.kind === 'enum') return enumDecoder(type.enum, schema)
    if (type.kind === 'scalar') {
      const decoder = scalarDecoders[type.scalar]
      const { read } = decoder
      if (schema.type === 'int8') return { ...decoder, read: (reader, depth) => ((read(reader, depth) as number) << 24) >> 24 }
      if (schema.type === 'int16') return { ...decoder, read: (reader, depth) => ((read(reader, depth) as number) << 16) >> 16 }
      return decoder
    }
    const decode = this.compile(type.message, schema)
    return {
      wireType: LENGTH,
      read(reader, depth) {
        const outer = reader.enter()
        const value = decode(reader, depth + 1)
        reader.leave(outer)
        return value
      },
    }
  }
}

/** A map with text as keys is an object. */
function named(map: Map<unknown, unknown>, schema: Schema): unknown {
  return schema.keys!.type === 'string' ? Object.fromEntries(map) : map
}

function emptyReader(): MessageReader {
  const reader = new MessageReader()
  reader.start(Buffer.alloc(0), 0)
  return reader
}
