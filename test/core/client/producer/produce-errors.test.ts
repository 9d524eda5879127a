/**
 * Goal: what the sender does with a batch that failed keeps order and delivers once (Invariant 5). Method: the verdict, as a table.
 */
import { expect, test } from 'vitest'
import { type BatchVerdict, batchVerdict, type FailedBatch } from '../../../../core/client/producer/produce-errors.ts'

const idempotent = { count: 2, isIdempotent: true, isInTransaction: false, isFirst: true, isExpired: false, mayRetry: true }
const inTransaction = { ...idempotent, isInTransaction: true }

test.each<[BatchVerdict, FailedBatch]>([
  ['split', { ...idempotent, error: 'MESSAGE_TOO_LARGE' }],
  ['split', { ...inTransaction, error: 'MESSAGE_TOO_LARGE', isExpired: true }],
  ['fail', { ...idempotent, error: 'MESSAGE_TOO_LARGE', count: 1 }],
  ['renumber', { ...idempotent, error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }],
  ['follow', { ...idempotent, error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', isFirst: false }],
  ['fail', { ...idempotent, error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', isExpired: true }],
  ['fail', { ...idempotent, error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', isIdempotent: false }],
  ['fail', { ...inTransaction, error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }],
  ['follow', { ...inTransaction, error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', isFirst: false }],
  ['renumber', { ...idempotent, error: 'INVALID_PRODUCER_EPOCH' }],
  ['fail', { ...inTransaction, error: 'INVALID_PRODUCER_EPOCH' }],
  ['retry', { ...idempotent, error: 'NOT_LEADER_FOR_PARTITION' }],
  ['expire', { ...idempotent, error: 'NOT_LEADER_FOR_PARTITION', isExpired: true }],
  ['fail', { ...idempotent, error: 'NOT_LEADER_FOR_PARTITION', mayRetry: false }],
  ['retry', { ...inTransaction, error: 'CONCURRENT_TRANSACTIONS' }],
  ['fail', { ...idempotent, error: 'TOPIC_AUTHORIZATION_FAILED' }],
])('%s: %o', (verdict, batch) => {
  expect(batchVerdict(batch)).toBe(verdict)
})
