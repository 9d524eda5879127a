/**
 * Random records for transforms: keys and values of all types of Kafka Connect's data model, with and without schemas, optional, with
 * defaults, null and nested, as texts in JsonConverter's envelope. Without a schema a floating-point number always has a fraction, without
 * which ours cannot tell it from a whole one.
 */
import type { CaseRecord } from './connect-transforms.ts'

/** A JSON value in which a text that starts with # is written as it is, without quotes: numbers keep all their digits. */
type Json = unknown

const write = (json: Json): string => {
  if (typeof json === 'string') return json.startsWith('#') ? json.slice(1) : JSON.stringify(json)
  if (Array.isArray(json)) return `[${json.map(write).join(',')}]`
  if (typeof json === 'object' && json !== null)
    return `{${Object.entries(json)
      .map(([name, item]) => `${JSON.stringify(name)}:${write(item)}`)
      .join(',')}}`
  return JSON.stringify(json)
}

export const envelope = (schema: Json, payload: Json): string => write({ schema, payload })

const primitives = ['int8', 'int16', 'int32', 'int64', 'float', 'double', 'boolean', 'string', 'bytes'] as const
const logical = ['Decimal', 'Date', 'Time', 'Timestamp'] as const
const containers = ['array', 'map', 'struct'] as const

const texts = ['', 'text', 'true', 'TRUE', 'no', '0', '-7', '+5', '127', '128', '-32769', '2147483648', '9223372036854775807', '9223372036854775808', '00012',
  ' 12', '1.5', '1e3', '.5', '5.', 'NaN', '-Infinity', '1e400', '3.4e38', '3.5e38', '0x1p3', '1f', '2d', '1_000', 'ünï', '1e-50', ' 2.5 '] // biome-ignore format: a list
const doubles = ['0.0', '1.0', '0.1', '-2.5', '100.0', '1234567.0', '9999999.0', '1.0E7', '123456789.125', '0.001', '9.99E-4', '1.0E-5', '1.0E100',
  '1.7976931348623157E308', '4.9E-324', '2147483648.5', '-2147483649.5', '9.3E18', '-9.3E18', '300.7', '-129.9', '65536.2', '1.0E21', '0.3333333333333333'] // biome-ignore format: a list
const floats = ['0.0', '1.0', '0.1', '-2.5', '1.0E10', '1.0E-5', '3.4028235E38', '1.4E-45', '16777216', '0.33333334', '300.7', '1.0E7', '0.001'] // biome-ignore format: a list
const longs = ['0', '1', '-1', '127', '128', '-129', '255', '256', '32768', '-32769', '65535', '2147483647', '2147483648', '-2147483649', '4294967297', '9007199254740991',
  '9007199254740993', '9223372036854775807', '-9223372036854775808', '576460789834514433', '16777217'] // biome-ignore format: a list
const decimals = ['AA==', 'AQ==', '/w==', 'ew==', 'MDk=', 'h1n//w==', 'AIAAAAAAAAAA', 'f/////////8=', 'D0JA', 'AWNFeF2KAAA='] // biome-ignore format: a list
const bits = { int8: 8, int16: 16, int32: 32 } as const

/** JsonConverter refuses defaults with structs: it compares a schema with one that is being built. */
const hasStruct = (schema: Json): boolean =>
  typeof schema === 'object' && schema !== null && ('fields' in schema || Object.values(schema).some(hasStruct))

export class TransformSamples {
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  #below = (limit: number) => Math.floor(this.#random() * limit)
  chance = (of: number): boolean => this.#random() < of
  one = <T>(items: readonly T[]): T => items[this.#below(items.length)]!

  #payload(schema: Json): Json {
    const { type, name, fields, items, values, keys } = schema as Record<string, Json>
    if (name === 'org.apache.kafka.connect.data.Decimal') return this.one(decimals)
    if (name === 'org.apache.kafka.connect.data.Date') return this.one([0, 1, 19_000, -1, 3_000_000])
    if (name === 'org.apache.kafka.connect.data.Time') return this.one([0, 1, 43_200_000, 86_399_999, 86_400_000])
    if (name === 'org.apache.kafka.connect.data.Timestamp')
      return this.one([0, 1, 86_400_000, 86_399_999, 1_700_000_000_123, -1, -86_400_000, 1_700_006_400_000, 253_402_300_800_000])
    switch (type) {
      case 'int8':
      case 'int16':
      case 'int32': {
        const size = bits[type]
        return this.one([0, 1, -1, 7, 2 ** (size - 1) - 1, -(2 ** (size - 1))])
      }
      case 'int64':
        return `#${this.one(longs)}`
      case 'float':
        return `#${this.one(floats)}`
      case 'double':
        return `#${this.one(doubles)}`
      case 'boolean':
        return this.chance(0.5)
      case 'string':
        return this.one(texts)
      case 'bytes':
        return this.one(['', 'AQID', '/+8='])
      case 'array':
        return Array.from({ length: this.#below(3) }, () => this.value(items))
      case 'map':
        return (keys as { type: string }).type === 'string'
          ? Object.fromEntries(this.one([[], ['k'], ['k', 'l']]).map((key) => [key, this.value(values)]))
          : [[this.#payload(keys), this.value(values)]]
      default:
        return Object.fromEntries((fields as { field: string }[]).map((field) => [field.field, this.value(field)]))
    }
  }

  /** A value of the schema, null now and then where it is optional. */
  value = (schema: Json): Json => ((schema as { optional: boolean }).optional && this.chance(0.3) ? null : this.#payload(schema))

  schema(depth = 2): Record<string, Json> {
    const kind = this.one<string>(depth > 0 ? [...primitives, ...logical, ...containers] : [...primitives, ...logical])
    return this.#decorated(this.#schemaOf(kind, depth))
  }

  #decorated(schema: Record<string, Json>): Record<string, Json> {
    schema.optional = this.chance(0.4)
    if (this.chance(0.2)) schema.doc = 'documented'
    if (schema.name === undefined && this.chance(0.15)) Object.assign(schema, { name: 'a.name', version: 2 })
    if (schema.parameters === undefined && this.chance(0.1)) schema.parameters = { p: 'q' }
    if (this.chance(0.2) && !hasStruct(schema)) {
      const fallback = this.#payload(schema)
      // How null within a default is written is the converter's.
      if (!write(fallback).includes('null')) schema.default = fallback
    }
    return schema
  }

  #schemaOf(kind: string, depth: number): Record<string, Json> {
    const named = (type: string) => ({ type, name: `org.apache.kafka.connect.data.${kind}`, version: 1 })
    switch (kind) {
      case 'Decimal':
        return { ...named('bytes'), parameters: { scale: this.one(['0', '2', '8', '-2']) } }
      case 'Date':
      case 'Time':
        return named('int32')
      case 'Timestamp':
        return named('int64')
      case 'array':
        return { type: 'array', items: this.schema(depth - 1) }
      case 'map':
        return { type: 'map', keys: { type: this.one(['string', 'int32']), optional: false }, values: this.schema(depth - 1) }
      case 'struct':
        return this.#structOf(depth - 1)
      default:
        return { type: kind }
    }
  }

  #structOf(depth: number): Record<string, Json> {
    const names = ['a', 'b', 'c', 'n', 'a.b', 'constructor', 'long name'].filter(() => this.chance(0.6))
    return { type: 'struct', fields: names.map((field) => ({ ...this.schema(depth), field })) }
  }

  struct = (): Record<string, Json> => this.#decorated(this.#structOf(2))

  /** A value without a schema. */
  plain(depth = 2): Json {
    const kinds = ['string', 'whole', 'fraction', 'boolean', 'null', ...(depth > 0 ? ['array', 'map', 'map'] : [])]
    switch (this.one(kinds)) {
      case 'string':
        return this.one(texts)
      case 'whole':
        return `#${this.one(longs)}`
      case 'fraction':
        return `#${this.one(['0.5', '-2.25', '300.7', '1.5E-7', '123456.789', '0.001', '2147483648.5'])}`
      case 'boolean':
        return this.chance(0.5)
      case 'array':
        return Array.from({ length: this.#below(3) }, () => this.plain(depth - 1))
      case 'map':
        return this.map(depth - 1)
      default:
        return null
    }
  }

  map = (depth = 2): Json =>
    Object.fromEntries(['a', 'b', 'c', 'n', 'a.b', 'constructor'].filter(() => this.chance(0.6)).map((name) => [name, this.plain(depth)]))

  /** A key or value: mostly structs and maps. */
  side(): string | null {
    if (this.chance(0.06)) return null
    if (this.chance(0.35)) return envelope(null, this.chance(0.85) ? this.map() : this.plain())
    const schema = this.chance(0.8) ? this.struct() : this.schema()
    return envelope(schema, this.value(schema))
  }

  record(): CaseRecord {
    const ofSink = this.chance(0.6)
    return {
      topic: this.one(['t', 'topic-2']),
      partition: ofSink || this.chance(0.5) ? this.#below(9) : null,
      timestamp: this.chance(0.7) ? this.one([0, 1_700_000_000_123, 86_400_000]) : null,
      ...(ofSink && { offset: this.#below(100_000) }),
      key: this.side(),
      value: this.side(),
      headers: this.chance(0.2) ? [{ key: 'h', value: envelope({ type: 'int32', optional: false }, 7) }] : [],
    }
  }
}
