/**
 * The texts of values for columns. An encoder is chosen once for a field's schema and its column: the logical types of Connect and Debezium
 * are written as the type of the column needs it, whether or not this sink has created it. Pure.
 */
import { logicalTypes, rawJson, type Schema, UnwritableRecord } from '../../connect/sdk/index.ts'
import { bitText, decimalText, geometryText, hstoreText, pointText, sparseVectorText } from './structured-text.ts'
import {
  type Count,
  clockText,
  dayOfTimestamp,
  dayText,
  intervalText,
  isoYearText,
  timestampText,
  type Units,
  type ZoneClock,
} from './temporal-text.ts'

/** The text of a value that is not null; null for NULL. */
export type Encode = (value: unknown) => string | null

export interface ValueForm {
  zone: ZoneClock
  dateZone: ZoneClock
  julian: boolean
  /** Of int64 fields that are written as timestamps. */
  timestampUnits: Units
}

const DAY_MS = 86_400_000
const numberTypes = new Set(['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision', 'oid'])
const isNumber = (type: string) => numberTypes.has(type)
const isJson = (type: string) => type === 'jsonb' || type === 'json'

/** `type` is that of the column, of a domain its base type. `asTimestamp`: the field's number or text is a timestamp. */
export function encoderOf(schema: Schema | null, type: string, form: ValueForm, asTimestamp = false): Encode {
  if (type.endsWith('[]')) return arrayEncoder(schema, type.slice(0, -2), form)
  const logical = schema?.name === undefined ? undefined : logicalEncoders[schema.name]
  if (logical) return logical(type, form, schema!)
  if (asTimestamp && schema?.type === 'int64') return counted(form.timestampUnits)(type, form)
  // A text with a schema is JSON already where the column is; one without is a value like any other, which may be text.
  if (isJson(type) && schema?.type !== 'string') return jsonText
  if (type === 'hstore') return (value) => hstoreText(value, jsonText)
  return (value) => plainText(value, type, form)
}

/** Counts of units since the epoch, with the time of UTC's clocks. */
const counted =
  (units: Units) =>
  (type: string, { julian }: ValueForm): Encode => {
    if (isNumber(type)) return String
    if (type === 'date') return (value) => dayText(dayOfTimestamp(value as Count, units), julian)
    const timestamp = { units, suffix: type === 'timestamptz' ? 'Z' : '', julian } as const
    return (value) => timestampText(value as Count, timestamp)
  }

/** Counts of units since midnight. */
const clock =
  (units: Units) =>
  (type: string): Encode =>
    isNumber(type) ? String : (value) => clockText(Number(value), units)

const duration =
  (units: Units) =>
  (type: string): Encode =>
    isNumber(type) ? String : (value) => intervalText(value as Count, units)

const unchanged = (): Encode => (value) => (typeof value === 'string' ? value : jsonText(value))

const isoDate = (type: string): Encode => (type === 'date' ? (value) => isoYearText(String(value).replace(/Z$/, '')) : unchanged())

const isoTimestamp = (type: string, form: ValueForm): Encode =>
  ['date', 'timestamp', 'timestamptz'].includes(type) ? (value) => isoYearText(String(value)) : (value) => plainText(value, type, form)

const logicalEncoders: Readonly<Record<string, (type: string, form: ValueForm, schema: Schema) => Encode>> = {
  [logicalTypes.decimal]: () => String,
  [logicalTypes.date]: dateEncoder,
  [logicalTypes.time]: dateEncoder,
  [logicalTypes.timestamp]: dateEncoder,
  'io.debezium.time.Date': (type, { julian }) => (isNumber(type) ? String : (value) => dayText(Number(value), julian)),
  'io.debezium.time.IsoDate': isoDate,
  'io.debezium.time.IsoTimestamp': isoTimestamp,
  'io.debezium.time.ZonedTimestamp': isoTimestamp,
  'io.debezium.time.Time': clock(1e3),
  'io.debezium.time.MicroTime': clock(1e6),
  'io.debezium.time.NanoTime': clock(1e9),
  'io.debezium.time.Timestamp': counted(1e3),
  'io.debezium.time.MicroTimestamp': counted(1e6),
  'io.debezium.time.NanoTimestamp': counted(1e9),
  'io.debezium.time.MicroDuration': duration(1e6),
  'io.debezium.time.NanoDuration': duration(1e9),
  'io.debezium.data.Bits': (type, _form, schema) => {
    const length = Number(schema.parameters?.length ?? Number.NaN)
    return (value) => (value instanceof Uint8Array && type !== 'bytea' ? bitText(value, length) : plainText(value, type, null))
  },
  'io.debezium.data.Json': (type) => (type === 'hstore' ? (value) => hstoreText(value, jsonText) : unchanged()),
  'io.debezium.data.VariableScaleDecimal': () => (value) => (typeof value === 'object' ? decimalText(value as never) : String(value)),
  'io.debezium.data.geometry.Point': (type) => (type === 'point' ? (value) => pointText(value as never) : geometry(type)),
  'io.debezium.data.geometry.Geometry': (type) => geometry(type),
  'io.debezium.data.geometry.Geography': (type) => geometry(type),
  'io.debezium.data.DoubleVector': (type) => vector(type),
  'io.debezium.data.FloatVector': (type) => vector(type),
  'io.debezium.data.SparseDoubleVector': (type) => (isJson(type) ? jsonText : (value) => sparseVectorText(value as never)),
}

const geometry = (type: string): Encode => (isJson(type) ? jsonText : (value) => geometryText(value as never))
const vector = (type: string): Encode => (isJson(type) ? jsonText : (value) => `[${(value as readonly number[]).join(',')}]`)

function arrayEncoder(schema: Schema | null, itemType: string, form: ValueForm): Encode {
  let itemSchema = schema
  while (itemSchema?.type === 'array') itemSchema = itemSchema.values ?? null
  const encode = encoderOf(schema?.type === 'array' ? itemSchema : null, itemType, form)
  // A column of arrays takes arrays of any number of dimensions.
  const isNested = (item: unknown): item is readonly unknown[] => Array.isArray(item) && !isJson(itemType)
  const literal = (items: readonly unknown[]): string => {
    if (!items.some(isNested)) return arrayText(items.map((item) => (item === null || item === undefined ? null : encode(item))))
    if (!items.every(isNested)) throw new UnwritableRecord('it has arrays and single values in one array, which Postgres does not allow')
    return `{${items.map(literal).join(',')}}`
  }
  return (value) => (Array.isArray(value) ? literal(value) : plainText(value, `${itemType}[]`, form))
}

/** Connect's Date, Time and Timestamp, which are Date objects. */
function dateEncoder(type: string, form: ValueForm, schema: Schema): Encode {
  if (isNumber(type)) return (value) => String(schema.name === logicalTypes.date ? msOf(value) / DAY_MS : msOf(value))
  if (schema.name === logicalTypes.date && type === 'date')
    return (value) => dayText(Math.floor(form.dateZone.local(msOf(value)) / DAY_MS), form.julian)
  return (value) => dateText(msOf(value), type, form)
}

function msOf(value: unknown): number {
  const ms = value instanceof Date ? value.getTime() : Number(value)
  if (!Number.isFinite(ms)) throw new UnwritableRecord(`${String(value)} is no date`)
  return ms
}

function dateText(ms: number, type: string, { zone, julian }: ValueForm): string {
  if (type === 'timestamptz') return timestampText(ms, { units: 1e3, suffix: 'Z', julian })
  if (type === 'timestamp') return timestampText(zone.local(ms), { units: 1e3, suffix: '', julian })
  if (type === 'date') return dayText(Math.floor(zone.local(ms) / DAY_MS), julian)
  if (type === 'time') {
    const local = zone.local(ms)
    return clockText(local - Math.floor(local / DAY_MS) * DAY_MS, 1e3)
  }
  if (type === 'timetz') return `${clockText(ms - Math.floor(ms / DAY_MS) * DAY_MS, 1e3)}Z`
  return new Date(ms).toISOString()
}

function plainText(value: unknown, type: string, form: ValueForm | null): string | null {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
    case 'bigint':
      return String(value)
    case 'boolean':
      return type.startsWith('bit') ? (value ? '1' : '0') : value ? 'true' : 'false'
  }
  if (value instanceof Uint8Array) return bytesText(value, type)
  if (value instanceof Date && form) return dateText(value.getTime(), type, form)
  return jsonText(value)
}

function bytesText(value: Uint8Array, type: string): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return type === 'bytea' ? `\\x${bytes.toString('hex')}` : bytes.toString('base64')
}

const jsonText = (value: unknown): string | null => JSON.stringify(value instanceof Map ? entriesOf(value) : value, jsonReplacer) ?? null

const entriesOf = (map: ReadonlyMap<unknown, unknown>) => Object.fromEntries([...map].map(([key, value]) => [String(key), value]))

const jsonReplacer = (_key: string, part: unknown): unknown => {
  if (typeof part === 'bigint') return rawJson(String(part))
  if (part instanceof Map) return entriesOf(part)
  // JSON.stringify has called Buffer.toJSON before.
  const bytes = part as { type?: unknown; data?: unknown } | null
  if (typeof bytes === 'object' && bytes?.type === 'Buffer' && Array.isArray(bytes.data)) return Buffer.from(bytes.data).toString('base64')
  return part
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
