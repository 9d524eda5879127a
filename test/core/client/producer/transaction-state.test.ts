/**
 * Goal: a transactional producer goes through the states of Kafka's Java client: what may follow what, which errors end the transaction and
 * which end the producer, and when the epoch has to be raised. Method: stories told to the state; it has no effects.
 */
import { describe, expect, it } from 'vitest'
import {
  isAbortable,
  isFatal,
  isFenced,
  TransactionError,
  transactionVerdict,
} from '../../../../core/client/producer/transaction-errors.ts'
import { TransactionState, type TransactionSupport } from '../../../../core/client/producer/transaction-state.ts'
import { type ErrorName, KafkaError } from '../../../../core/errors.ts'

const v1: TransactionSupport = { v2: false, epochBump: true }
const v2: TransactionSupport = { v2: true, epochBump: true }
const old: TransactionSupport = { v2: false, epochBump: false }
const producer = (producerEpoch: number) => ({ producerId: 7, producerEpoch })
const error = (name: ErrorName) => new KafkaError(name)

function ready(support: TransactionSupport): TransactionState {
  const state = new TransactionState('tx')
  state.initialize()
  state.initialized(producer(0), support)
  return state
}

function inTransaction(support: TransactionSupport): TransactionState {
  const state = ready(support)
  state.begin()
  state.started = true
  return state
}

describe('a transaction', () => {
  it('is committed, and the next one has the epoch that EndTxn gave', () => {
    const state = inTransaction(v2)
    state.commit()
    expect(state.open).toBe(true)
    expect(state.ended(producer(1), v2)).toBe(false)
    expect(state).toMatchObject({ phase: 'READY', producer: producer(1), started: false, ordinal: 1 })
    state.begin()
    expect(state).toMatchObject({ phase: 'IN_TRANSACTION', ordinal: 2 })
  })

  it('keeps its epoch before transaction.version 2', () => {
    const state = inTransaction(v1)
    state.commit()
    expect(state.ended(null, v1)).toBe(false)
    expect(state).toMatchObject({ phase: 'READY', producer: producer(0), v2: false })
  })

  it('gives another epoch when the cluster has been upgraded, and the next one uses the new protocol', () => {
    const state = inTransaction(v1)
    state.commit()
    expect(state.ended(null, v2)).toBe(true)
    expect(state).toMatchObject({ phase: 'INITIALIZING', v2: false })
    state.initialized(producer(1), v2)
    expect(state).toMatchObject({ phase: 'READY', v2: true, producer: producer(1) })
  })

  it('goes back to the old protocol without another epoch', () => {
    const state = inTransaction(v2)
    state.abort()
    expect(state.ended(producer(1), v1)).toBe(false)
    expect(state).toMatchObject({ phase: 'READY', v2: false })
  })

  it('fails what was not sent when it is aborted', () => {
    const state = inTransaction(v2)
    expect(state.abortCause).toBe(null)
    state.abort()
    expect(state.open).toBe(false)
    expect(isAbortable(state.abortCause)).toBe(true)
    state.ended(producer(1), v2)
    expect(state.abortCause).toBe(null)
  })
})

describe('calls out of order', () => {
  const calls: ((state: TransactionState) => void)[] = [
    (state) => state.initialize(),
    (state) => state.begin(),
    (state) => state.commit(),
    (state) => state.abort(),
    (state) => state.require('send', 'IN_TRANSACTION'),
  ]
  const phases: [name: string, make: () => TransactionState, allowed: number[]][] = [
    ['UNINITIALIZED', () => new TransactionState('tx'), [0]],
    [
      'INITIALIZING',
      () => {
        const state = new TransactionState('tx')
        state.initialize()
        return state
      },
      [],
    ],
    ['READY', () => ready(v2), [1]],
    ['IN_TRANSACTION', () => inTransaction(v2), [2, 3, 4]],
    [
      'COMMITTING_TRANSACTION',
      () => {
        const state = inTransaction(v2)
        state.commit()
        return state
      },
      [],
    ],
    [
      'ABORTING_TRANSACTION',
      () => {
        const state = inTransaction(v2)
        state.abort()
        return state
      },
      [],
    ],
  ]
  it.each(phases)('are refused in %s with what to do first, and change nothing', (phase, make, allowed) => {
    calls.forEach((call, index) => {
      const state = make()
      expect(state.phase).toBe(phase)
      if (allowed.includes(index)) {
        call(state)
        return
      }
      expect(() => call(state)).toThrow(expect.objectContaining({ error: 'INVALID_TXN_STATE', message: expect.stringContaining('first') }))
      expect(state.phase).toBe(phase)
    })
  })
})

describe('an abortable error', () => {
  it.each(['IN_TRANSACTION', 'COMMITTING_TRANSACTION'])('in %s leaves only the abort, and stays the error of the transaction', (phase) => {
    const state = inTransaction(v2)
    if (phase === 'COMMITTING_TRANSACTION') state.commit()
    const first = state.batchFailed(error('INVALID_RECORD'), true)
    expect(first).toMatchObject({ error: 'INVALID_RECORD', verdict: 'abortable', message: expect.stringContaining('abortTransaction()') })
    state.batchFailed(error('MESSAGE_TOO_LARGE'), true)
    for (const call of [() => state.commit(), () => state.begin(), () => state.require('send', 'IN_TRANSACTION')])
      expect(call).toThrow(first)
    expect(state).toMatchObject({ phase: 'ABORTABLE_ERROR', abortCause: first })
    state.abort()
    expect(state.abortCause).toBe(first)
    expect(state.ended(producer(1), v2)).toBe(false)
    state.begin()
  })

  it('raises the epoch before transaction.version 2, where a batch was sent', () => {
    const state = inTransaction(v1)
    state.batchFailed(error('MESSAGE_TOO_LARGE'), false)
    expect(state.epochBumpRequired).toBe(false)
    state.batchFailed(error('REQUEST_TIMED_OUT'), true)
    state.abort()
    expect(state.ended(null, v1)).toBe(true)
    expect(state.phase).toBe('INITIALIZING')
    expect(() => state.begin()).toThrow('await initTransactions()')
    state.initialized(producer(1), v1)
    expect(state).toMatchObject({ phase: 'READY', epochBumpRequired: false })
  })

  it('raises the epoch also where a batch fails during the abort', () => {
    const state = inTransaction(v1)
    state.abort()
    expect(state.batchFailed(error('REQUEST_TIMED_OUT'), true)).toMatchObject({ verdict: 'abortable' })
    expect(state.phase).toBe('ABORTING_TRANSACTION')
    expect(state.ended(null, v1)).toBe(true)
  })

  it('is fatal where the coordinator cannot raise the epoch (before Kafka 2.5), unless nothing was sent', () => {
    const state = inTransaction(old)
    expect(isAbortable(state.batchFailed(error('MESSAGE_TOO_LARGE'), false))).toBe(true)
    expect(isFatal(state.batchFailed(error('REQUEST_TIMED_OUT'), true))).toBe(true)
    expect(state.phase).toBe('FATAL_ERROR')
  })

  it('is fatal where the abort itself cannot be ended', () => {
    const state = inTransaction(v2)
    state.abort()
    expect(isFatal(state.failed('EndTxn', error('UNKNOWN_PRODUCER_ID')))).toBe(true)
    expect(state.phase).toBe('FATAL_ERROR')
  })

  it('of an earlier transaction does not touch the next one', () => {
    const state = ready(v2)
    expect(isAbortable(state.batchFailed(error('REQUEST_TIMED_OUT'), true))).toBe(true)
    expect(state).toMatchObject({ phase: 'READY', error: null })
  })
})

describe('a fatal error', () => {
  it('of a fenced producer has one name, whichever the broker gave', () => {
    for (const name of ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'] as const) {
      const state = inTransaction(v2)
      state.commit()
      const failure = state.failed('EndTxn', error(name))
      expect(failure).toMatchObject({ error: 'PRODUCER_FENCED', verdict: 'fenced' })
      expect([isFenced(failure), isFatal(failure), isAbortable(failure)]).toEqual([true, true, false])
      for (const call of [() => state.abort(), () => state.begin(), () => state.initialize()]) expect(call).toThrow(failure)
      // Later errors do not hide it.
      state.batchFailed(error('REQUEST_TIMED_OUT'), true)
      expect(state.error).toBe(failure)
    }
  })

  it('is found as the cause of a failed send', () => {
    const fenced = new TransactionError('fenced', error('PRODUCER_FENCED'), 'tx')
    const wrapped = new Error('a task failed', { cause: new KafkaError('UNKNOWN_SERVER_ERROR', 'send failed', { cause: fenced }) })
    expect(isFenced(wrapped)).toBe(true)
    const circle = new Error('circle')
    circle.cause = circle
    expect(isFenced(circle)).toBe(false)
    expect(isAbortable(undefined)).toBe(false)
  })

  it('of the initialization is not one where the user may solve it', () => {
    const state = new TransactionState('tx')
    state.initialize()
    expect(state.failed('InitProducerId', error('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'))).toMatchObject({ verdict: 'refused' })
    state.initialize()
    expect(isFatal(state.failed('InitProducerId', error('INVALID_TRANSACTION_TIMEOUT')))).toBe(true)
    expect(() => state.initialize()).toThrow('INVALID_TRANSACTION_TIMEOUT')
  })
})

it('each error of each request has the verdict of the Java client', () => {
  const verdicts = (request: Parameters<typeof transactionVerdict>[0], names: readonly ErrorName[]) =>
    Object.fromEntries(names.map((name) => [name, transactionVerdict(request, name)]))
  for (const request of ['InitProducerId', 'AddPartitionsToTxn', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn'] as const) {
    expect(
      verdicts(request, ['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'CONCURRENT_TRANSACTIONS']),
    ).toEqual({
      NOT_COORDINATOR: 'retry',
      COORDINATOR_NOT_AVAILABLE: 'retry',
      COORDINATOR_LOAD_IN_PROGRESS: 'retry',
      CONCURRENT_TRANSACTIONS: 'retry',
    })
    expect(verdicts(request, ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_ID_MAPPING'])).toEqual({
      PRODUCER_FENCED: 'fenced',
      INVALID_PRODUCER_EPOCH: 'fenced',
      INVALID_PRODUCER_ID_MAPPING: 'fatal',
    })
    if (request !== 'InitProducerId') expect(transactionVerdict(request, 'TRANSACTION_ABORTABLE')).toBe('abortable')
    if (request !== 'InitProducerId') expect(transactionVerdict(request, 'UNKNOWN_PRODUCER_ID')).toBe('abortable')
  }
  expect(verdicts('AddPartitionsToTxn', ['TOPIC_AUTHORIZATION_FAILED', 'OPERATION_NOT_ATTEMPTED', 'INVALID_TXN_STATE'])).toEqual({
    TOPIC_AUTHORIZATION_FAILED: 'abortable',
    OPERATION_NOT_ATTEMPTED: 'abortable',
    INVALID_TXN_STATE: 'fatal',
  })
  expect(
    verdicts('TxnOffsetCommit', ['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID', 'INVALID_COMMIT_OFFSET_SIZE']),
  ).toEqual({
    ILLEGAL_GENERATION: 'abortable',
    UNKNOWN_MEMBER_ID: 'abortable',
    FENCED_INSTANCE_ID: 'abortable',
    INVALID_COMMIT_OFFSET_SIZE: 'fatal',
  })
  // With an old epoch a batch is not the proof of another producer: only the end of the transaction is.
  expect(verdicts('Produce', ['INVALID_PRODUCER_EPOCH', 'REQUEST_TIMED_OUT', 'INVALID_TXN_STATE', 'INVALID_PRODUCER_ID_MAPPING'])).toEqual({
    INVALID_PRODUCER_EPOCH: 'abortable',
    REQUEST_TIMED_OUT: 'abortable',
    INVALID_TXN_STATE: 'abortable',
    INVALID_PRODUCER_ID_MAPPING: 'fatal',
  })
})
