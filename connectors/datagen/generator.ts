/**
 * Generates values of Connect for an Avro schema, guided by its `arg.properties` as Avro Random Generator documents them. The numbers
 * are drawn in its order, so that one seed gives the same choices.
 */
import { readFileSync } from 'node:fs'
import { avroDataDefaults, unionFieldName } from '../../connect/converters/avro/avro-names.ts'
import type { AvroType } from '../../connect/converters/avro/avro-type.ts'
import { AvroReader } from '../../connect/converters/avro/binary.ts'
import { AvroDecoders } from '../../connect/converters/avro/decode.ts'
import { defaultFromJson } from '../../connect/converters/avro/default-value.ts'
import { logicalTypes, parseExactly, type Schema } from '../../connect/sdk/index.ts'
import { type Iteration, iterationOf, type Properties } from './iteration.ts'
import type { JavaRandom } from './java-random.ts'
import { regexTexts } from './regex-text.ts'

export type Generate = () => unknown

const DEFAULT_LENGTH = { min: 8, max: 16 }
/** How much longer than `min` a length is where there is no `max`. */
const OPEN_LENGTH = 16
/** Items of an array or a map, characters and bytes, at most (Invariant 13). */
const MAX_LENGTH = 1_000_000
/** Records, items, characters and bytes of one record, at most: arrays in arrays multiply (Invariant 13). */
const MAX_RECORD_SIZE = 10_000_000
/** Records within each other, at most. */
const MAX_DEPTH = 100
const FIRST_PRINTABLE = 0x21
const PRINTABLE = 94

const isObject = (value: unknown): value is Properties => typeof value === 'object' && value !== null && !Array.isArray(value)
const int64 = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value)

export class Generator {
  readonly #random: JavaRandom
  /** In the order of the schema. */
  readonly iterations: Iteration[] = []
  readonly generate: Generate
  readonly #records = new Map<AvroType, Generate>()
  #depth = 0
  #size = 0

  constructor(type: AvroType, schema: Schema, random: JavaRandom) {
    this.#random = random
    const generate = this.#compile(type, schema)
    this.generate = () => {
      this.#size = 0
      return generate()
    }
  }

  /** The records, items, characters and bytes of the last record. */
  get size(): number {
    return this.#size
  }

  /** Before they are made. */
  #take(size: number): number {
    this.#size += size
    if (this.#size > MAX_RECORD_SIZE)
      throw new Error(`a record has more than ${MAX_RECORD_SIZE} items, characters and bytes: make its lengths smaller`)
    return size
  }

  #compile(type: AvroType, schema: Schema): Generate {
    const properties = propertiesOf(type)
    if (properties.options !== undefined) return this.#options(type, schema, properties.options)
    if (properties.iteration !== undefined) return this.#iteration(type, schema, properties)
    const random = this.#random
    switch (type.type) {
      case 'null':
        return () => null
      case 'boolean':
        return this.#boolean(properties)
      case 'int':
        return stored(
          schema,
          this.#integer(properties, INT32, () => random.nextInt()),
        )
      case 'long':
        return stored(
          schema,
          this.#integer(properties, SAFE_INTEGERS, () => int64(random.nextLong())),
        )
      case 'float':
        return this.#float(properties)
      case 'double': {
        const [min, max] = numbersOf(properties.range, -Number.MAX_VALUE, Number.MAX_VALUE) ?? [0, 1]
        return () => min + random.nextDouble() * (max - min)
      }
      case 'bytes':
      case 'fixed':
        return this.#bytes(type, schema, properties)
      case 'string':
        return this.#string(properties)
      case 'enum':
        return () => type.symbols[random.nextBelow(type.symbols.length)]
      case 'array':
        return this.#array(this.#compile(type.items, schema.values!), properties)
      case 'map':
        return this.#map(this.#compile(type.values, schema.values!), properties)
      case 'union':
        return this.#union(type, schema)
      case 'record':
        return this.#record(type, schema)
    }
  }

  #options(type: AvroType, schema: Schema, options: unknown): Generate {
    const values = optionValues(type, schema, options)
    if (values.length === 0) throw new Error('options property cannot be empty')
    return () => values[this.#random.nextBelow(values.length)]
  }

  #iteration(type: AvroType, schema: Schema, properties: Properties): Generate {
    if (!isObject(properties.iteration)) throw new Error('iteration prop must be an object')
    const iteration = iterationOf(type.type, properties.iteration)
    this.iterations.push(iteration)
    if (type.type !== 'string') return stored(schema, () => iteration.next())
    const around = surrounded(properties)
    return () => around(String(iteration.next()))
  }

  #boolean({ odds }: Properties): Generate {
    if (odds === undefined) return () => this.#random.nextBoolean()
    if (typeof odds !== 'number' || odds < 0 || odds > 1) throw new Error('odds property must be in the range [0.0, 1.0]')
    return () => this.#random.nextDouble() < odds
  }

  #integer({ range }: Properties, [least, most]: readonly [number, number], any: () => number | bigint): () => number | bigint {
    const [min, max] = numbersOf(range, least, most) ?? []
    if (min === undefined || max === undefined) return any
    // The greatest is not reached.
    if (least === INT32[0] && (min < least || max - 1 > INT32[1]))
      throw new Error(`range property of an int must be from ${least} to ${most}`)
    return () => min + Math.trunc(this.#random.nextDouble() * (max - min))
  }

  #float({ range }: Properties): Generate {
    const most = Math.fround(3.4028234663852886e38)
    const [min, max] = numbersOf(range, -most, most) ?? [0, 1]
    return () => Math.fround(min + Math.fround(this.#random.nextFloat() * Math.fround(max - min)))
  }

  #bytes(type: AvroType, schema: Schema, properties: Properties): Generate {
    if (schema.name === logicalTypes.decimal) return this.#decimal(type, schema, properties)
    if (type.type === 'fixed') return () => this.#random.nextBytes(this.#take(type.size))
    const length = this.#length(properties.length)
    return () => this.#random.nextBytes(length())
  }

  /** Digits of a Decimal, within `range` where there is one. */
  #decimal(type: AvroType, schema: Schema, { range }: Properties): Generate {
    const scale = Number(schema.parameters!.scale)
    const bounds = numbersOf(range, -Number.MAX_VALUE, Number.MAX_VALUE)
    if (bounds) return () => (bounds[0] + this.#random.nextDouble() * (bounds[1] - bounds[0])).toFixed(scale)
    const precision = Number(type.props.precision ?? 1)
    return () => {
      let digits = ''
      this.#take(precision)
      while (digits.length < precision) digits += String(Math.floor(this.#random.nextDouble() * 1e15)).padStart(15, '0')
      digits = digits.slice(0, precision).padStart(scale + 1, '0')
      const sign = this.#random.nextBoolean() && /[1-9]/.test(digits) ? '-' : ''
      const whole = digits.slice(0, digits.length - scale).replace(/^0+(?=\d)/, '')
      return `${sign}${whole}${scale > 0 ? `.${digits.slice(-scale)}` : ''}`
    }
  }

  #string(properties: Properties): () => string {
    const around = surrounded(properties)
    if (properties.regex !== undefined) {
      if (typeof properties.regex !== 'string') throw new Error('regex property must be a string')
      const { min, max } = lengthOf(properties.length)
      const texts = regexTexts(properties.regex, min, typeof properties.length === 'number' ? MAX_LENGTH : max)
      return () => {
        const text = texts(this.#random)
        this.#take(text.length)
        return around(text)
      }
    }
    const length = this.#length(properties.length)
    return () => {
      let text = ''
      for (let left = length(); left > 0; left--) text += String.fromCharCode(FIRST_PRINTABLE + this.#random.nextBelow(PRINTABLE))
      return around(text)
    }
  }

  #array(item: Generate, properties: Properties): Generate {
    const length = this.#length(properties.length)
    return () => Array.from({ length: length() }, item)
  }

  #map(value: Generate, { length: wanted, keys }: Properties): Generate {
    const length = this.#length(wanted)
    if (keys !== undefined && !isObject(keys)) throw new Error('keys prop must be an object')
    const key = this.#keys(keys ?? { length: 1 })
    return () => {
      const map: Record<string, unknown> = {}
      for (let left = length(); left > 0; left--) map[key()] = value()
      return map
    }
  }

  #keys(properties: Properties): () => string {
    if (properties.options === undefined) return this.#string(properties)
    const { options } = properties
    if (!Array.isArray(options) || options.length === 0) throw new Error('options of keys must be an array that is not empty')
    return () => String(options[this.#random.nextBelow(options.length)])
  }

  #union(type: AvroType & { type: 'union' }, schema: Schema): Generate {
    const others = type.types.filter((member) => member.type !== 'null')
    const members = type.types.map((member, index) => {
      if (member.type === 'null') return () => null
      if (others.length === 1) return this.#compile(member, schema)
      const name = unionFieldName(member, index, avroDataDefaults)
      const field = schema.fields!.find((candidate) => candidate.name === name)!
      const value = this.#compile(member, field.schema)
      return () => ({ [name]: value() })
    })
    return () => members[this.#random.nextBelow(members.length)]!()
  }

  #record(type: AvroType & { type: 'record' }, schema: Schema): Generate {
    const known = this.#records.get(type)
    if (known) return known
    let fields: [name: string, generate: Generate][] = []
    const generate = () => {
      this.#take(1)
      if (++this.#depth > MAX_DEPTH) throw new Error(`${type.name} has more than ${MAX_DEPTH} records within each other`)
      const value: Record<string, unknown> = {}
      for (const [name, next] of fields) value[name] = next()
      this.#depth--
      return value
    }
    this.#records.set(type, generate)
    fields = type.fields.map((field, index) => [field.name, this.#compile(field.type, schema.fields![index]!.schema)])
    return generate
  }

  #length(length: unknown): () => number {
    const { min, max } = lengthOf(length)
    return () => this.#take(min + this.#random.nextBelow(max - min))
  }
}

function propertiesOf(type: AvroType): Properties {
  const properties = type.props['arg.properties']
  if (properties === undefined) return {}
  if (!isObject(properties)) throw new Error('arg.properties must be an object')
  const exclusive = ['options', 'iteration', 'range'].filter((name) => properties[name] !== undefined)
  if (exclusive.length > 1) throw new Error(`${exclusive.join(' and ')} of arg.properties exclude each other`)
  return properties
}

function optionValues(type: AvroType, schema: Schema, options: unknown): unknown[] {
  const json = (values: unknown) => {
    if (!Array.isArray(values)) throw new Error('options must be an array')
    return values.map((value) => optionValue(type, schema, value))
  }
  if (!isObject(options)) return json(options)
  const { file, encoding } = options
  if (typeof file !== 'string' || (encoding !== 'json' && encoding !== 'binary'))
    throw new Error('options must be an array, or an object with the fields file and encoding, which is json or binary')
  try {
    const bytes = readFileSync(file)
    if (encoding === 'json') return json(parseExactly(bytes.toString('utf8')))
    const decode = new AvroDecoders(avroDataDefaults).compile(
      { type: 'array', items: type, props: {} },
      { type: 'array', optional: false, values: schema },
    )
    const reader = new AvroReader()
    reader.start(bytes, 0)
    return decode(reader) as unknown[]
  } catch (error) {
    throw new Error(`the options in ${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

/** A number past 2^53 is a bigint, which no default is. */
const optionValue = (type: AvroType, schema: Schema, json: unknown): unknown =>
  typeof json === 'bigint' ? json : defaultFromJson(schema, type, json, avroDataDefaults)

const INT32 = [-(2 ** 31), 2 ** 31 - 1] as const
const SAFE_INTEGERS = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const

function numbersOf(range: unknown, least: number, most: number): [number, number] | null {
  if (range === undefined) return null
  if (!isObject(range)) throw new Error('range property must be an object')
  const { min = least, max = most } = range
  if (typeof min !== 'number' || typeof max !== 'number') throw new Error("'min' and 'max' of range property must be numbers")
  if (min >= max) throw new Error("'min' field must be strictly less than 'max' field in range property")
  return [min, max]
}

function lengthOf(length: unknown): { min: number; max: number } {
  if (length === undefined) return DEFAULT_LENGTH
  const { min = 0, max = Number(min) + OPEN_LENGTH } = isObject(length) ? length : { min: length, max: Number(length) + 1 }
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || Number(min) < 0 || Number(max) > MAX_LENGTH)
    throw new Error(`length property must be a whole number, or an object of min and max, from 0 to ${MAX_LENGTH}`)
  if (Number(max) <= Number(min)) throw new Error('max field must be strictly greater than min field for length property')
  return { min: Number(min), max: Number(max) }
}

function surrounded({ prefix = '', suffix = '' }: Properties): (text: string) => string {
  if (typeof prefix !== 'string' || typeof suffix !== 'string') throw new Error('prefix and suffix properties must be strings')
  return prefix === '' && suffix === '' ? (text) => text : (text) => `${prefix}${text}${suffix}`
}

const DAY_MS = 86_400_000

/** The value of a number that may be one of a logical type. */
function stored(schema: Schema, next: () => unknown): Generate {
  if (schema.name === logicalTypes.date) return () => new Date(Number(next()) * DAY_MS)
  if (schema.name === logicalTypes.time || schema.name === logicalTypes.timestamp) return () => new Date(Number(next()))
  return next
}
