/**
 * Goal: EndTxn commits, aborts, recognizes retries and refuses, in the versions before and since transaction.version 2, as Apache Kafka's
 * coordinator does: its tests of EndTxn, told again. Method: stories of the pure decision; every state × result × epoch in tables.
 */
import { describe, expect, test } from 'vitest'
import { decideEnd, type EndOfTransaction } from '../../../core/transactions/end-transaction.ts'
import { MAX_EPOCH, type Transaction, type TransactionState } from '../../../core/transactions/transaction.ts'
import {
  completed,
  durable,
  errorOf,
  LAST_USABLE,
  notWritten,
  now,
  producerEpoch,
  producerId,
  target,
  transactionIn,
  transactionWithPending,
} from './transaction-story.ts'

const end = (transaction: Transaction, committed: boolean, changes: Partial<EndOfTransaction> = {}) =>
  decideEnd(transaction, { producerId, producerEpoch, committed, clientTransactionVersion: 2, now, newProducerId: null, ...changes })

describe('up to EndTxn v4', () => {
  const endV4 = (transaction: Transaction, committed: boolean, changes: Partial<EndOfTransaction> = {}) =>
    end(transaction, committed, { clientTransactionVersion: 0, ...changes })

  test.each([
    [true, 'PrepareCommit', 'CompleteCommit'],
    [false, 'PrepareAbort', 'CompleteAbort'],
  ] as const)('ongoing, committed %s: %s, then %s, in the same epoch', (committed, prepared, complete) => {
    const decision = endV4(transactionIn('Ongoing'), committed)
    expect(target(decision)).toMatchObject({ state: prepared, producerEpoch, clientTransactionVersion: 0, lastUpdateTimestamp: now })
    expect(target(decision).partitions.size).toBe(2)
    expect(durable(decision).pending?.to.state).toBe(complete)
    expect(completed(decision)).toMatchObject({ state: complete, producerId, producerEpoch, pending: null })
    expect(completed(decision).partitions.size).toBe(0)
  })

  const table: [TransactionState, commit: string, abort: string][] = [
    ['Empty', 'INVALID_TXN_STATE', 'INVALID_TXN_STATE'],
    ['PrepareCommit', 'CONCURRENT_TRANSACTIONS', 'INVALID_TXN_STATE'],
    ['PrepareAbort', 'INVALID_TXN_STATE', 'CONCURRENT_TRANSACTIONS'],
    ['CompleteCommit', 'NONE', 'INVALID_TXN_STATE'],
    ['CompleteAbort', 'INVALID_TXN_STATE', 'NONE'],
  ]
  test.each(table)('%s: commit %s, abort %s', (state, commit, abort) => {
    expect(errorOf(endV4(transactionIn(state), true))).toBe(commit)
    expect(errorOf(endV4(transactionIn(state), false))).toBe(abort)
  })

  test('another producer id comes before another epoch, and both before a pending transition', () => {
    const pending = transactionWithPending(transactionIn('Ongoing'))
    expect(errorOf(endV4(pending, true, { producerId: 11, producerEpoch: 4 }))).toBe('INVALID_PRODUCER_ID_MAPPING')
    expect(errorOf(endV4(pending, true, { producerEpoch: 4 }))).toBe('PRODUCER_FENCED')
    expect(errorOf(endV4(pending, true, { producerEpoch: 6 }))).toBe('PRODUCER_FENCED')
    expect(errorOf(endV4(pending, true))).toBe('CONCURRENT_TRANSACTIONS')
  })
})

describe('since EndTxn v5', () => {
  test.each([
    [true, 'PrepareCommit', 'CompleteCommit'],
    [false, 'PrepareAbort', 'CompleteAbort'],
  ] as const)('ongoing, committed %s: %s, then %s, with the next epoch', (committed, prepared, complete) => {
    const decision = end(transactionIn('Ongoing'), committed)
    expect(target(decision)).toMatchObject({
      state: prepared,
      producerEpoch: 6,
      lastProducerEpoch: 5,
      nextProducerId: -1,
      startTimestamp: now - 500,
      clientTransactionVersion: 2,
    })
    expect(completed(decision)).toMatchObject({ state: complete, producerId, producerEpoch: 6, lastProducerEpoch: 5 })
  })

  test.each(['Empty', 'CompleteCommit', 'CompleteAbort'] as const)('%s: an abort without partitions takes an epoch, too', (state) => {
    const decision = end(transactionIn(state), false)
    expect(target(decision)).toMatchObject({ state: 'PrepareAbort', producerEpoch: 6, startTimestamp: now })
    expect(durable(decision).partitions.size).toBe(0)
    expect(completed(decision)).toMatchObject({ state: 'CompleteAbort', producerEpoch: 6 })
  })

  test.each(['Empty', 'CompleteCommit', 'CompleteAbort'] as const)('%s: a commit without a transaction is refused', (state) => {
    expect(errorOf(end(transactionIn(state), true))).toBe('INVALID_TXN_STATE')
  })

  const retries: [TransactionState, commit: string, abort: string][] = [
    ['Empty', 'PRODUCER_FENCED', 'PRODUCER_FENCED'],
    ['Ongoing', 'PRODUCER_FENCED', 'PRODUCER_FENCED'],
    ['PrepareCommit', 'CONCURRENT_TRANSACTIONS', 'INVALID_TXN_STATE'],
    ['PrepareAbort', 'INVALID_TXN_STATE', 'CONCURRENT_TRANSACTIONS'],
    ['CompleteCommit', 'NONE', 'INVALID_TXN_STATE'],
    ['CompleteAbort', 'INVALID_TXN_STATE', 'NONE'],
  ]
  test.each(retries)('%s, the epoch before: a retried commit %s, a retried abort %s', (state, commit, abort) => {
    const retry = { producerEpoch: producerEpoch - 1 }
    expect(errorOf(end(transactionIn(state), true, retry))).toBe(commit)
    expect(errorOf(end(transactionIn(state), false, retry))).toBe(abort)
  })

  test.each(['Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort'] as const)(
    '%s: older and newer epochs are fenced',
    (state) => {
      for (const epoch of [producerEpoch - 2, producerEpoch + 1])
        expect(errorOf(end(transactionIn(state), true, { producerEpoch: epoch }))).toBe('PRODUCER_FENCED')
    },
  )

  test.each(['PrepareCommit', 'PrepareAbort'] as const)('%s: the current epoch is that of the next transaction, and fenced', (state) => {
    expect(errorOf(end(transactionIn(state), true))).toBe('PRODUCER_FENCED')
  })

  test('a pending transition comes before everything else', () => {
    const pending = transactionWithPending(transactionIn('Ongoing'))
    expect(errorOf(end(pending, true, { producerId: 11 }))).toBe('CONCURRENT_TRANSACTIONS')
    expect(errorOf(end(pending, true, { producerEpoch: 1 }))).toBe('CONCURRENT_TRANSACTIONS')
  })

  test('another producer id is unknown', () => {
    expect(errorOf(end(transactionIn('Ongoing'), true, { producerId: 11 }))).toBe('INVALID_PRODUCER_ID_MAPPING')
  })

  test('a decision that cannot be written leaves the transaction as it was', () => {
    const ongoing = transactionIn('Ongoing')
    expect(notWritten(end(ongoing, true))).toEqual(ongoing)
  })
})

describe('the last epoch, since EndTxn v5', () => {
  const exhausted = transactionIn('Ongoing', { producerEpoch: LAST_USABLE })
  const last = { producerEpoch: LAST_USABLE }

  test.each([true, false])('committed %s: the markers have the largest epoch, and the next transaction a new producer id', (committed) => {
    expect(end(exhausted, committed, last).type).toBe('allocateProducerId')
    const decision = end(exhausted, committed, { ...last, newProducerId: 77 })
    expect(durable(decision)).toMatchObject({ producerId, producerEpoch: MAX_EPOCH, nextProducerId: 77 })
    expect(completed(decision)).toMatchObject({
      producerId: 77,
      producerEpoch: 0,
      previousProducerId: producerId,
      nextProducerId: -1,
      lastProducerEpoch: LAST_USABLE,
    })
  })

  test('a retry is recognized after the producer id has changed', () => {
    const committed = completed(end(exhausted, true, { ...last, newProducerId: 77 }))
    expect(errorOf(end(committed, true, last))).toBe('NONE')
    expect(errorOf(end(committed, false, last))).toBe('INVALID_TXN_STATE')
    expect(errorOf(end(committed, true, { producerEpoch: LAST_USABLE - 1 }))).toBe('INVALID_PRODUCER_ID_MAPPING')
  })

  test('a retry is recognized while the markers with the largest epoch are written', () => {
    const prepared = { ...durable(end(exhausted, true, { ...last, newProducerId: 77 })), pending: null }
    expect(errorOf(end(prepared, true, last))).toBe('CONCURRENT_TRANSACTIONS')
  })
})
