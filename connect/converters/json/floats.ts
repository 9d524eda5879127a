/** Floating point numbers out of parsed JSON, for the converters that read JSON. */
import { LongNumber } from '../../sdk/exact-json.ts'
import type { Schema } from '../../sdk/index.ts'

/** The value of a float32 or a float64 of which `json` is the parsed JSON; undefined where it is no number. */
export function floatOf({ type }: Schema, json: unknown): number | undefined {
  const value = numberOf(json)
  return value !== undefined && type === 'float32' ? Math.fround(value) : value
}

function numberOf(json: unknown): number | undefined {
  // Adding zero turns a negative zero into zero, which Jackson reads.
  if (typeof json === 'number') return json + 0
  if (typeof json === 'bigint') return Number(json)
  if (json instanceof LongNumber) return Number(json.digits) + 0
  // JSON lacks NaN and Infinity; Jackson writes them as strings.
  return json === 'NaN' || json === 'Infinity' || json === '-Infinity' ? Number(json) : undefined
}
