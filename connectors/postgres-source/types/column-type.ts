/**
 * What a type of Postgres becomes in Connect: a schema, and pure functions of the text of its values. Made once for a column.
 */
import type { Schema } from '../../../connect/sdk/index.ts'

export interface ColumnType {
  /** Neither optional nor with a default. */
  readonly schema: Schema
  /** @throws Unconvertible */
  decode(text: string): unknown
  /** In place of NULL where a column has to have a value: in the old row of a table whose replica identity is its key. */
  readonly fallback: unknown
  /** For a TOASTed value that did not change; null where the type has none. */
  readonly unavailable: unknown
}

/** A value that its schema cannot have. `event.converting.failure.handling.mode` decides what becomes of it. */
export class Unconvertible extends Error {
  override name = 'Unconvertible'
}

export interface TypeSettings {
  decimals: 'precise' | 'double' | 'string'
  times: 'adaptive' | 'adaptive_time_microseconds' | 'connect' | 'isostring' | 'microseconds' | 'nanoseconds'
  intervals: 'numeric' | 'string'
  hstores: 'json' | 'map'
  binaries: 'bytes' | 'base64' | 'base64-url-safe' | 'hex'
  moneyFractionDigits: number
  includesUnknown: boolean
  /** In place of TOASTed values that did not change. */
  placeholder: string
  /** The same as bytes, which need not be those of a text. */
  placeholderBytes: Buffer
}

const identity = (text: string): string => text

/** A string as Postgres prints the value. */
export const textType = (schema: Schema, placeholder: string): ColumnType => ({
  schema,
  decode: identity,
  fallback: '',
  unavailable: placeholder,
})
