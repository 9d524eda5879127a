/**
 * Validates the offsets that a user sets over REST. What a task would read over is refused: the user would not learn that it has no effect.
 */
import type { SourceOffset, SourcePartition } from '../../connect/sdk/index.ts'
import { streamPosition } from './stream-position.ts'

const TEXTS = [
  'messageType',
  'transaction_id',
  'incremental_snapshot_correlation_id',
  'incremental_snapshot_primary_key',
  'incremental_snapshot_maximum_key',
]
/** Texts of JSON: what was asked for, and how far it is. */
const JSON_TEXTS = [
  'incremental_snapshot_collections',
  'tributary_incremental_snapshot',
  'tributary_blocking_snapshots',
  'tributary_snapshot',
]

/** Throws with the reason where the offset is none of the connector with this prefix. An invalid one can be deleted. */
export function checkOffset(topicPrefix: string, partition: SourcePartition, offset: SourceOffset | null): void {
  const { server, ...others } = partition
  if (server !== topicPrefix || (offset !== null && Object.keys(others).length > 0))
    throw new Error(`The partition of this connector is {"server":"${topicPrefix}"}, not ${JSON.stringify(partition)}`)
  if (offset === null) return
  if (!streamPosition(offset)) throw new Error(`A position needs lsn, as a number: ${JSON.stringify(offset)} has none`)
  for (const name of TEXTS)
    if (typeof (offset[name] ?? '') !== 'string') throw new Error(`The field ${name} of a position is a text, not ${offset[name]}`)
  for (const name of JSON_TEXTS)
    if ((offset[name] ?? null) !== null && !isJson(offset[name]))
      throw new Error(
        `The field ${name} of a position is JSON as a text, not ${JSON.stringify(offset[name])}: copy it as GET has it, or leave it out`,
      )
}

function isJson(text: unknown): boolean {
  try {
    const value: unknown = typeof text === 'string' ? JSON.parse(text) : null
    return typeof value === 'object' && value !== null
  } catch {
    return false
  }
}
