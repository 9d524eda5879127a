/**
 * Writes values of Connect as Protobuf messages, as Confluent's ProtobufData does. The encoder of a schema of Connect and a message is
 * compiled once; fields are found by name and written in the order of their numbers. A value that does not fit is a DataError.
 */
import { DataError, type Schema } from '../../sdk/index.ts'
import { arePlainNames, hotCode, literal } from '../../sdk/values/hot-code.ts'
import { FIXED32, FIXED64, LENGTH, type MessageWriter, VARINT } from './binary.ts'
import { wrappedScalars } from './known-files.ts'
import { describe, type EncodeMessage, logicalEncoder, mismatch } from './logical-encoders.ts'
import type { ProtoEnum, ProtoField, ProtoMessage, ScalarType } from './proto-file.ts'
import { ENUM, GENERALIZED_ENUM, isUnion, type ProtobufOptions, scrubbed } from './proto-names.ts'
import { isMap } from './to-connect-schema.ts'

/** Writes the fields of a message, without its length. */
/** Writes a value without its tag. */
type EncodeValue = (writer: MessageWriter, value: unknown) => void

interface ValueEncoder {
  readonly wireType: number
  readonly write: EncodeValue
  /** Whether a field without presence leaves a value out. */
  isDefault(value: unknown): boolean
}

const never = () => false
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) && !(value instanceof Date)
const BITS: Readonly<Record<string, number>> = { int8: 8, int16: 16, int32: 32, int64: 64 }

function integerOf(schema: Schema): (value: unknown) => number | bigint {
  const bits = BITS[schema.type]!
  const max = 2 ** (bits - 1)
  return (value) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= -max && value < max) return value
    if (typeof value === 'bigint' && BigInt.asIntN(bits, value) === value) return value
    throw mismatch(schema, value)
  }
}

const isZero = (value: unknown) => value === 0 || value === 0n

function scalarEncoder(scalar: ScalarType, schema: Schema): ValueEncoder {
  const isFloat = scalar === 'double' || scalar === 'float'
  if (isFloat || schema.type === 'float32' || schema.type === 'float64') {
    if (!isFloat) throw doesNotFit(schema, scalar)
    const isDouble = scalar === 'double'
    return {
      wireType: isDouble ? FIXED64 : FIXED32,
      isDefault: (value) => Object.is(value, 0) || value === 0n,
      write(writer, value) {
        const number = typeof value === 'bigint' ? Number(value) : value
        if (typeof number !== 'number') throw mismatch(schema, value)
        if (isDouble) writer.double(number)
        else writer.float(number)
      },
    }
  }
  switch (scalar) {
    case 'bool':
      if (schema.type !== 'boolean') throw doesNotFit(schema, scalar)
      return {
        wireType: VARINT,
        isDefault: (value) => value === false,
        write(writer, value) {
          if (typeof value !== 'boolean') throw mismatch(schema, value)
          writer.unsigned(value ? 1 : 0)
        },
      }
    case 'string':
      if (schema.type !== 'string') throw doesNotFit(schema, scalar)
      return {
        wireType: LENGTH,
        isDefault: (value) => value === '',
        write(writer, value) {
          if (typeof value !== 'string') throw mismatch(schema, value)
          writer.text(value)
        },
      }
    case 'bytes':
      if (schema.type !== 'bytes') throw doesNotFit(schema, scalar)
      return {
        wireType: LENGTH,
        isDefault: (value) => value instanceof Uint8Array && value.length === 0,
        write(writer, value) {
          if (!(value instanceof Uint8Array)) throw mismatch(schema, value)
          writer.bytes(value)
        },
      }
  }
  if (BITS[schema.type] === undefined) throw doesNotFit(schema, scalar)
  const integer = integerOf(schema)
  const as = (wireType: number, write: (writer: MessageWriter, value: number | bigint) => void): ValueEncoder => ({
    wireType,
    isDefault: isZero,
    write: (writer, value) => write(writer, integer(value)),
  })
  switch (scalar) {
    case 'sint32':
    case 'sint64':
      return as(VARINT, (writer, value) => writer.zigzag(value))
    case 'fixed32':
    case 'sfixed32':
      return as(FIXED32, (writer, value) => writer.fixed32(Number(BigInt.asIntN(32, BigInt(value)))))
    case 'fixed64':
    case 'sfixed64':
      return as(FIXED64, (writer, value) => writer.fixed64(value))
    case 'uint32':
      return as(VARINT, (writer, value) => writer.varint(BigInt.asUintN(32, BigInt(value))))
    default:
      return as(VARINT, (writer, value) => writer.varint(value))
  }
}

const doesNotFit = (schema: Schema, type: string) =>
  new DataError(`${schema.name ?? schema.type.toUpperCase()} does not fit the Protobuf type ${type}`)

function enumEncoder({ name, values }: ProtoEnum, schema: Schema): ValueEncoder {
  const numbers = new Map(values)
  const prefix = schema.parameters?.[GENERALIZED_ENUM] !== undefined ? GENERALIZED_ENUM : ENUM
  const numberOf = (value: unknown): number => {
    if (typeof value === 'number' && schema.type !== 'string') return value
    if (typeof value !== 'string') throw mismatch(schema, value)
    const number = numbers.get(value) ?? Number(schema.parameters?.[`${prefix}.${value}`] ?? Number.NaN)
    if (Number.isNaN(number)) throw new DataError(`the enum ${name} has no value ${value}`)
    return number
  }
  return { wireType: VARINT, isDefault: (value) => numberOf(value) === 0, write: (writer, value) => writer.varint(numberOf(value)) }
}

export class ProtobufEncoders {
  readonly #options: ProtobufOptions
  /** Whether each field of a schema must be in the message. */
  readonly #strict: boolean
  readonly #known = new Map<ProtoMessage, Map<Schema, EncodeMessage>>()

  constructor(options: ProtobufOptions, strict: boolean) {
    this.#options = options
    this.#strict = strict
  }

  /** A struct as a message, or a value alone as one of Google's wrappers. */
  root(schema: Schema, message: ProtoMessage): EncodeMessage {
    if (schema.type === 'struct') return this.#message(schema, message)
    if (!wrappedScalars.has(message.fullName)) throw doesNotFit(schema, message.fullName)
    return this.#wrapper(schema, message)
  }

  #wrapper(schema: Schema, message: ProtoMessage): EncodeMessage {
    const field = message.fields[0]!
    const { wireType, isDefault, write } = this.#value(field, schema)
    const tag = field.number * 8 + wireType
    return (writer, value) => {
      if (isDefault(value)) return
      writer.unsigned(tag)
      write(writer, value)
    }
  }

  #message(schema: Schema, message: ProtoMessage): EncodeMessage {
    let bySchema = this.#known.get(message)
    if (!bySchema) this.#known.set(message, (bySchema = new Map()))
    const known = bySchema.get(schema)
    if (known) return known
    // A recursive message calls itself through this function until its encoder is there.
    let compiled: EncodeMessage | null = null
    bySchema.set(schema, (writer, value) => compiled!(writer, value))
    compiled = this.#fields(schema, message)
    bySchema.set(schema, compiled)
    return compiled
  }

  #fields(schema: Schema, message: ProtoMessage): EncodeMessage {
    const byName = new Map(message.fields.map((field) => [field.name, field]))
    const fieldOf = (name: string): ProtoField | undefined => {
      const field = byName.get(this.#options.scrub ? scrubbed(name) : name)
      if (!field && this.#strict) throw new DataError(`Cannot find field with name ${name} in ${message.fullName}`)
      return field
    }
    // Those of a union have no name: they read the struct.
    const encoders: { number: number; name: string | null; encode: EncodeMessage; fallback: unknown }[] = []
    for (const { name, schema: ofField } of schema.fields!) {
      if (isUnion(ofField)) {
        const members = ofField.fields!.flatMap((member) => {
          const field = fieldOf(member.name)
          return field ? [{ name: member.name, number: field.number, encode: this.#field(field, member.schema) }] : []
        })
        const first = members[0]?.number
        if (first !== undefined) encoders.push({ number: first, name: null, encode: oneof(name, members), fallback: undefined })
        continue
      }
      const field = fieldOf(name)
      if (!field) continue
      const encode = this.#field(field, ofField)
      const fallback = this.#options.ignoreDefaultForNullables ? undefined : ofField.default
      encoders.push({ number: field.number, name, encode, fallback })
    }
    return messageEncoder(
      schema,
      encoders.sort((a, b) => a.number - b.number),
    )
  }

  /** Writes a field with its tag; nothing for null. */
  #field(field: ProtoField, schema: Schema): EncodeMessage {
    if (field.repeated) return isMap(field) && schema.type === 'map' ? this.#map(field, schema) : this.#repeated(field, schema)
    const { wireType, write, isDefault } = this.#value(field, schema)
    const tag = field.number * 8 + wireType
    const { hasPresence } = field
    return (writer, value) => {
      if (value === null || value === undefined || (!hasPresence && isDefault(value))) return
      writer.unsigned(tag)
      write(writer, value)
    }
  }

  #repeated(field: ProtoField, schema: Schema): EncodeMessage {
    if (schema.type !== 'array' || !schema.values) throw doesNotFit(schema, `repeated ${field.name}`)
    const { wireType, write } = this.#value(field, schema.values)
    const isPacked = field.packed
    const tag = field.number * 8 + (isPacked ? LENGTH : wireType)
    return (writer, value) => {
      if (value === null || value === undefined) return
      if (!Array.isArray(value)) throw mismatch(schema, value)
      if (value.length === 0) return
      if (value.some((item) => item === null || item === undefined)) throw new DataError(`Protobuf has no null in the array ${field.name}`)
      if (!isPacked) {
        for (const item of value) {
          writer.unsigned(tag)
          write(writer, item)
        }
        return
      }
      writer.unsigned(tag)
      const start = writer.open()
      for (const item of value) write(writer, item)
      writer.close(start)
    }
  }

  #map(field: ProtoField, schema: Schema): EncodeMessage {
    if (field.type.kind !== 'message' || !schema.keys || !schema.values) throw doesNotFit(schema, field.name)
    const { fields, isMapEntry } = field.type.message
    const [ofKey, ofValue] = fields
    // The entries of a map have both; those that are plain messages leave out what is the default.
    const key = this.#field({ ...ofKey!, hasPresence: isMapEntry }, schema.keys)
    const item = this.#field({ ...ofValue!, hasPresence: isMapEntry || ofValue!.hasPresence }, schema.values)
    const tag = field.number * 8 + LENGTH
    return (writer, value) => {
      if (value === null || value === undefined) return
      if (!(value instanceof Map) && !isObject(value)) throw mismatch(schema, value)
      for (const [name, own] of value instanceof Map ? value : Object.entries(value)) {
        writer.unsigned(tag)
        const start = writer.open()
        key(writer, name)
        item(writer, own)
        writer.close(start)
      }
    }
  }

  #value(field: ProtoField, schema: Schema): ValueEncoder {
    const { type } = field
    if (type.kind === 'enum') return enumEncoder(type.enum, schema)
    if (type.kind === 'scalar') return scalarEncoder(type.scalar, schema)
    const encode = logicalEncoder(schema) ?? this.#nested(schema, type.message)
    return {
      wireType: LENGTH,
      isDefault: never,
      write(writer, value) {
        const start = writer.open()
        encode(writer, value)
        writer.close(start)
      },
    }
  }

  #nested(schema: Schema, message: ProtoMessage): EncodeMessage {
    if (schema.type === 'struct') return this.#message(schema, message)
    if (wrappedScalars.has(message.fullName)) return this.#wrapper(schema, message)
    throw doesNotFit(schema, message.fullName)
  }
}

function messageEncoder(
  schema: Schema,
  fields: readonly { name: string | null; encode: EncodeMessage; fallback: unknown }[],
): EncodeMessage {
  const required = (value: unknown): Record<string, unknown> => {
    if (!isObject(value)) throw mismatch(schema, value)
    return value
  }
  const ordered = fields.map(({ name, encode, fallback }): EncodeMessage => {
    if (name === null) return encode
    const read = ownProperty(name)
    return (writer, struct) => encode(writer, read(struct as Record<string, unknown>) ?? fallback)
  })
  const plain: EncodeMessage = (writer, value) => {
    const struct = required(value)
    for (const encode of ordered) encode(writer, struct)
  }
  if (!arePlainNames(fields.map(({ name }) => name ?? ''))) return plain
  const parts = [required, ...fields.flatMap(({ encode, fallback }) => [encode, fallback])]
  return hotCode(plain, parts, (part) => {
    const writes = fields.map(({ name }, index) => {
      const value = name === null ? 'struct' : `struct[${literal(name)}] ?? ${part(2 * index + 2)}`
      return `${part(2 * index + 1)}(given, ${value});`
    })
    return `const struct = ${part(0)}(more); ${writes.join(' ')}`
  })
}

/** The first member that is set. */
function oneof(name: string, members: readonly { name: string; encode: EncodeMessage }[]): EncodeMessage {
  const read = ownProperty(name)
  return (writer, struct) => {
    const union = read(struct as Record<string, unknown>)
    if (union === null || union === undefined) return
    if (!isObject(union)) throw new DataError(`the union ${name} must be a struct, it is ${describe(union)}`)
    for (const { name: own, encode } of members) {
      if (union[own] === null || union[own] === undefined) continue
      encode(writer, union[own])
      return
    }
    throw new DataError('Cannot find non-null field')
  }
}

/** A plain object inherits properties such as `constructor`, which are no fields. */
const ownProperty = (name: string): ((struct: Record<string, unknown>) => unknown) =>
  name in Object.prototype ? (struct) => (Object.hasOwn(struct, name) ? struct[name] : undefined) : (struct) => struct[name]
