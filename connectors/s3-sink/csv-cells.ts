/** The columns of a CSV object, and the texts of their values. Null is an empty cell, an empty text a quoted one. Pure. */
import { encoder, encodeSchemaless } from '../../connect/converters/json/encode.ts'
import { logicalTypes, type Schema, UnwritableRecord } from '../../connect/sdk/index.ts'

/** The names of the fields, in order: those of the schema, else those of the value. Throws UnwritableRecord. */
export function csvColumns(schema: Schema | null, value: unknown): string[] {
  if (schema) {
    if (schema.type === 'struct') return schema.fields!.map(({ name }) => name)
    throw new UnwritableRecord(`its value is of type ${schema.type}, and has no fields for columns`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) && !(value instanceof Date))
    return Object.keys(value)
  throw new UnwritableRecord('its value has no fields for columns')
}

export function csvCell(value: unknown, schema: Schema | null, decimals: 'base64' | 'numeric'): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value instanceof Date) return dateText(value, schema)
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  return schema ? encoder(schema, { decimals, replaceNullWithDefault: true })(value) : encodeSchemaless(value)
}

function dateText(value: Date, schema: Schema | null): string {
  if (Number.isNaN(value.getTime())) throw new UnwritableRecord('it has an invalid date')
  const text = value.toISOString()
  if (schema?.name === logicalTypes.date) return text.slice(0, text.indexOf('T'))
  if (schema?.name === logicalTypes.time) return text.slice(text.indexOf('T') + 1).replace('Z', '')
  return text
}
