/**
 * Reads values of Connect from Avro's binary encoding. The decoder of an Avro type and its schema of Connect is compiled once. Bytes that
 * do not fit are a DataError, and a record allocates no more than its size allows.
 */
import { DataError, logicalTypes, type Schema } from '../../sdk/index.ts'
import { arePlainNames, hotCode, literal } from '../../sdk/values/hot-code.ts'
import { dateOf } from '../../sdk/values/stored-dates.ts'
import { digitsOf, numberOf, scaleOf } from '../json/decimal.ts'
import { type AvroDataOptions, isMapEntry, isUnion, unionFieldName } from './avro-names.ts'
import { type AvroType, fullName, type RecordType, type UnionType } from './avro-type.ts'
import type { AvroReader } from './binary.ts'

export type Decode = (reader: AvroReader) => unknown

/** Decimals of up to 48 bits are read as numbers. */
const MAX_NUMBER_BYTES = 6

function decimalDigits(schema: Schema): (bytes: Buffer) => string {
  const scale = scaleOf(schema)
  return (bytes) => {
    if (bytes.length === 0 || bytes.length > MAX_NUMBER_BYTES || scale < 0) return digitsOf(numberOf(bytes), scale)
    const number = bytes.readIntBE(0, bytes.length)
    if (scale === 0) return String(number)
    const digits = String(Math.abs(number)).padStart(scale + 1, '0')
    return `${number < 0 ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
  }
}

const least = new WeakMap<AvroType, number>()

/** The bytes that a value has at the least. */
export function leastBytes(type: AvroType): number {
  switch (type.type) {
    case 'null':
      return 0
    case 'float':
      return 4
    case 'double':
      return 8
    case 'fixed':
      return type.size
    case 'record': {
      const known = least.get(type)
      if (known !== undefined) return known
      // A record that refers to itself has no least size of its own within.
      least.set(type, 0)
      const bytes = type.fields.reduce((sum, field) => sum + leastBytes(field.type), 0)
      least.set(type, bytes)
      return bytes
    }
    default:
      return 1
  }
}

/** A property of any name, without a call of an inherited setter. */
function setOwn(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
  else target[name] = value
}

export class AvroDecoders {
  readonly #options: AvroDataOptions
  readonly #known = new Map<AvroType, Map<Schema, Decode>>()

  constructor(options: AvroDataOptions) {
    this.#options = options
  }

  compile(type: AvroType, schema: Schema): Decode {
    let bySchema = this.#known.get(type)
    if (!bySchema) this.#known.set(type, (bySchema = new Map()))
    const known = bySchema.get(schema)
    if (known) return known
    // A recursive type calls itself through this function until its decoder is there.
    let compiled: Decode | null = null
    bySchema.set(schema, (reader) => compiled!(reader))
    compiled = this.#value(type, schema)
    bySchema.set(schema, compiled)
    return compiled
  }

  #value(type: AvroType, schema: Schema): Decode {
    switch (type.type) {
      case 'null':
        return () => null
      case 'boolean':
        return (reader) => reader.byte() !== 0
      case 'int':
        if (schema.name === logicalTypes.date || schema.name === logicalTypes.time) return (reader) => dateOf(schema.name, reader.int())
        if (schema.type === 'int8') return (reader) => (reader.int() << 24) >> 24
        if (schema.type === 'int16') return (reader) => (reader.int() << 16) >> 16
        return (reader) => reader.int()
      case 'long':
        return schema.name === logicalTypes.timestamp ? (reader) => dateOf(schema.name, Number(reader.long())) : (reader) => reader.long()
      case 'float':
        return (reader) => reader.float()
      case 'double':
        return (reader) => reader.double()
      case 'string':
        return (reader) => reader.text()
      case 'bytes': {
        if (schema.name !== logicalTypes.decimal) return (reader) => reader.raw(reader.size())
        const digits = decimalDigits(schema)
        return (reader) => digits(reader.raw(reader.size()))
      }
      case 'fixed': {
        const { size } = type
        if (schema.name !== logicalTypes.decimal) return (reader) => reader.raw(size)
        const digits = decimalDigits(schema)
        return (reader) => digits(reader.raw(size))
      }
      case 'enum': {
        const { symbols } = type
        return (reader) => {
          const symbol = symbols[reader.int()]
          if (symbol === undefined) throw new DataError(`a symbol that the enum ${fullName(type)} does not have`)
          return symbol
        }
      }
      case 'array':
        return schema.type === 'map' && isMapEntry(type.items)
          ? this.#entries(type.items as RecordType, schema)
          : this.#array(type.items, schema)
      case 'map':
        return this.#map(type.values, schema)
      case 'record':
        return this.#record(type, schema)
      case 'union':
        return this.#union(type, schema)
    }
  }

  #array(items: AvroType, schema: Schema): Decode {
    const decode = this.compile(items, schema.values!)
    const itemBytes = leastBytes(items)
    return (reader) => {
      const values: unknown[] = []
      for (let count = reader.block(itemBytes); count > 0; count = reader.block(itemBytes))
        for (let index = 0; index < count; index++) values.push(decode(reader))
      return values
    }
  }

  #map(type: AvroType, schema: Schema): Decode {
    const decode = this.compile(type, schema.values!)
    const itemBytes = leastBytes(type) + 1
    return (reader) => {
      const values: Record<string, unknown> = {}
      for (let count = reader.block(itemBytes); count > 0; count = reader.block(itemBytes))
        for (let index = 0; index < count; index++) {
          const name = reader.text()
          setOwn(values, name, decode(reader))
        }
      return values
    }
  }

  #entries(entry: RecordType, schema: Schema): Decode {
    const isKeyFirst = entry.fields[0]!.name === 'key'
    const [first, second] = entry.fields.map((field) => this.compile(field.type, field.name === 'key' ? schema.keys! : schema.values!))
    const itemBytes = leastBytes(entry)
    const named = schema.keys!.type === 'string' && !schema.keys!.optional
    return (reader) => {
      const pairs: [unknown, unknown][] = []
      for (let count = reader.block(itemBytes); count > 0; count = reader.block(itemBytes))
        for (let index = 0; index < count; index++) {
          const one = first!(reader)
          const other = second!(reader)
          pairs.push(isKeyFirst ? [one, other] : [other, one])
        }
      return named ? Object.fromEntries(pairs) : new Map(pairs)
    }
  }

  #record(type: RecordType, schema: Schema): Decode {
    const names = type.fields.map((field) => field.name)
    const decoders = type.fields.map((field, index) => this.compile(field.type, schema.fields![index]!.schema))
    const inheritsFields = names.some((name) => name in Object.prototype)
    const count = names.length
    const decode: Decode = (reader) => {
      const struct: Record<string, unknown> = inheritsFields ? Object.create(null) : {}
      for (let index = 0; index < count; index++) struct[names[index]!] = decoders[index]!(reader)
      return struct
    }
    if (!arePlainNames(names)) return decode
    return hotCode(
      decode,
      decoders,
      (part) => `return { ${names.map((name, index) => `${literal(name)}: ${part(index)}(given)`).join(', ')} }`,
    )
  }

  #union({ types }: UnionType, schema: Schema): Decode {
    if (!isUnion(schema)) {
      const decoders = types.map((member) => (member.type === 'null' ? () => null : this.compile(member, schema)))
      if (decoders.length === 1) {
        const only = decoders[0]!
        return (reader) => {
          if (reader.long() !== 0) throw wrongBranch()
          return only(reader)
        }
      }
      const [zero, one] = decoders as [Decode, Decode]
      return (reader) => {
        const branch = reader.long()
        if (branch === 0) return zero(reader)
        if (branch === 1) return one(reader)
        throw wrongBranch()
      }
    }
    const empty = Object.fromEntries(schema.fields!.map(({ name }) => [name, null]))
    const decoders = types.map((member, index): Decode => {
      if (member.type === 'null') return () => null
      const name = unionFieldName(member, index, this.#options)
      const decode = this.compile(member, schema.fields!.find((field) => field.name === name)!.schema)
      return (reader) => ({ ...empty, [name]: decode(reader) })
    })
    return (reader) => {
      const decode = decoders[reader.long() as number]
      if (!decode) throw wrongBranch()
      return decode(reader)
    }
  }
}

const wrongBranch = () => new DataError('a union of the record has a type that its schema does not have')
