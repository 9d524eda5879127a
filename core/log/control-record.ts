/**
 * Reads and writes the control record that ends a transaction. Pure.
 */
import { controlType, controlTypes, decodeRecords, encodeBatch } from '../wire/record-batch.ts'
import type { EndTransactionMarker } from './producer-state.ts'
import type { MarkerOfProducer } from './types.ts'

const COORDINATOR_EPOCH_AT = 2

/** The batch of a marker, as Kafka writes it: key and value of version 0. */
export function encodeMarker(marker: MarkerOfProducer, timestamp: number): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(marker.committed ? controlTypes.commit : controlTypes.abort, 2)
  const value = Buffer.alloc(COORDINATOR_EPOCH_AT + 4)
  value.writeInt32BE(marker.coordinatorEpoch, COORDINATOR_EPOCH_AT)
  const { producerId, producerEpoch } = marker
  return encodeBatch([{ key, value, timestamp }], { producerId, producerEpoch, baseSequence: -1, transactional: true, control: true })
}

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
