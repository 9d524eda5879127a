/**
 * Ready-made schemas, and short forms of Avro schemas with `arg.properties`, as JSON.
 */
export interface RecordJson {
  readonly type: 'record'
  readonly name: string
  readonly namespace?: string
  readonly fields: readonly { readonly name: string; readonly type: unknown }[]
  readonly 'arg.properties'?: object
}

export interface Quickstart {
  readonly schema: RecordJson
  /** The field that is the key where schema.keyfield names none. */
  readonly key: string
}

/** A type with properties. */
const guided = (type: string, properties: object, more: object = {}) => ({ type, ...more, 'arg.properties': properties })

export const oneOf = (type: string, options: readonly unknown[]) => guided(type, { options })
export const between = (type: string, min: number, max: number) => guided(type, { range: { min, max } })
export const counting = (type: string, start: number, step = 1) => guided(type, { iteration: { start, step } })
export const matching = (regex: string) => guided('string', { regex })
export const logicalBetween = (type: string, logicalType: string, min: number, max: number) =>
  guided(type, { range: { min, max } }, { logicalType })
export const clock = (start: number, step: number) => guided('long', { iteration: { start, step } }, { logicalType: 'timestamp-millis' })
export const decimalBetween = (precision: number, scale: number, min: number, max: number) =>
  guided('bytes', { range: { min, max } }, { logicalType: 'decimal', precision, scale })
export const listOf = (items: unknown, min: number, max: number) => ({
  type: 'array',
  items,
  'arg.properties': { length: { min, max } },
})

export function record(name: string, fields: Readonly<Record<string, unknown>>, namespace?: string): RecordJson {
  return {
    type: 'record',
    name,
    ...(namespace !== undefined && { namespace }),
    fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
  }
}

/** A record whose values are rows of a table. */
export const table = (schema: RecordJson, rows: readonly object[]): RecordJson => ({ ...schema, 'arg.properties': { options: rows } })
