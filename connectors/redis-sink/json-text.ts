/**
 * Values as JSON, as Kafka Connect's JsonConverter writes them without schemas; but a Decimal is a number with all its digits. Pure.
 */
import { logicalTypes, rawJson, type Schema } from '../../connect/sdk/index.ts'
import { doubleText, floatText } from '../../connect/sdk/values/java-text.ts'

const DAY_MS = 86_400_000

export const jsonText = (value: unknown, schema: Schema | null): string => JSON.stringify(plain(value, schema))

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

function plain(value: unknown, schema: Schema | null | undefined): unknown {
  if (value === null || value === undefined) return null
  if (typeof value === 'bigint') return rawJson(String(value))
  if (typeof value === 'number') return numberJson(value, schema)
  if (typeof value === 'string')
    return schema?.name === logicalTypes.decimal && /^[+-]?\d+(\.\d+)?$/.test(value) ? rawJson(value.replace('+', '')) : value
  if (typeof value !== 'object') return value
  if (value instanceof Date) return schema?.name === logicalTypes.date ? Math.floor(value.getTime() / DAY_MS) : value.getTime()
  if (value instanceof Uint8Array) return base64(value)
  if (Array.isArray(value)) return value.map((item) => plain(item, schema?.values))
  if (schema?.type === 'struct') {
    const given = value as Record<string, unknown>
    return Object.fromEntries(schema.fields!.map((field) => [field.name, plain(given[field.name], field.schema)]))
  }
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return Object.fromEntries(entries.map(([key, item]) => [String(key), plain(item, schema?.values)]))
}

function numberJson(value: number, schema: Schema | null | undefined): unknown {
  if (!Number.isFinite(value)) return String(value)
  if (schema?.type === 'float64') return rawJson(doubleText(value))
  return schema?.type === 'float32' ? rawJson(floatText(value)) : value
}
