/**
 * Kafka Connect's schemas, which describe the values of records: primitive and logical types, structs, arrays and maps. Plain values, which
 * are never changed.
 */
export type SchemaType =
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'float32'
  | 'float64'
  | 'boolean'
  | 'string'
  | 'bytes'
  | 'array'
  | 'map'
  | 'struct'

export interface SchemaField {
  readonly name: string
  readonly schema: Schema
}

export interface Schema {
  readonly type: SchemaType
  readonly optional: boolean
  /** A logical type's or a struct's name. */
  readonly name?: string | undefined
  readonly version?: number | undefined
  readonly doc?: string | undefined
  readonly parameters?: Readonly<Record<string, string>> | undefined
  readonly default?: unknown
  /** Of a struct, in order. */
  readonly fields?: readonly SchemaField[] | undefined
  /** Of a map. Undefined where the keys have no schema in common, which only headers read from text can have. */
  readonly keys?: Schema | undefined
  /** Of an array or a map. Undefined as for keys. */
  readonly values?: Schema | undefined
}

export const logicalTypes = {
  decimal: 'org.apache.kafka.connect.data.Decimal',
  date: 'org.apache.kafka.connect.data.Date',
  time: 'org.apache.kafka.connect.data.Time',
  timestamp: 'org.apache.kafka.connect.data.Timestamp',
} as const

type Options = Partial<Omit<Schema, 'type'>>
const of =
  (type: SchemaType) =>
  (options: Options = {}): Schema => ({ type, optional: false, ...options })

export const schemas = {
  int8: of('int8'),
  int16: of('int16'),
  int32: of('int32'),
  int64: of('int64'),
  float32: of('float32'),
  float64: of('float64'),
  boolean: of('boolean'),
  string: of('string'),
  bytes: of('bytes'),
  array: (values: Schema, options: Options = {}): Schema => ({ type: 'array', optional: false, values, ...options }),
  map: (keys: Schema, values: Schema, options: Options = {}): Schema => ({ type: 'map', optional: false, keys, values, ...options }),
  struct: (fields: Readonly<Record<string, Schema>>, options: Options = {}): Schema => ({
    type: 'struct',
    optional: false,
    fields: Object.entries(fields).map(([name, schema]) => ({ name, schema })),
    ...options,
  }),
  decimal: (scale: number, options: Options = {}): Schema => ({
    type: 'bytes',
    optional: false,
    name: logicalTypes.decimal,
    version: 1,
    parameters: { scale: String(scale) },
    ...options,
  }),
  date: (options: Options = {}): Schema => ({ type: 'int32', optional: false, name: logicalTypes.date, version: 1, ...options }),
  time: (options: Options = {}): Schema => ({ type: 'int32', optional: false, name: logicalTypes.time, version: 1, ...options }),
  timestamp: (options: Options = {}): Schema => ({ type: 'int64', optional: false, name: logicalTypes.timestamp, version: 1, ...options }),
} as const
