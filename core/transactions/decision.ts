/**
 * What a request leads to, decided from the state of its transaction alone. Pure: the coordinator writes, responds and decides again.
 */
import type { ErrorName } from '../errors.ts'
import type { StoredTransaction, Transaction } from './transaction.ts'

export type Decision =
  /** Nothing changes. NONE is the response to a retry of what was done before. */
  | { readonly type: 'respond'; readonly error: ErrorName }
  /** The pending transition of `transaction` is to be written; the response follows. */
  | { readonly type: 'store'; readonly transaction: Transaction }
  /** Decide again with a new producer id. */
  | { readonly type: 'allocateProducerId' }

export const respond = (error: ErrorName): Decision => ({ type: 'respond', error })

export const store = (transaction: Transaction, to: StoredTransaction, isEpochFence = false): Decision => ({
  type: 'store',
  transaction: { ...transaction, pending: { to, isEpochFence } },
})

export const allocateProducerId: Decision = { type: 'allocateProducerId' }
