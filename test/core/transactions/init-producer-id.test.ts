/**
 * Goal: InitProducerId gives epochs and producer ids, and fences, as Apache Kafka's coordinator does: its tests of InitProducerId and of
 * the metadata, told again. Method: stories of the pure decisions.
 */
import { describe, expect, test } from 'vitest'
import { decideInit, type InitProducerId } from '../../../core/transactions/init-producer-id.ts'
import { MAX_EPOCH, newTransaction, type Transaction } from '../../../core/transactions/transaction.ts'
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

const init = (transaction: Transaction, changes: Partial<InitProducerId> = {}) =>
  decideInit(transaction, { timeoutMs: 30_000, expected: null, transactionVersion: 2, now, newProducerId: null, ...changes })

const expecting = (epoch: number, id = producerId) => ({ expected: { producerId: id, producerEpoch: epoch } })

describe('a new transactional id', () => {
  const fresh = newTransaction('tx', producerId, 60_000, now)

  test('begins with epoch 0, the timeout of the request, and nothing else', () => {
    expect(target(init(fresh))).toMatchObject({ producerId, producerEpoch: 0, lastProducerEpoch: -1, timeoutMs: 30_000, state: 'Empty' })
  })

  test('begins with epoch 0 too where the producer says what it had: its state has expired', () => {
    expect(target(init(fresh, expecting(7, 999)))).toMatchObject({ producerId, producerEpoch: 0, lastProducerEpoch: -1 })
  })
})

describe('an existing transactional id', () => {
  test.each(['Empty', 'CompleteCommit', 'CompleteAbort'] as const)('%s: the next epoch, and an empty transaction', (state) => {
    const initialized = durable(init(transactionIn(state)))
    expect(initialized).toMatchObject({
      producerId,
      producerEpoch: 6,
      lastProducerEpoch: -1,
      state: 'Empty',
      startTimestamp: -1,
      pending: null,
    })
    expect(initialized.partitions.size).toBe(0)
    expect(initialized.lastUpdateTimestamp).toBe(now)
  })

  test.each(['PrepareCommit', 'PrepareAbort'] as const)('%s: the producer waits for its end', (state) => {
    expect(errorOf(init(transactionIn(state)))).toBe('CONCURRENT_TRANSACTIONS')
  })

  test.each(['Empty', 'Ongoing', 'PrepareCommit', 'CompleteAbort'] as const)(
    '%s with a pending transition: the producer waits',
    (state) => {
      expect(errorOf(init(transactionWithPending(transactionIn(state)), expecting(1, 999)))).toBe('CONCURRENT_TRANSACTIONS')
    },
  )
})

describe('a producer that says what it has (KIP-360)', () => {
  test('its current epoch: the next one, and the last is remembered', () => {
    expect(target(init(transactionIn('Empty'), expecting(producerEpoch)))).toMatchObject({ producerEpoch: 6, lastProducerEpoch: 5 })
  })

  test('its last epoch: a retry, with the same response again', () => {
    const transaction = transactionIn('Empty', { lastProducerEpoch: 4 })
    expect(target(init(transaction, expecting(4)))).toMatchObject({ producerEpoch: 5, lastProducerEpoch: 4 })
  })

  test('an older epoch, a newer one, and another producer id: fenced', () => {
    expect(errorOf(init(transactionIn('Empty', { lastProducerEpoch: 4 }), expecting(3)))).toBe('PRODUCER_FENCED')
    expect(errorOf(init(transactionIn('Empty'), expecting(6)))).toBe('PRODUCER_FENCED')
    expect(errorOf(init(transactionIn('Empty'), expecting(producerEpoch, 11)))).toBe('PRODUCER_FENCED')
  })

  test('after another producer was initialized the last epoch does not count', () => {
    const other = durable(init(transactionIn('Empty')))
    expect(errorOf(init(other, expecting(producerEpoch)))).toBe('PRODUCER_FENCED')
  })

  test('the state was loaded after a restart, without a last epoch: only the current epoch counts', () => {
    expect(target(init(transactionIn('Empty'), expecting(producerEpoch)))).toMatchObject({ producerEpoch: 6 })
    expect(errorOf(init(transactionIn('Empty'), expecting(producerEpoch - 1)))).toBe('PRODUCER_FENCED')
  })
})

describe('used up epochs', () => {
  const exhausted = transactionIn('CompleteCommit', { producerEpoch: LAST_USABLE })

  test('a new producer id begins with epoch 0', () => {
    expect(init(exhausted).type).toBe('allocateProducerId')
    expect(target(init(exhausted, { newProducerId: 77 }))).toMatchObject({
      producerId: 77,
      previousProducerId: producerId,
      producerEpoch: 0,
      lastProducerEpoch: -1,
    })
  })

  test('the epoch before the last is still given', () => {
    expect(target(init(transactionIn('Empty', { producerEpoch: LAST_USABLE - 1 })))).toMatchObject({ producerEpoch: LAST_USABLE })
  })

  test('the producer that had the last epoch retries, and gets the new producer id and the next epoch', () => {
    const rotated = durable(init(exhausted, { newProducerId: 77, ...expecting(LAST_USABLE) }))
    expect(rotated).toMatchObject({ producerId: 77, producerEpoch: 0, lastProducerEpoch: LAST_USABLE })
    expect(target(init(rotated, expecting(LAST_USABLE)))).toMatchObject({
      producerId: 77,
      producerEpoch: 0,
      lastProducerEpoch: LAST_USABLE,
    })
  })

  test('an older epoch of the old producer id is fenced', () => {
    const rotated = durable(init(exhausted, { newProducerId: 77, ...expecting(LAST_USABLE) }))
    expect(errorOf(init(rotated, expecting(LAST_USABLE - 1)))).toBe('PRODUCER_FENCED')
  })

  test('an expected epoch that is not the current one has no response but an unknown error', () => {
    expect(errorOf(init(exhausted, expecting(LAST_USABLE - 1)))).toBe('UNKNOWN_SERVER_ERROR')
  })
})

describe.each([1, 2])('an ongoing transaction, transaction.version %i', (transactionVersion) => {
  test('is aborted with the next epoch, so that its producer is fenced; then a new producer gets the one after', () => {
    const fence = init(transactionIn('Ongoing'), { transactionVersion })
    expect(target(fence)).toMatchObject({
      state: 'PrepareAbort',
      producerEpoch: 6,
      lastProducerEpoch: transactionVersion === 2 ? 5 : -1,
      clientTransactionVersion: transactionVersion === 2 ? 2 : 0,
    })
    expect(durable(fence).pending?.to).toMatchObject({ state: 'CompleteAbort', producerEpoch: 6 })
    const aborted = completed(fence)
    expect(aborted).toMatchObject({ state: 'CompleteAbort', producerEpoch: 6, pending: null })
    expect(target(init(aborted, { transactionVersion }))).toMatchObject({ state: 'Empty', producerEpoch: 7 })
  })

  test('of a fenced producer is left alone', () => {
    expect(errorOf(init(transactionIn('Ongoing'), { transactionVersion, ...expecting(1, 999) }))).toBe('PRODUCER_FENCED')
  })

  test('does not use up an epoch each time that its abort cannot be written', () => {
    let transaction = transactionIn('Ongoing')
    for (let attempt = 0; attempt < 5; attempt++) transaction = notWritten(init(transaction, { transactionVersion }))
    expect(transaction).toMatchObject({ state: 'Ongoing', hasFailedEpochFence: true, pending: null })
    const fenced = init(transaction, { transactionVersion })
    expect(target(fenced)).toMatchObject({ state: 'PrepareAbort', producerEpoch: 6 })
    expect(completed(fenced)).toMatchObject({ hasFailedEpochFence: false })
  })
})

describe('an ongoing transaction of used up epochs', () => {
  const exhausted = transactionIn('Ongoing', { producerEpoch: LAST_USABLE })

  test('transaction.version 1: the largest epoch fences, and the next producer gets a new producer id', () => {
    const aborted = completed(init(exhausted, { transactionVersion: 1 }))
    expect(aborted).toMatchObject({ state: 'CompleteAbort', producerId, producerEpoch: MAX_EPOCH })
    expect(target(init(aborted, { transactionVersion: 1, newProducerId: 77 }))).toMatchObject({ producerId: 77, producerEpoch: 0 })
  })

  test('transaction.version 2: the abort brings the new producer id', () => {
    expect(init(exhausted).type).toBe('allocateProducerId')
    const fence = init(exhausted, { newProducerId: 77 })
    expect(target(fence)).toMatchObject({ state: 'PrepareAbort', producerId, producerEpoch: MAX_EPOCH, nextProducerId: 77 })
    const aborted = completed(fence)
    expect(aborted).toMatchObject({ producerId: 77, producerEpoch: 0, nextProducerId: -1, previousProducerId: producerId })
    expect(target(init(aborted))).toMatchObject({ producerId: 77, producerEpoch: 1 })
  })
})
