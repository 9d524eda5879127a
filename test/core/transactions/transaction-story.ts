/**
 * For tests of the decisions: transactions in any state, and what a decision makes of them.
 */
import { expect } from 'vitest'
import type { Decision } from '../../../core/transactions/decision.ts'
import { notStored, stored } from '../../../core/transactions/progress.ts'
import { MAX_EPOCH, newTransaction, type Transaction } from '../../../core/transactions/transaction.ts'
import type { PartitionOfTopic } from '../../../core/transactions/types.ts'

export const now = 1_700_000_000_000
export const producerId = 10
export const producerEpoch = 5
export const timeoutMs = 60_000
/** With the next one the coordinator can still fence a producer. */
export const LAST_USABLE = MAX_EPOCH - 1

export const partitionsOf = (...keys: string[]): Map<string, PartitionOfTopic> =>
  new Map(keys.map((key) => [key, { topic: key.slice(0, key.lastIndexOf('-')), partition: Number(key.slice(key.lastIndexOf('-') + 1)) }]))

/** A transaction of producer 10, epoch 5; ongoing and decided ones have the partitions t-0 and t-1. */
export function transactionIn(state: Transaction['state'], changes: Partial<Transaction> = {}): Transaction {
  const isOpen = state === 'Ongoing' || state === 'PrepareCommit' || state === 'PrepareAbort'
  return {
    ...newTransaction('tx', producerId, timeoutMs, now - 1000),
    producerEpoch,
    state,
    previousProducerId: producerId,
    partitions: isOpen ? partitionsOf('t-0', 't-1') : new Map(),
    startTimestamp: state === 'Empty' ? -1 : now - 500,
    ...changes,
  }
}

/** A transaction whose transition is being written. */
export const transactionWithPending = (transaction: Transaction): Transaction => ({
  ...transaction,
  pending: { to: { ...transaction }, isEpochFence: false },
})

/** What is to be written. */
export function writtenBy(decision: Decision): Transaction {
  expect(decision.type).toBe('store')
  return (decision as Extract<Decision, { type: 'store' }>).transaction
}

export const target = (decision: Decision) => writtenBy(decision).pending!.to

export const errorOf = (decision: Decision) => (decision.type === 'respond' ? decision.error : decision.type)

/** The transaction once what the decision writes is durable. */
export const durable = (decision: Decision): Transaction => stored(writtenBy(decision), now)

/** The transaction once its markers and its completion are durable too. */
export const completed = (decision: Decision): Transaction => stored(durable(decision), now)

/** The transaction where the write failed. */
export const notWritten = (decision: Decision): Transaction => notStored(writtenBy(decision))
