/**
 * Errors of a batch in the response to Produce, by what the sender has to do.
 */
import type { ErrorName } from '../../errors.ts'

/** The broker has other sequence numbers than the producer: the batch is not stored, and numbering has to restart. */
export const SEQUENCE_LOST: readonly ErrorName[] = ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH']

/** The leader may be another node: the metadata is refreshed. */
export const LEADER_MOVED: readonly ErrorName[] = [
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'NETWORK_EXCEPTION',
  'KAFKA_STORAGE_ERROR',
  'BROKER_NOT_AVAILABLE',
]
