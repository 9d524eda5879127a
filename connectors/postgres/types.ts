/**
 * The Postgres type of a value, and the text of a value for that type. With a schema the types are those of the JDBC sinks; without one
 * they follow from the values, and a column is only ever widened. Values are sent as text in one array per column.
 */
import { logicalTypes, rawJson, type Schema } from '../../connect/sdk/index.ts'

const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)

const scalarTypes: Readonly<Record<string, string>> = {
  int8: 'smallint',
  int16: 'smallint',
  int32: 'integer',
  int64: 'bigint',
  float32: 'real',
  float64: 'double precision',
  boolean: 'boolean',
  string: 'text',
  bytes: 'bytea',
}

const logicalColumnTypes: Readonly<Record<string, string>> = {
  [logicalTypes.decimal]: 'numeric',
  [logicalTypes.date]: 'date',
  [logicalTypes.time]: 'time',
  [logicalTypes.timestamp]: 'timestamp',
}

export function typeOfSchema(schema: Schema): string {
  const logical = schema.name === undefined ? undefined : logicalColumnTypes[schema.name]
  if (logical) return logical
  const scalar = scalarTypes[schema.type]
  if (scalar) return scalar
  // Arrays of arrays must have one length in Postgres: JSON has no such limit.
  const item = schema.type === 'array' ? typeOfSchema(schema.values!) : 'jsonb'
  return item === 'jsonb' || item.endsWith('[]') ? 'jsonb' : `${item}[]`
}

/** The type for a value without a schema; null for null. */
export function typeOfValue(value: unknown): string | null {
  if (value === null || value === undefined) return null
  switch (typeof value) {
    case 'boolean':
      return 'boolean'
    case 'number':
      return Number.isSafeInteger(value) ? 'bigint' : 'double precision'
    case 'bigint':
      return value >= INT64_MIN && value <= INT64_MAX ? 'bigint' : 'numeric'
    case 'object':
      return value instanceof Date ? 'timestamptz' : value instanceof Uint8Array ? 'bytea' : 'jsonb'
    default:
      return 'text'
  }
}

/** Our names of the types that the catalog names otherwise. */
const ownTypeNames: Readonly<Record<string, string>> = {
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
  'time without time zone': 'time',
}
export const ownTypeName = (type: string): string => ownTypeNames[type] ?? type

/** The narrowest type for all values of both, among those that values without a schema have. */
export function widestType(a: string, b: string): string {
  if (canHold(a, b)) return a
  if (canHold(b, a)) return b
  return a === 'jsonb' || b === 'jsonb' ? 'jsonb' : 'text'
}

/** Whether a column can hold every value of a type. */
export function canHold(column: string, valueType: string): boolean {
  if (column === valueType || column === 'text' || column === 'json' || column === 'jsonb') return true
  if (column === 'numeric') return valueType === 'bigint' || valueType === 'double precision'
  return column === 'double precision' && valueType === 'bigint'
}

/** Only columns of these types may have been created for values without a schema: columns of other types are never altered. */
export const isWidenable = (type: string): boolean => type === 'boolean' || type === 'bigint' || type === 'double precision'

/** The text of a value for a column; null for NULL. */
export function textOf(value: unknown, columnType: string): string | null {
  if (value === null || value === undefined) return null
  if (columnType === 'jsonb' || columnType === 'json') return JSON.stringify(value, jsonReplacer) ?? null
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
    case 'bigint':
      return String(value)
    case 'boolean':
      return value ? 'true' : 'false'
  }
  if (value instanceof Date) return dateText(value, columnType)
  if (value instanceof Uint8Array) return bytesText(value, columnType)
  if (Array.isArray(value) && columnType.endsWith('[]')) return arrayText(value.map((item) => textOf(item, columnType.slice(0, -2))))
  return JSON.stringify(value instanceof Map ? Object.fromEntries(value) : value, jsonReplacer)
}

const jsonReplacer = (_key: string, part: unknown): unknown => {
  if (typeof part === 'bigint') return rawJson(String(part))
  if (part instanceof Map) return Object.fromEntries(part)
  // JSON.stringify has called Buffer.toJSON before.
  const bytes = part as { type?: unknown; data?: unknown } | null
  if (typeof bytes === 'object' && bytes?.type === 'Buffer' && Array.isArray(bytes.data)) return Buffer.from(bytes.data).toString('base64')
  return part
}

function dateText(value: Date, columnType: string): string {
  const iso = value.toISOString()
  if (columnType === 'date') return iso.slice(0, iso.indexOf('T'))
  if (columnType.startsWith('time') && !columnType.startsWith('timestamp')) return iso.slice(iso.indexOf('T') + 1, -1)
  return iso
}

function bytesText(value: Uint8Array, columnType: string): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return columnType === 'bytea' ? `\\x${bytes.toString('hex')}` : bytes.toString('base64')
}

/** A Postgres array literal. */
export function arrayText(items: readonly (string | null)[]): string {
  let text = '{'
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!
    if (i > 0) text += ','
    text += item === null ? 'NULL' : quotedItem(item)
  }
  return `${text}}`
}

const PLAIN = /^[-+.0-9A-Za-z_:]+$/
const quotedItem = (item: string): string => {
  // An unquoted NULL is the null value.
  if (item.length < 32 && PLAIN.test(item) && item.toLowerCase() !== 'null') return item
  return item.includes('"') || item.includes('\\') ? `"${item.replace(/["\\]/g, '\\$&')}"` : `"${item}"`
}
