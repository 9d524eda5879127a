/**
 * The positions of Confluent's JDBC source: `{"protocol":"1","table":"schema.table"}`, or `{"query":"query"}`, to `{"timestamp": ms,
 * "timestamp_nanos": nanoseconds of its second, "incrementing": number}`. A number past 2^53 is kept as text, because JSON would round
 * it.
 */
import type { SourceOffset, SourcePartition } from '../../connect/sdk/index.ts'
import { type Instant, instantOf, nanosOf } from './instant.ts'
import { nameOf, type TableId } from './tables.ts'

/** Where a table has been read to; null for a part that the mode has not, or that nothing has been read by yet. */
export interface PollPosition {
  readonly timestamp: Instant | null
  readonly incrementing: bigint | null
}

export const NO_POSITION: PollPosition = { timestamp: null, incrementing: null }

const tablePartition = (name: string): SourcePartition => ({ protocol: '1', table: name })

export const partitionOf = (table: TableId | null): SourcePartition => (table ? tablePartition(nameOf(table)) : { query: 'query' })

/** The partitions that versions of Confluent's connector have had for a table, after the newest. */
export const formerPartitions = (table: TableId, database: string): SourcePartition[] => [
  tablePartition(`${database}.${nameOf(table)}`),
  { table: table.table },
]

export function offsetOf({ timestamp, incrementing }: PollPosition): SourceOffset {
  return {
    ...(timestamp && { timestamp: timestamp.ms, timestamp_nanos: nanosOf(timestamp) }),
    ...(incrementing !== null && { incrementing: int64Json(incrementing) }),
  }
}

const int64Json = (value: bigint): number | string => (Number.isSafeInteger(Number(value)) ? Number(value) : String(value))

/** Parses a stored offset. Throws where it is none of this connector. */
export function parseOffset(offset: SourceOffset): PollPosition {
  const ms = wholeNumber(offset, 'timestamp')
  const nanos = wholeNumber(offset, 'timestamp_nanos')
  return {
    timestamp: ms === null ? null : instantOf(Number(ms), nanos === null ? null : Number(nanos)),
    incrementing: wholeNumber(offset, 'incrementing'),
  }
}

function wholeNumber(offset: SourceOffset, field: string): bigint | null {
  const value = offset[field] ?? null
  if (value === null) return null
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return BigInt(value)
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw new Error(`The value for the '${field}' key in the offset is expected to be a Long value`)
  if (!Number.isSafeInteger(value))
    throw new Error(
      `The value ${value} for the '${field}' key in the offset is past 2^53, and JSON has rounded it: set the exact number as a string`,
    )
  return BigInt(value)
}

/** Validates positions that a user sets over REST. */
export function validatePositions(positions: readonly { partition: SourcePartition; offset: SourceOffset | null }[]): void {
  for (const { partition, offset } of positions) {
    // An invalid position can be deleted.
    if (offset === null) continue
    if (typeof partition.table !== 'string' && typeof partition.query !== 'string')
      throw new Error("Partition objects should contain the key 'table', with schema.table, and 'protocol' with 1; or 'query' with query")
    parseOffset(offset)
  }
}
