/**
 * What follows when a transition is written, or cannot be: the state that the transaction has then. Pure.
 */
import { invariant } from '../errors.ts'
import { completed, expired, isDecided, type Transaction } from './transaction.ts'

/** The pending transition is durable. A decided transaction waits for its markers then, and nothing else can be asked of it. */
export function stored(transaction: Transaction, now: number): Transaction {
  invariant(transaction.pending, `${transaction.transactionalId}: nothing was to be written`)
  const next = { ...transaction, ...transaction.pending.to, pending: null }
  return isDecided(next.state) ? completing(next, now) : next
}

/** The pending transition could not be written: the producer gets an error, and the state is the one before. */
export function notStored(transaction: Transaction): Transaction {
  const hasFailedEpochFence = transaction.hasFailedEpochFence || (transaction.pending?.isEpochFence ?? false)
  return { ...transaction, pending: null, hasFailedEpochFence }
}

/** The decision is in the log: the markers of `transaction` are to be written, then its completion. Also after a restart. */
export function completing(transaction: Transaction, now: number): Transaction {
  invariant(isDecided(transaction.state), `${transaction.transactionalId}: ${transaction.state} is no decision`)
  return { ...transaction, hasFailedEpochFence: false, pending: { to: completed(transaction, now), isEpochFence: false } }
}

/** The transactional id is about to be removed. */
export const expiring = (transaction: Transaction): Transaction => ({
  ...transaction,
  pending: { to: expired(transaction), isEpochFence: false },
})
