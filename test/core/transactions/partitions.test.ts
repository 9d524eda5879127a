/**
 * Goal: partitions join a transaction, and are verified to be in it, as in Apache Kafka. Method: stories of the pure decisions.
 */
import { describe, expect, test } from 'vitest'
import { decideAdd, verify } from '../../../core/transactions/partitions.ts'
import type { Transaction } from '../../../core/transactions/transaction.ts'
import {
  durable,
  errorOf,
  now,
  partitionsOf,
  producerEpoch,
  producerId,
  target,
  transactionIn,
  transactionWithPending,
} from './transaction-story.ts'

const identity = { producerId, producerEpoch }
const add = (transaction: Transaction, keys: string[], changes: Partial<typeof identity> = {}) =>
  decideAdd(transaction, { ...identity, ...changes, partitions: partitionsOf(...keys), clientTransactionVersion: 2, now })

describe('partitions join', () => {
  test.each(['Empty', 'CompleteCommit', 'CompleteAbort'] as const)('%s: a transaction begins', (state) => {
    const ongoing = durable(add(transactionIn(state), ['t-2', 'u-0']))
    expect(ongoing).toMatchObject({ state: 'Ongoing', startTimestamp: now, lastUpdateTimestamp: now, clientTransactionVersion: 2 })
    expect([...ongoing.partitions.keys()]).toEqual(['t-2', 'u-0'])
  })

  test('Ongoing: they are added, and the start stays', () => {
    const to = target(add(transactionIn('Ongoing'), ['t-1', 't-2']))
    expect(to).toMatchObject({ state: 'Ongoing', startTimestamp: now - 500, lastUpdateTimestamp: now })
    expect([...to.partitions.keys()]).toEqual(['t-0', 't-1', 't-2'])
  })

  test('Ongoing: nothing is written for partitions that are in it', () => {
    expect(errorOf(add(transactionIn('Ongoing'), ['t-1']))).toBe('NONE')
  })

  test.each(['PrepareCommit', 'PrepareAbort'] as const)('%s: the next transaction waits', (state) => {
    expect(errorOf(add(transactionIn(state), ['t-1']))).toBe('CONCURRENT_TRANSACTIONS')
  })

  test('a pending transition comes before everything else', () => {
    const pending = transactionWithPending(transactionIn('Ongoing'))
    expect(errorOf(add(pending, ['t-1'], { producerId: 11 }))).toBe('CONCURRENT_TRANSACTIONS')
    expect(errorOf(add(pending, ['t-1'], { producerEpoch: 4 }))).toBe('CONCURRENT_TRANSACTIONS')
  })

  test('another producer id, an older epoch and a newer epoch are refused', () => {
    expect(errorOf(add(transactionIn('Ongoing'), ['t-1'], { producerId: 11, producerEpoch: 4 }))).toBe('INVALID_PRODUCER_ID_MAPPING')
    expect(errorOf(add(transactionIn('Ongoing'), ['t-1'], { producerEpoch: 4 }))).toBe('PRODUCER_FENCED')
    expect(errorOf(add(transactionIn('Empty'), ['t-1'], { producerEpoch: 6 }))).toBe('PRODUCER_FENCED')
  })
})

describe('partitions are verified', () => {
  const asked = [...partitionsOf('t-0', 't-9').values()]
  const errors = (transaction: Transaction | undefined, changes: Partial<typeof identity> = {}) =>
    Object.fromEntries(verify(transaction, { ...identity, ...changes }, asked))

  test('those that are not in the transaction must be aborted with it', () => {
    expect(errors(transactionIn('Ongoing'))).toEqual({ 't-9': 'TRANSACTION_ABORTABLE' })
    expect(errors(transactionIn('Empty'))).toEqual({ 't-0': 'TRANSACTION_ABORTABLE', 't-9': 'TRANSACTION_ABORTABLE' })
  })

  test.each([
    ['an unknown transactional id', undefined, {}, 'INVALID_PRODUCER_ID_MAPPING'],
    ['another producer id', transactionIn('Ongoing'), { producerId: 11 }, 'INVALID_PRODUCER_ID_MAPPING'],
    ['an older epoch', transactionIn('Ongoing'), { producerEpoch: 4 }, 'PRODUCER_FENCED'],
    ['a newer epoch', transactionIn('Ongoing'), { producerEpoch: 6 }, 'PRODUCER_FENCED'],
    ['PrepareCommit', transactionIn('PrepareCommit'), {}, 'CONCURRENT_TRANSACTIONS'],
    ['PrepareAbort', transactionIn('PrepareAbort'), {}, 'CONCURRENT_TRANSACTIONS'],
  ] as const)('%s', (_, transaction, changes, error) => {
    expect(errors(transaction, changes)).toEqual({ 't-0': error, 't-9': error })
  })
})
