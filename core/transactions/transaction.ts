/**
 * Kafka's TransactionMetadata: what the coordinator knows of one transactional id. Immutable: a decision makes a new one. What is stored in
 * `__transaction_state` is `StoredTransaction`; the rest is about the transition that is under way and does not survive a restart.
 */
import { invariant } from '../errors.ts'
import type { PartitionOfTopic } from './types.ts'

/** The names that ListTransactions and DescribeTransactions show; the index is the id in the log. */
export const transactionStates = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
] as const

export type TransactionState = (typeof transactionStates)[number]

/** Kafka's RecordBatch.NO_PRODUCER_ID, NO_PRODUCER_EPOCH, and the largest epoch, which is never given to a producer. */
export const NO_PRODUCER_ID = -1
export const NO_PRODUCER_EPOCH = -1
export const MAX_EPOCH = 0x7fff
export const NO_TIMESTAMP = -1

/** From this level of transaction.version on each transaction has an epoch of its own (KIP-890). */
export const EPOCH_BUMP_VERSION = 2

/** The timeout of a transaction that is prepared by two-phase commit: it never times out. */
export const NO_TIMEOUT_MS = 0x7fff_ffff

export interface StoredTransaction {
  readonly transactionalId: string
  readonly producerId: number
  /** The producer id before the last change; it recognizes retries of a request that changed it. */
  readonly previousProducerId: number
  /** The producer id from the end of the transaction on, where the epochs of `producerId` are used up; else -1. */
  readonly nextProducerId: number
  readonly producerEpoch: number
  /** The epoch before the last change. It is not stored: -1 after a restart. */
  readonly lastProducerEpoch: number
  readonly timeoutMs: number
  readonly state: TransactionState
  /** By `partitionKey`. Once the transaction is decided: those without a marker. */
  readonly partitions: ReadonlyMap<string, PartitionOfTopic>
  /** When the first partition was added, -1 without a transaction. */
  readonly startTimestamp: number
  readonly lastUpdateTimestamp: number
  /** The transaction.version that the client uses. */
  readonly clientTransactionVersion: number
}

/** The transition that is being written, or that waits for the markers. Until it is done, other requests get CONCURRENT_TRANSACTIONS. */
export interface Transition {
  readonly to: StoredTransaction
  /** True for the abort of a producer that another one takes over from, or that was too slow. */
  readonly isEpochFence: boolean
}

export interface Transaction extends StoredTransaction {
  readonly pending: Transition | null
  /** The bumped epoch of a fence could not be written: it is not bumped again, because nobody has seen it. */
  readonly hasFailedEpochFence: boolean
}

const previousStates: Readonly<Record<TransactionState, readonly TransactionState[]>> = {
  Empty: ['Empty', 'CompleteCommit', 'CompleteAbort'],
  Ongoing: ['Ongoing', 'Empty', 'CompleteCommit', 'CompleteAbort'],
  PrepareCommit: ['Ongoing'],
  // From Empty and Complete since transaction.version 2: a producer may abort before a partition is added.
  PrepareAbort: ['Ongoing', 'PrepareEpochFence', 'Empty', 'CompleteCommit', 'CompleteAbort'],
  CompleteCommit: ['PrepareCommit'],
  CompleteAbort: ['PrepareAbort'],
  Dead: ['Empty', 'CompleteAbort', 'CompleteCommit'],
  PrepareEpochFence: ['Ongoing'],
}

/** The last epoch but one: with it the coordinator can still fence the producer. */
export const isEpochExhausted = (epoch: number): boolean => epoch >= MAX_EPOCH - 1

export const bumpsEpochs = (transactionVersion: number): boolean => transactionVersion >= EPOCH_BUMP_VERSION

export const isExpirable = (state: TransactionState): boolean =>
  state === 'Empty' || state === 'CompleteCommit' || state === 'CompleteAbort'

export const isDecided = (state: TransactionState): boolean => state === 'PrepareCommit' || state === 'PrepareAbort'

const noPartitions: ReadonlyMap<string, PartitionOfTopic> = new Map()

/** A transactional id that was never seen: its first transition gives it epoch 0. */
export const newTransaction = (transactionalId: string, producerId: number, timeoutMs: number, now: number): Transaction => ({
  transactionalId,
  producerId,
  previousProducerId: NO_PRODUCER_ID,
  nextProducerId: NO_PRODUCER_ID,
  producerEpoch: NO_PRODUCER_EPOCH,
  lastProducerEpoch: NO_PRODUCER_EPOCH,
  timeoutMs,
  state: 'Empty',
  partitions: noPartitions,
  startTimestamp: NO_TIMESTAMP,
  lastUpdateTimestamp: now,
  clientTransactionVersion: 0,
  pending: null,
  hasFailedEpochFence: false,
})

export const restored = (stored: StoredTransaction): Transaction => ({ ...stored, pending: null, hasFailedEpochFence: false })

/** The transition of `transaction` to `state` with `changes`. As in Kafka, each one makes the current producer id the previous one. */
export function transition(transaction: Transaction, state: TransactionState, changes: Partial<StoredTransaction>): StoredTransaction {
  const { pending: _, hasFailedEpochFence: __, ...stored } = transaction
  const to = { ...stored, ...changes, state, previousProducerId: transaction.producerId }
  invariant(transaction.pending === null, `${transaction.transactionalId}: ${state} while a transition is under way`)
  invariant(to.producerId >= 0, `${transaction.transactionalId}: producer id ${to.producerId}`)
  invariant(state === 'Dead' || to.producerEpoch >= 0, `${transaction.transactionalId}: epoch ${to.producerEpoch}`)
  invariant(previousStates[state].includes(transaction.state), `${transaction.transactionalId}: ${transaction.state} to ${state}`)
  return to
}

/** A new producer of the transactional id, or the same one after an error, gets the next epoch. Null where it is fenced. */
export function incrementEpoch(
  transaction: Transaction,
  expectedEpoch: number | null,
  timeoutMs: number,
  now: number,
): StoredTransaction | null {
  const { producerEpoch, lastProducerEpoch } = transaction
  let epochs: { producerEpoch: number; lastProducerEpoch: number }
  if (expectedEpoch === null) epochs = { producerEpoch: producerEpoch + 1, lastProducerEpoch: NO_PRODUCER_EPOCH }
  else if (producerEpoch === NO_PRODUCER_EPOCH || expectedEpoch === producerEpoch)
    epochs = { producerEpoch: producerEpoch + 1, lastProducerEpoch: producerEpoch }
  // A retry: the response with the current epoch was lost.
  else if (expectedEpoch === lastProducerEpoch) epochs = { producerEpoch, lastProducerEpoch }
  else return null
  return transition(transaction, 'Empty', {
    ...epochs,
    timeoutMs,
    partitions: noPartitions,
    startTimestamp: NO_TIMESTAMP,
    lastUpdateTimestamp: now,
  })
}

/** The epochs of the producer id are used up: a new one begins with epoch 0. */
export const rotateProducerId = (
  transaction: Transaction,
  producerId: number,
  timeoutMs: number,
  now: number,
  recordLastEpoch: boolean,
): StoredTransaction =>
  transition(transaction, 'Empty', {
    producerId,
    producerEpoch: 0,
    lastProducerEpoch: recordLastEpoch ? transaction.producerEpoch : NO_PRODUCER_EPOCH,
    timeoutMs,
    partitions: noPartitions,
    startTimestamp: NO_TIMESTAMP,
    lastUpdateTimestamp: now,
  })

export const withPartitions = (
  transaction: Transaction,
  added: ReadonlyMap<string, PartitionOfTopic>,
  clientTransactionVersion: number,
  now: number,
): StoredTransaction =>
  transition(transaction, 'Ongoing', {
    partitions: new Map([...transaction.partitions, ...added]),
    startTimestamp: transaction.state === 'Ongoing' ? transaction.startTimestamp : now,
    lastUpdateTimestamp: now,
    clientTransactionVersion,
  })

export interface DecidedEnd {
  committed: boolean
  clientTransactionVersion: number
  nextProducerId: number
  now: number
}

/** The decision. With transaction.version 2 its markers have the next epoch, so that nothing of the old one can follow them. */
export function decided(transaction: Transaction, end: DecidedEnd): StoredTransaction {
  const { producerEpoch, lastProducerEpoch, state } = transaction
  const isBump = bumpsEpochs(end.clientTransactionVersion)
  return transition(transaction, end.committed ? 'PrepareCommit' : 'PrepareAbort', {
    producerEpoch: isBump ? Math.min(producerEpoch + 1, MAX_EPOCH) : producerEpoch,
    lastProducerEpoch: isBump ? producerEpoch : lastProducerEpoch,
    nextProducerId: end.nextProducerId,
    startTimestamp: state === 'Ongoing' ? transaction.startTimestamp : end.now,
    lastUpdateTimestamp: end.now,
    clientTransactionVersion: end.clientTransactionVersion,
  })
}

/** The end of a decided transaction, once its markers are written. */
export function completed(transaction: Transaction, now: number): StoredTransaction {
  const isNewProducerId = bumpsEpochs(transaction.clientTransactionVersion) && transaction.nextProducerId !== NO_PRODUCER_ID
  return transition(transaction, transaction.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort', {
    producerId: isNewProducerId ? transaction.nextProducerId : transaction.producerId,
    producerEpoch: isNewProducerId ? 0 : transaction.producerEpoch,
    nextProducerId: NO_PRODUCER_ID,
    partitions: noPartitions,
    lastUpdateTimestamp: now,
  })
}

export const expired = (transaction: Transaction): StoredTransaction => transition(transaction, 'Dead', { partitions: noPartitions })
