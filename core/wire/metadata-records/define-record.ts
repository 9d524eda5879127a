/**
 * How a record of the metadata log is declared: its api key, the metadata.version from which each of its versions is written, and its
 * fields. All records are flexible in every version. Pure.
 */
import type { Fields } from '../types.ts'

export interface RecordDeclaration<F extends Fields> {
  readonly key: number
  /** At index v the lowest metadata.version under which version v is written. A version that is only read has that of its successor. */
  readonly since: readonly number[]
  readonly fields: F
}

export const defineRecord = <const F extends Fields>(key: number, since: readonly number[], fields: F): RecordDeclaration<F> => ({
  key,
  since,
  fields,
})

/** The lowest metadata.version that Apache Kafka 4 opens: 3.3-IV3. */
export const MINIMUM_METADATA_VERSION = 7
