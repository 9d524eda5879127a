/**
 * Reads the control record that ends a transaction. Pure.
 */
import { controlType, controlTypes, decodeRecords } from '../wire/record-batch.ts'
import type { EndTransactionMarker } from './producer-state.ts'

const COORDINATOR_EPOCH_AT = 2

/** Null for control batches that end no transaction (leader changes, snapshots) and for unreadable ones. */
export function readMarker(batch: Buffer): EndTransactionMarker | null {
  const record = decodeRecords(batch)[0]
  if (!record) return null
  const type = controlType(record.key)
  if (type !== controlTypes.abort && type !== controlTypes.commit) return null
  const coordinatorEpoch =
    record.value !== null && record.value.length >= COORDINATOR_EPOCH_AT + 4 ? record.value.readInt32BE(COORDINATOR_EPOCH_AT) : -1
  return { commit: type === controlTypes.commit, coordinatorEpoch }
}
