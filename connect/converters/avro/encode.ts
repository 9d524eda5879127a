/**
 * Writes values of Connect in Avro's binary encoding. The encoder of a schema of Connect and an Avro type is compiled once: for the type
 * that the schema itself gives, or for another one of the registry, whose fields are found by name. A value that does not fit is a
 * DataError.
 */
import { DataError, logicalTypes, type Schema } from '../../sdk/index.ts'
import { arePlainNames, hotCode, literal } from '../../sdk/values/hot-code.ts'
import { storedDate } from '../../sdk/values/stored-dates.ts'
import { bytesOf, scaleOf, unscaled } from '../json/decimal.ts'
import { type AvroDataOptions, enumName, hasNameKeys, isDecimal, isFixed, isMapEntry, isUnion, scrubbed, splitName } from './avro-names.ts'
import {
  type AvroField,
  type AvroType,
  type EnumType,
  type FixedType,
  fullName,
  isNamed,
  type RecordType,
  type UnionType,
} from './avro-type.ts'
import { AvroWriter } from './binary.ts'
import { defaultFromJson, entriesOf } from './default-value.ts'
import { ConnectAvroSchemas } from './to-connect-schema.ts'

export type Encode = (writer: AvroWriter, value: unknown) => void

const MAX_INT = 2 ** 31 - 1
const describe = (value: unknown): string =>
  typeof value === 'object' ? ((value as object | null)?.constructor?.name ?? 'null') : typeof value
const mismatch = (schema: Schema, value: unknown) => new DataError(`Invalid type for ${schema.type.toUpperCase()}: ${describe(value)}`)
const nullValue = () => new DataError('Found null value for non-optional schema')
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) && !(value instanceof Date)

const BITS = { int8: 8, int16: 16, int32: 32, int64: 64 } as const

function integer(schema: Schema, bits: number): Encode {
  const min = -(2 ** (bits - 1))
  const max = 2 ** (bits - 1)
  return (writer, value) => {
    const isInteger =
      typeof value === 'number'
        ? Number.isInteger(value) && value >= min && value < max
        : typeof value === 'bigint' && BigInt.asIntN(bits, value) === value
    if (!isInteger) throw mismatch(schema, value)
    writer.long(value as number | bigint)
  }
}

function time(schema: Schema): Encode {
  return (writer, value) => {
    const number = value instanceof Date ? storedDate(schema.name, value) : value
    const fits = schema.type === 'int32' ? Number.isInteger(number) && Math.abs(number as number) <= MAX_INT : Number.isSafeInteger(number)
    if (!fits) throw mismatch(schema, value)
    writer.long(number as number)
  }
}

function decimalBytes(schema: Schema): (value: unknown) => Buffer {
  const scale = scaleOf(schema)
  return (value) => {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') throw mismatch(schema, value)
    return bytesOf(unscaled(String(value), scale))
  }
}

/** How well values of a schema fit a type: 0 not at all, 1 with another type of number or text, 2 exactly. */
function fitOf(schema: Schema, type: AvroType, options: AvroDataOptions): 0 | 1 | 2 {
  const text = type.type
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
      return text === 'int' ? 2 : text === 'long' || text === 'float' || text === 'double' ? 1 : 0
    case 'int64':
      return text === 'long' ? 2 : text === 'int' || text === 'float' || text === 'double' ? 1 : 0
    case 'float32':
      return text === 'float' ? 2 : text === 'double' ? 1 : 0
    case 'float64':
      return text === 'double' ? 2 : text === 'float' ? 1 : 0
    case 'boolean':
      return text === 'boolean' ? 2 : 0
    case 'string': {
      const isEnum = enumName(schema) !== undefined
      if (text === 'enum') return isEnum && enumName(schema) === fullName(type as EnumType) ? 2 : 1
      return text === 'string' ? (isEnum ? 1 : 2) : 0
    }
    case 'bytes':
      if (text === 'fixed') return isFixed(schema) && isNamedAs(schema, type as FixedType, options) ? 2 : 1
      return text === 'bytes' ? (isFixed(schema) ? 1 : 2) : 0
    case 'array':
      return text === 'array' && !isMapEntry(type.items) ? 2 : text === 'array' ? 1 : 0
    case 'map':
      if (text === 'map') return schema.keys && !hasNameKeys(schema, options) ? 0 : 2
      return text === 'array' && type.items.type === 'record' ? (schema.keys && !hasNameKeys(schema, options) ? 2 : 0) : 0
    case 'struct':
      return text === 'record' ? (isNamedAs(schema, type, options) ? 2 : 1) : 0
  }
}

function isNamedAs(schema: Schema, type: RecordType | FixedType, { scrub }: AvroDataOptions): boolean {
  if (schema.name === undefined) return type.name.startsWith('ConnectDefault')
  return fullName(splitName(schema.name, scrub)) === fullName(type)
}

export class AvroEncoders {
  readonly #options: AvroDataOptions
  /** Whether each field of the type must be in the schema or have a default. */
  readonly #strict: boolean
  readonly #known = new Map<Schema, Map<AvroType, Encode>>()

  constructor(options: AvroDataOptions, strict: boolean) {
    this.#options = options
    this.#strict = strict
  }

  compile(schema: Schema, type: AvroType): Encode {
    let byType = this.#known.get(schema)
    if (!byType) this.#known.set(schema, (byType = new Map()))
    const known = byType.get(type)
    if (known) return known
    // A recursive type calls itself through this function until its encoder is there.
    let compiled: Encode | null = null
    byType.set(type, (writer, value) => compiled!(writer, value))
    compiled = type.type === 'union' ? this.#union(schema, type) : this.#required(schema, type)
    byType.set(type, compiled)
    return compiled
  }

  #required(schema: Schema, type: AvroType): Encode {
    const encode = this.#value(schema, type)
    return (writer, value) => {
      if (value === null || value === undefined) throw nullValue()
      encode(writer, value)
    }
  }

  #union(schema: Schema, type: UnionType): Encode {
    const nullIndex = type.types.findIndex((member) => member.type === 'null')
    const encode = schema.type === 'struct' && isUnion(schema) ? this.#member(schema, type, nullIndex) : this.#branch(schema, type, -1)
    const isNullable = nullIndex >= 0 && schema.optional
    return (writer, value) => {
      if (value !== null && value !== undefined) encode(writer, value)
      else if (isNullable) writer.long(nullIndex)
      else throw nullValue()
    }
  }

  /** Writes a value as the type of the union that fits best; `expected` where two fit equally. */
  #branch(schema: Schema, { types }: UnionType, expected: number): Encode {
    let index = -1
    let best = 0
    types.forEach((member, at) => {
      const fit = member.type === 'null' ? 0 : fitOf(schema, member, this.#options)
      if (fit > best || (fit === best && fit > 0 && at === expected)) {
        best = fit
        index = at
      }
    })
    if (index < 0) throw new DataError(`the Avro union has no type for ${schema.name ?? schema.type.toUpperCase()}`)
    const encode = this.#value(schema, types[index]!)
    return (writer, value) => {
      writer.long(index)
      encode(writer, value)
    }
  }

  /** A union of Connect is a struct of which one field is set. */
  #member(schema: Schema, type: UnionType, nullIndex: number): Encode {
    const hasLeadingNull = nullIndex === 0 ? 1 : 0
    const members = schema.fields!.map((field, index) => ({
      name: field.name,
      encode: this.#branch(field.schema, type, index + hasLeadingNull),
    }))
    return (writer, value) => {
      if (!isObject(value)) throw mismatch(schema, value)
      for (const member of members) {
        const own = value[member.name]
        if (own === null || own === undefined) continue
        member.encode(writer, own)
        return
      }
      if (nullIndex < 0 || !schema.optional) throw nullValue()
      writer.long(nullIndex)
    }
  }

  #value(schema: Schema, type: AvroType): Encode {
    if (schema.type === 'struct' && isUnion(schema) && type.type !== 'union') return this.#onlyMember(schema, type)
    if (fitOf(schema, type, this.#options) === 0)
      throw new DataError(
        `${schema.name ?? schema.type.toUpperCase()} does not fit the Avro type ${isNamed(type) ? fullName(type) : type.type}`,
      )
    switch (schema.type) {
      case 'struct':
        return this.#record(schema, type as RecordType)
      case 'array':
        return this.#array(schema, type)
      case 'map':
        return this.#map(schema, type)
      case 'string':
        return type.type === 'enum' ? this.#enum(schema, type) : text(schema)
      case 'bytes':
        return type.type === 'fixed' ? fixed(schema, type) : bytes(schema)
      case 'boolean':
        return (writer, value) => {
          if (typeof value !== 'boolean') throw mismatch(schema, value)
          writer.byte(value ? 1 : 0)
        }
    }
    if (type.type === 'double' || type.type === 'float') {
      const isDouble = type.type === 'double'
      return (writer, value) => {
        const number = typeof value === 'bigint' ? Number(value) : value
        if (typeof number !== 'number') throw mismatch(schema, value)
        if (isDouble) writer.double(number)
        else writer.float(number)
      }
    }
    if (schema.name === logicalTypes.date) return time(schema)
    if (schema.name === logicalTypes.time || schema.name === logicalTypes.timestamp) return time(schema)
    return integer(
      schema,
      type.type === 'int' ? Math.min(32, BITS[schema.type as keyof typeof BITS]) : BITS[schema.type as keyof typeof BITS],
    )
  }

  /** A union of one type, which the registry has as that type. */
  #onlyMember(schema: Schema, type: AvroType): Encode {
    const member = schema.fields!.find((field) => fitOf(field.schema, type, this.#options) > 0)
    if (!member) throw new DataError(`no type of the union fits the Avro type ${type.type}`)
    const encode = this.#value(member.schema, type)
    return (writer, value) => {
      if (!isObject(value) || value[member.name] === null || value[member.name] === undefined) throw mismatch(schema, value)
      encode(writer, value[member.name])
    }
  }

  #enum(schema: Schema, type: EnumType): Encode {
    const indexes = new Map(type.symbols.map((symbol, index) => [symbol, index]))
    return (writer, value) => {
      const index = indexes.get(value as string)
      if (index === undefined)
        throw typeof value === 'string' ? new DataError(`the enum ${fullName(type)} has no symbol ${value}`) : mismatch(schema, value)
      writer.long(index)
    }
  }

  #array(schema: Schema, type: AvroType): Encode {
    const element = this.compile(schema.values!, (type as { items: AvroType }).items)
    return (writer, value) => {
      if (!Array.isArray(value)) throw mismatch(schema, value)
      if (value.length > 0) {
        writer.long(value.length)
        for (const item of value) element(writer, item)
      }
      writer.byte(0)
    }
  }

  #map(schema: Schema, type: AvroType): Encode {
    if (type.type === 'map') {
      const element = this.compile(schema.values!, type.values)
      return entries(schema, (writer, name, item) => {
        if (typeof name !== 'string') throw mismatch(schema, name)
        writer.text(name)
        element(writer, item)
      })
    }
    const { fields } = (type as { items: RecordType }).items
    const of = (name: string) => {
      const field = fields.find((candidate) => candidate.name === name)
      if (!field || fields.length !== 2) throw new DataError('the Avro array of a map does not have entries with key and value')
      return field.type
    }
    const key = this.compile(schema.keys!, of('key'))
    const element = this.compile(schema.values!, of('value'))
    const isKeyFirst = fields[0]!.name === 'key'
    return entries(schema, (writer, name, item) => {
      if (isKeyFirst) key(writer, name)
      element(writer, item)
      if (!isKeyFirst) key(writer, name)
    })
  }

  #record(schema: Schema, type: RecordType): Encode {
    const byName = new Map(schema.fields!.map((field) => [this.#options.scrub ? scrubbed(field.name) : field.name, field]))
    const names: string[] = []
    const encoders: Encode[] = []
    for (const field of type.fields) {
      const own = byName.get(field.name)
      // A name that no value has: the encoder of a missing field does not look at it.
      names.push(own ? own.name : '')
      encoders.push(own ? this.#field(own.schema, field.type) : this.#missing(field, type))
    }
    const inheritsFields = names.some((name) => name in Object.prototype)
    const count = names.length
    const required = (value: unknown): Record<string, unknown> => {
      if (!isObject(value)) throw mismatch(schema, value)
      return value
    }
    const encode: Encode = (writer, value) => {
      const given = required(value)
      // A plain object inherits properties such as `constructor`, which are no fields.
      const struct = inheritsFields ? Object.assign(Object.create(null), given) : given
      for (let index = 0; index < count; index++) encoders[index]!(writer, struct[names[index]!])
    }
    if (!arePlainNames(names)) return encode
    return hotCode(encode, [required, ...encoders], (part) => {
      const writes = names.map((name, index) => `${part(index + 1)}(given, struct[${literal(name)}]);`)
      return `const struct = ${part(0)}(more); ${writes.join(' ')}`
    })
  }

  #field(schema: Schema, type: AvroType): Encode {
    const encode = this.compile(schema, type)
    const fallback = schema.default
    if (fallback === undefined || fallback === null || (this.#options.ignoreDefaultForNullables && schema.optional)) return encode
    return (writer, value) => encode(writer, value ?? fallback)
  }

  /** A field that the schema of Connect lacks has its default. */
  #missing(field: AvroField, record: RecordType): Encode {
    const { type } = field
    const nullIndex = type.type === 'union' ? type.types.findIndex((member) => member.type === 'null') : -1
    if (nullIndex >= 0 && (field.default === null || (field.default === undefined && !this.#strict)))
      return (writer) => writer.long(nullIndex)
    if (field.default === undefined)
      throw new DataError(`Incompatible schema: the field ${field.name} of ${fullName(record)} is not in the record, and has no default`)
    const ofDefault = type.type === 'union' ? type.types[0]! : type
    const schema = new ConnectAvroSchemas(
      this.#options,
      () => 0,
      () => {},
    ).convert(ofDefault, null)
    const writer = new AvroWriter()
    writer.start(Buffer.alloc(0))
    if (type.type === 'union') writer.long(0)
    this.compile(schema, ofDefault)(writer, defaultFromJson(schema, ofDefault, field.default, this.#options))
    const constant = writer.finish()
    return (target) => target.raw(constant)
  }
}

function text(schema: Schema): Encode {
  return (writer, value) => {
    if (typeof value !== 'string') throw mismatch(schema, value)
    writer.text(value)
  }
}

function bytes(schema: Schema): Encode {
  if (isDecimal(schema)) {
    const toBytes = decimalBytes(schema)
    return (writer, value) => writer.bytes(toBytes(value))
  }
  return (writer, value) => {
    if (!(value instanceof Uint8Array)) throw mismatch(schema, value)
    writer.bytes(value)
  }
}

function fixed(schema: Schema, { size, name }: FixedType): Encode {
  const toBytes = isDecimal(schema) ? decimalBytes(schema) : null
  return (writer, value) => {
    if (toBytes) {
      const shortest = toBytes(value)
      if (shortest.length > size)
        throw new DataError(`Unscaled value byte array length ${shortest.length} is greater than fixed size ${size}`)
      // The sign fills the bytes before the number.
      const padded = Buffer.alloc(size, shortest[0]! >= 0x80 ? 0xff : 0)
      shortest.copy(padded, size - shortest.length)
      writer.raw(padded)
      return
    }
    if (!(value instanceof Uint8Array)) throw mismatch(schema, value)
    if (value.length !== size) throw new DataError(`${value.length} bytes do not fit ${name}, which has ${size}`)
    writer.raw(value)
  }
}

const entries =
  (schema: Schema, encode: (writer: AvroWriter, key: unknown, item: unknown) => void): Encode =>
  (writer, value) => {
    if (!(value instanceof Map) && !isObject(value)) throw mismatch(schema, value)
    const size = value instanceof Map ? value.size : Object.keys(value).length
    if (size > 0) {
      writer.long(size)
      for (const [key, item] of entriesOf(value)) encode(writer, key, item)
    }
    writer.byte(0)
  }
