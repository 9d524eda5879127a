/**
 * Values without a schema, as Confluent's AvroData has them: each is a record `Anything` of which one field is set. Whole numbers are
 * longs, other numbers are doubles.
 */
import { DataError } from '../../sdk/index.ts'
import type { AvroReader, AvroWriter } from './binary.ts'
import { entriesOf } from './default-value.ts'

const FIELDS = ['boolean', 'bytes', 'double', 'float', 'int', 'long', 'string', 'array', 'map'] as const
type Field = (typeof FIELDS)[number]
/** How deep values may be nested (Invariant 13). */
const MAX_DEPTH = 1_000

const MAX_LONG = 2n ** 63n

function fieldOf(value: unknown): Field | null {
  if (value === null || value === undefined) return null
  switch (typeof value) {
    case 'boolean':
    case 'string':
      return typeof value as Field
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? 'long' : 'double'
    case 'bigint':
      if (value >= MAX_LONG || value < -MAX_LONG) throw new DataError('a number without a schema that is longer than 64 bits')
      return 'long'
    case 'object':
      if (value instanceof Uint8Array) return 'bytes'
      if (Array.isArray(value)) return 'array'
      if (value instanceof Map || Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null) return 'map'
  }
  throw new DataError(`Unknown Java type for schemaless data: ${(value as object).constructor?.name ?? typeof value}`)
}

export function encodeAnything(writer: AvroWriter, value: unknown, depth = 0): void {
  if (depth > MAX_DEPTH) throw new DataError(`a value nested deeper than ${MAX_DEPTH}`)
  const field = fieldOf(value)
  for (const name of FIELDS) {
    writer.byte(name === field ? 2 : 0)
    if (name !== field) continue
    if (name === 'boolean') writer.byte(value ? 1 : 0)
    else if (name === 'bytes') writer.bytes(value as Uint8Array)
    else if (name === 'double') writer.double(value as number)
    else if (name === 'long') writer.long(value as number | bigint)
    else if (name === 'string') writer.text(value as string)
    else if (name === 'array') {
      const items = value as unknown[]
      if (items.length > 0) writer.long(items.length)
      for (const item of items) encodeAnything(writer, item, depth + 1)
      writer.byte(0)
    } else {
      const entries = [...entriesOf(value as object)]
      if (entries.length > 0) writer.long(entries.length)
      for (const [key, item] of entries) {
        encodeAnything(writer, key, depth + 1)
        encodeAnything(writer, item, depth + 1)
      }
      writer.byte(0)
    }
  }
}

export function decodeAnything(reader: AvroReader, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new DataError(`a value nested deeper than ${MAX_DEPTH}`)
  let value: unknown = null
  let isSet = false
  for (const name of FIELDS) {
    const branch = reader.long()
    if (branch === 0) continue
    if (branch !== 1) throw new DataError('the union of a value without a schema has two types')
    const own = decodeField(reader, name, depth)
    // The first one counts, as in Confluent's converter.
    if (!isSet) value = own
    isSet = true
  }
  return value
}

function decodeField(reader: AvroReader, name: Field, depth: number): unknown {
  switch (name) {
    case 'boolean':
      return reader.byte() !== 0
    case 'bytes':
      return reader.raw(reader.size())
    case 'double':
      return reader.double()
    case 'float':
      return reader.float()
    case 'int':
    case 'long':
      return reader.long()
    case 'string':
      return reader.text()
    case 'array': {
      const items: unknown[] = []
      for (let count = reader.block(FIELDS.length); count > 0; count = reader.block(FIELDS.length))
        for (let index = 0; index < count; index++) items.push(decodeAnything(reader, depth + 1))
      return items
    }
    case 'map': {
      const entries: [unknown, unknown][] = []
      for (let count = reader.block(FIELDS.length * 2); count > 0; count = reader.block(FIELDS.length * 2))
        for (let index = 0; index < count; index++) entries.push([decodeAnything(reader, depth + 1), decodeAnything(reader, depth + 1)])
      return entries.every(([key]) => typeof key === 'string') ? Object.fromEntries(entries) : new Map(entries)
    }
  }
}
