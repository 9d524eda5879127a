/**
 * Errors of a batch in the response to Produce, by what the sender has to do. Pure.
 */
import { type ErrorName, isRetriable } from '../../errors.ts'
import { isRetriedInTransaction } from './transaction-errors.ts'

/** The broker has other sequence numbers than the producer: the batch is not stored, and numbering has to restart. */
const SEQUENCE_LOST: readonly ErrorName[] = ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH']

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

/**
 * Split it; send it again behind the one that failed before it; send it again under a new epoch; send it again after a back-off; fail it
 * because its time is over; fail it.
 */
export type BatchVerdict = 'split' | 'follow' | 'renumber' | 'retry' | 'expire' | 'fail'

export interface FailedBatch {
  readonly error: ErrorName
  /** Its records. */
  readonly count: number
  readonly isIdempotent: boolean
  readonly isInTransaction: boolean
  /** No earlier batch of its partition has failed. */
  readonly isFirst: boolean
  /** delivery.timeout.ms is over. */
  readonly isExpired: boolean
  /** False without acknowledgements, and when the producer closes. */
  readonly mayRetry: boolean
}

export function batchVerdict({ error, count, isIdempotent, isInTransaction, isFirst, isExpired, mayRetry }: FailedBatch): BatchVerdict {
  if (error === 'MESSAGE_TOO_LARGE' && count > 1) return 'split'
  if (!isExpired) {
    if (isInTransaction && error === 'OUT_OF_ORDER_SEQUENCE_NUMBER' && !isFirst) return 'follow'
    // Batches after the first failed one have this error only because of it.
    if (!isInTransaction && isIdempotent && SEQUENCE_LOST.includes(error)) return isFirst ? 'renumber' : 'follow'
  }
  const retriable = isInTransaction ? isRetriedInTransaction(error) : isRetriable(error)
  if (!retriable) return 'fail'
  if (isExpired) return 'expire'
  return mayRetry ? 'retry' : 'fail'
}
