/**
 * The Postgres type of a field. With a schema the types are those of the JDBC sinks, but without their losses; without one they follow from
 * the values, and a column is only ever widened. Pure.
 */
import { logicalTypes, type Schema } from '../../connect/sdk/index.ts'

const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)
const MAX_PRECISION = 1000
/** What Debezium sends as the length of a column without one. */
const NO_LENGTH = 2_147_483_647

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

const logicalColumnTypes: Readonly<Record<string, string | ((schema: Schema, postgis: string) => string)>> = {
  [logicalTypes.decimal]: decimalType,
  [logicalTypes.date]: 'date',
  [logicalTypes.time]: 'time',
  [logicalTypes.timestamp]: 'timestamp',
  'io.debezium.time.Date': 'date',
  'io.debezium.time.IsoDate': 'date',
  'io.debezium.time.Time': withPrecision('time'),
  'io.debezium.time.MicroTime': withPrecision('time'),
  'io.debezium.time.NanoTime': withPrecision('time'),
  'io.debezium.time.IsoTime': 'time',
  'io.debezium.time.ZonedTime': 'timetz',
  'io.debezium.time.Timestamp': withPrecision('timestamp'),
  'io.debezium.time.MicroTimestamp': withPrecision('timestamp'),
  'io.debezium.time.NanoTimestamp': withPrecision('timestamp'),
  'io.debezium.time.IsoTimestamp': 'timestamp',
  'io.debezium.time.ZonedTimestamp': withPrecision('timestamptz'),
  'io.debezium.time.Interval': 'interval',
  'io.debezium.time.MicroDuration': 'interval',
  'io.debezium.time.NanoDuration': 'interval',
  'io.debezium.data.Bits': bitsType,
  'io.debezium.data.Json': 'json',
  'io.debezium.data.Xml': 'xml',
  'io.debezium.data.Uuid': 'uuid',
  'io.debezium.data.Ltree': 'ltree',
  'io.debezium.data.Tsvector': 'tsvector',
  'io.debezium.data.VariableScaleDecimal': 'numeric',
  'io.debezium.data.DoubleVector': 'vector',
  'io.debezium.data.FloatVector': 'halfvec',
  'io.debezium.data.SparseDoubleVector': 'sparsevec',
  'io.debezium.data.geometry.Point': 'point',
  'io.debezium.data.geometry.Geometry': (_schema, postgis) => `"${postgis.replaceAll('"', '""')}".geometry`,
  'io.debezium.data.geometry.Geography': (_schema, postgis) => `"${postgis.replaceAll('"', '""')}".geography`,
}

/** Types of a source's column that Debezium sends as texts; it names them where `column.propagate.source.type` asks for it. */
const propagatedTypes = new Set(
  ['citext', 'cidr', 'inet', 'macaddr', 'macaddr8', 'jsonb', 'hstore', 'xml', 'ltree', 'tsvector', 'tsquery', 'money'].concat(
    ['int4range', 'int8range', 'numrange', 'tsrange', 'tstzrange', 'daterange'],
    ['int4multirange', 'int8multirange', 'nummultirange', 'tsmultirange', 'tstzmultirange', 'datemultirange'],
  ),
)
const characterTypes: Readonly<Record<string, string>> = { VARCHAR: 'varchar', BPCHAR: 'char', CHAR: 'char' }

/** The digits of a second that the source's column has. */
function withPrecision(type: string): (schema: Schema) => string {
  return ({ parameters }) => {
    const scale = parameters?.['__debezium.source.column.scale']
    return scale !== undefined && /^[1-5]$/.test(scale) ? `${type}(${scale})` : type
  }
}

function decimalType({ parameters }: Schema): string {
  const precision = Number(parameters?.['connect.decimal.precision'] ?? 0)
  const scale = Number(parameters?.scale ?? 0)
  // A negative scale rounds digits away, and Postgres has it from version 15 on only.
  return precision > 0 && precision <= MAX_PRECISION && scale >= 0 ? `numeric(${precision},${scale})` : 'numeric'
}

function bitsType({ parameters }: Schema): string {
  const length = Number(parameters?.length ?? NO_LENGTH)
  if (length === NO_LENGTH) return 'bit varying'
  return parameters?.['__debezium.source.column.type'] === 'VARBIT' ? `bit varying(${length})` : `bit(${length})`
}

function propagatedType({ type, parameters }: Schema): string | null {
  const source = parameters?.['__debezium.source.column.type']
  if (source === undefined) return null
  if (type === 'int64' && source.toLowerCase() === 'oid') return 'oid'
  if (type !== 'string') return null
  const length = Number(parameters?.['__debezium.source.column.length'] ?? 0)
  const character = characterTypes[source.toUpperCase()]
  if (character && length > 0 && length < NO_LENGTH) return `${character}(${length})`
  const lower = source.toLowerCase()
  return propagatedTypes.has(lower) ? lower : null
}

export function typeOfSchema(schema: Schema, postgis = 'public'): string {
  const propagated = propagatedType(schema)
  if (propagated) return propagated
  const logical = schema.name === undefined ? undefined : logicalColumnTypes[schema.name]
  if (logical) return typeof logical === 'string' ? logical : logical(schema, postgis)
  const scalar = scalarTypes[schema.type]
  if (scalar) return scalar
  // Arrays of arrays must have one length in Postgres: JSON has no such limit.
  const item = schema.type === 'array' && schema.values ? typeOfSchema(schema.values, postgis) : 'jsonb'
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
  'time with time zone': 'timetz',
  // Without a length, as casts need it.
  '"bit"': 'bit varying',
}

export const ownTypeName = (type: string): string =>
  type.endsWith('[]') ? `${ownTypeName(type.slice(0, -2))}[]` : (ownTypeNames[type] ?? type)

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
