/**
 * Goal: the coordinator responds after the log has the decision, writes each marker once it is decided, and ends after a crash what was
 * decided before it. Method: the real coordinator on a log in memory, with a clock that the test advances.
 */
import { describe, expect, test } from 'vitest'
import type { TransactionIdentity } from '../../../core/transactions/index.ts'
import { limits } from '../../../core/transactions/limits.ts'
import { transactionRecord } from '../../../core/transactions/records.ts'
import { newTransaction } from '../../../core/transactions/transaction.ts'
import { settle } from '../groups/memory-store.ts'
import { MemoryMarkers, MemoryState, openTransactions, type TestTransactions, t } from './memory-state.ts'

const fresh = {
  transactionalId: 'tx',
  transactionTimeoutMs: 60_000,
  producerId: -1,
  producerEpoch: -1,
  enable2Pc: false,
  keepPreparedTxn: false,
}

async function initialized({ transactions }: TestTransactions, transactionalId = 'tx'): Promise<TransactionIdentity> {
  const { error, producerId, producerEpoch } = await transactions.initProducerId({ ...fresh, transactionalId })
  expect(error).toBe('NONE')
  return { transactionalId, producerId, producerEpoch }
}

/** A transaction with t-0 and t-1. */
async function begun(test: TestTransactions, version = 5): Promise<TransactionIdentity> {
  const identity = await initialized(test)
  if (version >= 5) expect(await test.transactions.verifyPartitions(identity, [t(0), t(1)], true)).toEqual(new Map())
  else
    expect(await test.transactions.addPartitions({ ...identity, partitions: [t(0), t(1)] })).toEqual({
      error: 'NONE',
      partitions: new Map(),
    })
  return identity
}

const described = async ({ transactions }: TestTransactions) => (await transactions.describe(['tx']))[0]!

describe('a transaction', () => {
  test.each([true, false])(
    'committed %s, EndTxn v5: decided, marked, completed, and the response has the next epoch',
    async (committed) => {
      const test = await openTransactions()
      const identity = await begun(test)
      expect(identity).toMatchObject({ producerId: 100, producerEpoch: 0 })
      expect(await test.transactions.endTransaction({ ...identity, committed }, 5)).toEqual({
        error: 'NONE',
        producerId: 100,
        producerEpoch: 1,
      })
      await settle()
      const marker = { committed, producerEpoch: 1 }
      expect([test.markers.of('t-0'), test.markers.of('t-1')]).toEqual([[marker], [marker]])
      expect(test.markers.written[0]).toMatchObject({ producerId: 100, coordinatorEpoch: 1, transactionVersion: 2 })
      const result = committed ? 'Commit' : 'Abort'
      expect(test.state.states()).toEqual(['Empty', 'Ongoing', `Prepare${result}`, `Complete${result}`])
      expect(await described(test)).toMatchObject({ state: `Complete${result}`, producerEpoch: 1, topics: [] })
    },
  )

  test('EndTxn v4: the markers have the epoch of the transaction', async () => {
    const test = await openTransactions()
    const identity = await begun(test, 4)
    expect(await test.transactions.endTransaction({ ...identity, committed: true }, 4)).toMatchObject({ error: 'NONE' })
    await settle()
    expect(test.markers.of('t-0')).toEqual([{ committed: true, producerEpoch: 0 }])
    expect(test.markers.written[0]).toMatchObject({ transactionVersion: 0 })
    expect(await test.transactions.endTransaction({ ...identity, committed: true }, 4)).toMatchObject({ error: 'NONE' })
    expect(await test.transactions.endTransaction({ ...identity, committed: false }, 4)).toMatchObject({ error: 'INVALID_TXN_STATE' })
  })

  test('a retried EndTxn v5 gets the same response, once the transaction is complete', async () => {
    const test = await openTransactions()
    const identity = await begun(test)
    test.markers.held = []
    const first = await test.transactions.endTransaction({ ...identity, committed: true }, 5)
    expect(await test.transactions.endTransaction({ ...identity, committed: true }, 5)).toMatchObject({ error: 'CONCURRENT_TRANSACTIONS' })
    test.markers.release()
    await settle()
    expect(await test.transactions.endTransaction({ ...identity, committed: true }, 5)).toEqual(first)
  })

  test('is answered after its decision is durable, not before', async () => {
    const test = await openTransactions()
    const identity = await begun(test)
    test.state.heldAppends = []
    let isAnswered = false
    const end = test.transactions.endTransaction({ ...identity, committed: true }, 5).then(() => {
      isAnswered = true
    })
    await settle()
    expect(isAnswered).toBe(false)
    expect(test.markers.written).toEqual([])
    test.state.completeAppends()
    await end
  })

  test('has the partition of the group of AddOffsetsToTxn', async () => {
    const test = await openTransactions()
    const identity = await initialized(test)
    expect(await test.transactions.addOffsets({ ...identity, groupId: 'g' })).toBe('NONE')
    expect((await described(test)).topics).toEqual([{ topic: '__consumer_offsets', partitions: [7] }])
  })

  test('begins while the markers of the one before are being written: the partition waits', async () => {
    const test = await openTransactions()
    const identity = await begun(test)
    test.markers.held = []
    const { producerId, producerEpoch } = await test.transactions.endTransaction({ ...identity, committed: true }, 5)
    const next = test.transactions.verifyPartitions({ transactionalId: 'tx', producerId, producerEpoch }, [t(2)], true)
    await settle()
    test.markers.release()
    expect(await next).toEqual(new Map())
    expect(await described(test)).toMatchObject({ state: 'Ongoing', topics: [{ topic: 't', partitions: [2] }] })
  })

  test('does not wait longer than add.partitions.to.txn.retry.backoff.max.ms', async () => {
    const test = await openTransactions()
    const identity = await begun(test)
    test.markers.held = []
    const { producerId, producerEpoch } = await test.transactions.endTransaction({ ...identity, committed: true }, 5)
    const next = test.transactions.verifyPartitions({ transactionalId: 'tx', producerId, producerEpoch }, [t(2)], true)
    await test.clock.pass(101)
    expect(await next).toEqual(new Map([['t-2', 'CONCURRENT_TRANSACTIONS']]))
  })

  test('partitions that join at the same time all join', async () => {
    const test = await openTransactions()
    const identity = await initialized(test)
    const results = await Promise.all([0, 1, 2, 3].map((partition) => test.transactions.verifyPartitions(identity, [t(partition)], true)))
    expect(results).toEqual([new Map(), new Map(), new Map(), new Map()])
    expect((await described(test)).topics[0]!.partitions.sort()).toEqual([0, 1, 2, 3])
  })
})

describe('requests that are refused', () => {
  test('before __transaction_state exists nobody is the coordinator', async () => {
    const state = new MemoryState()
    state.exists = false
    const { transactions } = await openTransactions(state)
    expect(await transactions.initProducerId(fresh)).toMatchObject({ error: 'NOT_COORDINATOR', producerId: -1, producerEpoch: -1 })
    await transactions.prepare()
    expect(await transactions.initProducerId(fresh)).toMatchObject({ error: 'NONE' })
  })

  test('an empty transactional id', async () => {
    const { transactions } = await openTransactions()
    const nobody = { transactionalId: '', producerId: 1, producerEpoch: 0 }
    expect(await transactions.initProducerId({ ...fresh, ...nobody })).toMatchObject({ error: 'INVALID_REQUEST' })
    expect(await transactions.addPartitions({ ...nobody, partitions: [t(0)] })).toMatchObject({ error: 'INVALID_REQUEST' })
    expect(await transactions.addOffsets({ ...nobody, groupId: 'g' })).toBe('INVALID_REQUEST')
    expect(await transactions.verifyPartitions(nobody, [t(0)], false)).toEqual(new Map([['t-0', 'INVALID_REQUEST']]))
    expect(await transactions.endTransaction({ ...nobody, committed: true }, 5)).toMatchObject({ error: 'INVALID_REQUEST' })
    expect(await transactions.describe([''])).toMatchObject([{ error: 'INVALID_REQUEST' }])
  })

  test('an unknown transactional id', async () => {
    const { transactions } = await openTransactions()
    const unknown = { transactionalId: 'unknown', producerId: 1, producerEpoch: 0 }
    expect(await transactions.addPartitions({ ...unknown, partitions: [t(0)] })).toMatchObject({ error: 'INVALID_PRODUCER_ID_MAPPING' })
    expect(await transactions.endTransaction({ ...unknown, committed: true }, 5)).toMatchObject({ error: 'INVALID_PRODUCER_ID_MAPPING' })
    expect(await transactions.describe(['unknown'])).toMatchObject([{ error: 'TRANSACTIONAL_ID_NOT_FOUND' }])
  })

  test.each([0, -1, 900_001])('a timeout of %i ms', async (transactionTimeoutMs) => {
    const { transactions } = await openTransactions()
    expect(await transactions.initProducerId({ ...fresh, transactionTimeoutMs })).toMatchObject({ error: 'INVALID_TRANSACTION_TIMEOUT' })
  })

  test('two-phase commit without transaction.two.phase.commit.enable, and a prepared transaction that shall stay', async () => {
    const { transactions } = await openTransactions()
    expect(await transactions.initProducerId({ ...fresh, enable2Pc: true })).toMatchObject({
      error: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    })
    expect(await transactions.initProducerId({ ...fresh, keepPreparedTxn: true })).toMatchObject({ error: 'UNSUPPORTED_VERSION' })
  })

  test('one unknown partition: none joins', async () => {
    const test = await openTransactions()
    const identity = await initialized(test)
    const partitions = new Map([
      ['t-0', 'OPERATION_NOT_ATTEMPTED'],
      ['t-9', 'UNKNOWN_TOPIC_OR_PARTITION'],
    ])
    expect(await test.transactions.addPartitions({ ...identity, partitions: [t(0), t(9)] })).toEqual({ error: 'NONE', partitions })
    expect(await test.transactions.verifyPartitions(identity, [t(0), t(9)], true)).toEqual(partitions)
    expect((await described(test)).state).toBe('Empty')
  })

  test('a transaction that is too large for one record', async () => {
    const state = new MemoryState()
    state.topics.set('t', limits.recordBytes)
    const test = await openTransactions(state)
    const identity = await initialized(test)
    const many = Array.from({ length: limits.recordBytes / 4 + 1 }, (_, partition) => t(partition))
    expect(await test.transactions.addPartitions({ ...identity, partitions: many })).toMatchObject({ error: 'UNKNOWN_SERVER_ERROR' })
    expect(await test.transactions.addPartitions({ ...identity, partitions: [t(0)] })).toMatchObject({ error: 'NONE' })
  })

  test('what records without transaction.version cannot store', async () => {
    const state = new MemoryState()
    state.transactionVersion = 0
    const test = await openTransactions(state)
    const identity = await initialized(test)
    expect(await test.transactions.verifyPartitions(identity, [t(0)], true)).toEqual(new Map([['t-0', 'UNSUPPORTED_VERSION']]))
    expect(await test.transactions.endTransaction({ ...identity, committed: false }, 5)).toMatchObject({ error: 'UNSUPPORTED_VERSION' })
    expect(await test.transactions.endTransaction({ ...identity, committed: true }, 5)).toMatchObject({ error: 'INVALID_TXN_STATE' })
    expect(await test.transactions.addPartitions({ ...identity, partitions: [t(0)] })).toMatchObject({ error: 'NONE' })
    expect(await test.transactions.endTransaction({ ...identity, committed: true }, 4)).toMatchObject({ error: 'NONE' })
  })

  test('after close', async () => {
    const { transactions } = await openTransactions()
    await transactions.close()
    expect(await transactions.initProducerId(fresh)).toMatchObject({ error: 'COORDINATOR_NOT_AVAILABLE' })
    expect(
      await transactions.list({ stateFilters: [], producerIdFilters: [], durationFilterMs: -1, transactionalIdPattern: null }),
    ).toMatchObject({ error: 'COORDINATOR_NOT_AVAILABLE' })
  })
})

describe('a failed log', () => {
  test.each([
    ['UNKNOWN_TOPIC_OR_PARTITION', 'COORDINATOR_NOT_AVAILABLE'],
    ['NOT_ENOUGH_REPLICAS', 'COORDINATOR_NOT_AVAILABLE'],
    ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'COORDINATOR_NOT_AVAILABLE'],
    ['REQUEST_TIMED_OUT', 'COORDINATOR_NOT_AVAILABLE'],
    ['NOT_LEADER_FOR_PARTITION', 'NOT_COORDINATOR'],
    ['KAFKA_STORAGE_ERROR', 'NOT_COORDINATOR'],
    ['MESSAGE_TOO_LARGE', 'UNKNOWN_SERVER_ERROR'],
    ['RECORD_LIST_TOO_LARGE', 'UNKNOWN_SERVER_ERROR'],
  ] as const)('%s is %s, and the state stays as it was', async (failure, error) => {
    const test = await openTransactions()
    const identity = await begun(test)
    test.state.failure = failure
    expect(await test.transactions.endTransaction({ ...identity, committed: true }, 5)).toMatchObject({ error })
    expect(await test.transactions.addPartitions({ ...identity, partitions: [t(2)] })).toMatchObject({ error })
    expect(await described(test)).toMatchObject({ state: 'Ongoing', producerEpoch: 0, topics: [{ partitions: [0, 1] }] })
    test.state.failure = null
    expect(await test.transactions.endTransaction({ ...identity, committed: true }, 5)).toMatchObject({ error: 'NONE', producerEpoch: 1 })
  })

  test.each([
    ['NOT_ENOUGH_REPLICAS', true, 'CompleteCommit'],
    // Of a full disk, and of a log that rejects appends until the next start.
    ['KAFKA_STORAGE_ERROR', true, 'CompleteCommit'],
    ['KAFKA_STORAGE_ERROR', false, 'PrepareCommit'],
  ] as const)('between the decision and the completion: %s, later writable: %s, then %s', async (failure, isWritable, state) => {
    const test = await openTransactions()
    const identity = await begun(test)
    test.markers.held = []
    await test.transactions.endTransaction({ ...identity, committed: true }, 5)
    test.state.failure = failure
    test.state.isLogWritable = isWritable
    test.markers.release()
    await test.clock.pass(5_000)
    expect((await described(test)).state).toBe('PrepareCommit')
    test.state.failure = null
    await test.clock.pass(5_000)
    expect((await described(test)).state).toBe(state)
  })
})

describe('markers', () => {
  async function ended(errors: [string, string[]][]): Promise<TestTransactions> {
    const markers = new MemoryMarkers()
    for (const [partition, names] of errors) markers.errors.set(partition, names as never)
    const test = await openTransactions(new MemoryState(), markers)
    await test.transactions.endTransaction({ ...(await begun(test)), committed: true }, 5)
    await settle()
    return test
  }

  test('of an unavailable partition are retried; the others are described as done', async () => {
    const test = await ended([['t-1', ['KAFKA_STORAGE_ERROR', 'NOT_LEADER_FOR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION']]])
    expect(await described(test)).toMatchObject({ state: 'PrepareCommit', topics: [{ topic: 't', partitions: [1] }] })
    expect(test.transactions.counters.pendingMarkers).toBe(1)
    await test.clock.pass(10_000)
    expect(test.markers.of('t-1')).toEqual([{ committed: true, producerEpoch: 1 }])
    expect((await described(test)).state).toBe('CompleteCommit')
    expect(test.transactions.counters.pendingMarkers).toBe(0)
  })

  test('of a deleted topic are given up', async () => {
    const markers = new MemoryMarkers()
    markers.errors.set('t-1', Array(1000).fill('UNKNOWN_TOPIC_OR_PARTITION'))
    const test = await openTransactions(new MemoryState(), markers)
    const identity = await begun(test)
    test.state.topics.set('t', 1)
    await test.transactions.endTransaction({ ...identity, committed: false }, 5)
    await settle()
    expect((await described(test)).state).toBe('CompleteAbort')
    expect(test.markers.of('t-0')).toHaveLength(1)
  })

  test.each(['INVALID_PRODUCER_EPOCH', 'TRANSACTION_COORDINATOR_FENCED'])(
    'that are fenced by others (%s) are not retried',
    async (error) => {
      const test = await ended([['t-1', [error]]])
      await test.clock.pass(10_000)
      expect(test.markers.of('t-1')).toEqual([])
      expect((await described(test)).state).toBe('PrepareCommit')
      expect(test.transactions.counters.pendingMarkers).toBe(0)
      expect(await test.transactions.initProducerId(fresh)).toMatchObject({ error: 'CONCURRENT_TRANSACTIONS' })
    },
  )

  test('are not written after close, and their transaction is completed by the next start', async () => {
    const test = await ended([['t-1', Array(1000).fill('NOT_LEADER_FOR_PARTITION')]])
    await test.transactions.close()
    await test.clock.pass(10_000)
    expect(test.markers.of('t-1')).toEqual([])
    const next = await test.restart()
    await settle()
    expect(next.markers.of('t-1')).toEqual([{ committed: true, producerEpoch: 1 }])
  })
})

describe('another producer of the transactional id', () => {
  test('aborts the ongoing transaction, waits for it, and fences its producer', async () => {
    const test = await openTransactions()
    const identity = await begun(test)
    expect(await test.transactions.initProducerId(fresh)).toMatchObject({ error: 'CONCURRENT_TRANSACTIONS' })
    await settle()
    expect(test.markers.of('t-0')).toEqual([{ committed: false, producerEpoch: 1 }])
    expect(await test.transactions.initProducerId(fresh)).toEqual({ error: 'NONE', producerId: 100, producerEpoch: 2 })
    expect(await test.transactions.endTransaction({ ...identity, committed: true }, 5)).toMatchObject({ error: 'PRODUCER_FENCED' })
    expect(await test.transactions.addPartitions({ ...identity, partitions: [t(0)] })).toMatchObject({ error: 'PRODUCER_FENCED' })
  })

  test('at the same time: one is initialized after the other', async () => {
    const test = await openTransactions()
    const results = await Promise.all([1, 2, 3].map(() => test.transactions.initProducerId(fresh)))
    const errors = results.map(({ error }) => error)
    expect(errors.filter((error) => error === 'NONE')).toHaveLength(1)
    expect(errors.filter((error) => error === 'CONCURRENT_TRANSACTIONS')).toHaveLength(2)
  })
})

describe('time', () => {
  test('a transaction that is longer than its timeout is aborted, and its producer fenced', async () => {
    const test = await openTransactions()
    const identity = await begun(test)
    await test.clock.pass(59_000)
    expect((await described(test)).state).toBe('Ongoing')
    await test.clock.pass(12_000)
    expect(await described(test)).toMatchObject({ state: 'CompleteAbort', producerEpoch: 1 })
    expect(test.transactions.counters).toMatchObject({ timedOut: 1, ongoing: 0 })
    expect(await test.transactions.endTransaction({ ...identity, committed: true }, 5)).toMatchObject({ error: 'INVALID_TXN_STATE' })
    expect(await test.transactions.endTransaction({ ...identity, committed: true }, 4)).toMatchObject({ error: 'PRODUCER_FENCED' })
  })

  test('a timed out transaction whose abort cannot be written is tried again', async () => {
    const test = await openTransactions()
    await begun(test)
    test.state.failure = 'NOT_ENOUGH_REPLICAS'
    await test.clock.pass(100_000)
    expect(await described(test)).toMatchObject({ state: 'Ongoing', producerEpoch: 0 })
    test.state.failure = null
    await test.clock.pass(10_000)
    expect(await described(test)).toMatchObject({ state: 'CompleteAbort', producerEpoch: 1 })
  })

  test('a transaction of two-phase commit has no timeout', async () => {
    const test = await openTransactions(undefined, undefined, undefined, { twoPhaseCommit: true })
    const { producerId, producerEpoch } = await test.transactions.initProducerId({ ...fresh, transactionTimeoutMs: 0, enable2Pc: true })
    await test.transactions.verifyPartitions({ transactionalId: 'tx', producerId, producerEpoch }, [t(0)], true)
    await test.clock.pass(2_000_000)
    expect(await described(test)).toMatchObject({ state: 'Ongoing', transactionTimeoutMs: 0x7fff_ffff })
  })

  test('a transactional id that nobody uses is removed, one with a transaction is not', async () => {
    const changed = { idExpirationMs: 5_000, removeExpiredIntervalMs: 1_000, abortIntervalMs: 1_000_000_000 }
    const test = await openTransactions(undefined, undefined, undefined, changed)
    await begun(test)
    await initialized(test, 'idle')
    await test.clock.pass(7_000)
    expect(test.transactions.counters.transactionalIds).toBe(1)
    expect(await test.transactions.describe(['idle', 'tx'])).toMatchObject([{ error: 'TRANSACTIONAL_ID_NOT_FOUND' }, { state: 'Ongoing' }])
    const next = await test.restart()
    expect(await next.transactions.describe(['idle', 'tx'])).toMatchObject([{ error: 'TRANSACTIONAL_ID_NOT_FOUND' }, { state: 'Ongoing' }])
  })

  test('a transactional id whose tombstone cannot be written stays usable', async () => {
    const test = await openTransactions(undefined, undefined, undefined, { idExpirationMs: 5_000, removeExpiredIntervalMs: 1_000 })
    await initialized(test)
    test.state.failure = 'NOT_ENOUGH_REPLICAS'
    await test.clock.pass(7_000)
    test.state.failure = null
    expect(await test.transactions.initProducerId(fresh)).toMatchObject({ error: 'NONE', producerEpoch: 1 })
  })
})

describe('list', () => {
  const all = { stateFilters: [], producerIdFilters: [], durationFilterMs: -1, transactionalIdPattern: null }

  test('filters by state, producer id, duration and pattern', async () => {
    const test = await openTransactions()
    await begun(test)
    await initialized(test, 'tx-2')
    await test.clock.pass(5_000)
    const ids = async (filter: object) =>
      (await test.transactions.list({ ...all, ...filter })).transactions.map(({ transactionalId }) => transactionalId).sort()
    expect(await ids({})).toEqual(['tx', 'tx-2'])
    expect(await ids({ stateFilters: ['Ongoing'] })).toEqual(['tx'])
    expect(await ids({ producerIdFilters: [101] })).toEqual(['tx-2'])
    expect(await ids({ durationFilterMs: 4_999, stateFilters: ['Ongoing'] })).toEqual(['tx'])
    expect(await ids({ durationFilterMs: 5_000, stateFilters: ['Ongoing'] })).toEqual([])
    expect(await ids({ transactionalIdPattern: 'tx' })).toEqual(['tx'])
    expect(await ids({ transactionalIdPattern: 'tx.*' })).toEqual(['tx', 'tx-2'])
    expect(await ids({ transactionalIdPattern: 'tx\\-2' })).toEqual(['tx-2'])
    expect(await ids({ transactionalIdPattern: '' })).toEqual(['tx', 'tx-2'])
    expect(await test.transactions.list({ ...all, stateFilters: ['Ongoing', 'Nowhere'] })).toMatchObject({
      error: 'NONE',
      unknownStateFilters: ['Nowhere'],
      transactions: [{ transactionalId: 'tx', producerId: 100, state: 'Ongoing' }],
    })
    expect(await test.transactions.list({ ...all, transactionalIdPattern: '(' })).toMatchObject({ error: 'INVALID_REGULAR_EXPRESSION' })
    expect(await test.transactions.list({ ...all, transactionalIdPattern: ')|(' })).toMatchObject({ error: 'INVALID_REGULAR_EXPRESSION' })
  })
})

describe('a restart', () => {
  test.each([1, 2, 3, 4])('after record %i of a transaction: what was decided is completed, the rest times out', async (count) => {
    const test = await openTransactions()
    const identity = await begun(test)
    await test.transactions.endTransaction({ ...identity, committed: true }, 5)
    await settle()
    const records = test.state.log.findIndex((one) => one.length > 0)
    test.state.log[records]!.length = count
    test.markers.written.length = 0
    const next = await test.restart()
    await settle()
    const isDecided = count >= 3
    expect((await described(next)).state).toBe(isDecided ? 'CompleteCommit' : count === 2 ? 'Ongoing' : 'Empty')
    expect(next.markers.of('t-0')).toEqual(count === 3 ? [{ committed: true, producerEpoch: 1 }] : [])
    if (count === 3) expect(next.markers.written[0]).toMatchObject({ coordinatorEpoch: 2 })
    await next.clock.pass(80_000)
    expect((await described(next)).state).toBe(isDecided ? 'CompleteCommit' : count === 2 ? 'CompleteAbort' : 'Empty')
    expect(next.markers.of('t-0')).toHaveLength(count === 1 || count === 4 ? 0 : 1)
  })

  test('after __transaction_state was deleted nothing is known, and nobody coordinates', async () => {
    const test = await openTransactions()
    const identity = await begun(test)
    test.state.delete()
    expect(await test.transactions.endTransaction({ ...identity, committed: true }, 5)).toMatchObject({ error: 'NOT_COORDINATOR' })
    expect(test.transactions.counters).toMatchObject({ transactionalIds: 0, ongoing: 0 })
    await test.transactions.prepare()
    expect(await test.transactions.initProducerId(fresh)).toMatchObject({ error: 'NONE', producerId: 101, producerEpoch: 0 })
  })

  test('with a decision that no coordinator writes: the others are there, and go on', async () => {
    const test = await openTransactions()
    await begun(test)
    const impossible = { ...newTransaction('impossible', 1, 60_000, 0), state: 'PrepareCommit' as const }
    for (const records of test.state.log) records.unshift(transactionRecord(impossible, 2, 0))
    expect((await described(await test.restart())).state).toBe('Ongoing')
  })

  test('with an unreadable record: the others are there', async () => {
    const test = await openTransactions()
    await begun(test)
    for (const records of test.state.log) records.unshift({ key: Buffer.from([0, 0, 0, 9]), value: null, timestamp: 0 })
    expect((await described(await test.restart())).state).toBe('Ongoing')
  })
})
