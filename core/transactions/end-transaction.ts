/**
 * Decides about the end of a transaction: EndTxn of the producer, and the abort that fences it. Before EndTxn v5 the epoch stays, and a
 * retry looks like the request; from v5 on (transaction.version 2) each end takes an epoch, by which a retry is recognized.
 */
import { allocateProducerId, type Decision, respond, store } from './decision.ts'
import { bumpsEpochs, decided, isEpochExhausted, MAX_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, type Transaction } from './transaction.ts'

export interface EndOfTransaction {
  readonly producerId: number
  readonly producerEpoch: number
  readonly committed: boolean
  readonly clientTransactionVersion: number
  readonly now: number
  /** Null until the decision asks for one. */
  readonly newProducerId: number | null
}

export function decideEnd(transaction: Transaction, end: EndOfTransaction): Decision {
  return bumpsEpochs(end.clientTransactionVersion) ? decideWithBump(transaction, end) : decideWithoutBump(transaction, end)
}

export interface Fence {
  /** The finalized transaction.version. */
  readonly transactionVersion: number
  readonly now: number
  readonly newProducerId: number | null
}

/** Aborts the ongoing transaction, with an epoch that its producer does not have. There must be no pending transition. */
export function decideFence(transaction: Transaction, { transactionVersion, now, newProducerId }: Fence): Decision {
  if (bumpsEpochs(transactionVersion)) return abort(transaction, { clientTransactionVersion: transactionVersion, now, newProducerId }, true)
  const { producerEpoch, hasFailedEpochFence } = transaction
  const isBumped = hasFailedEpochFence || producerEpoch === MAX_EPOCH
  const fenced = { ...transaction, producerEpoch: isBumped ? producerEpoch : producerEpoch + 1, lastProducerEpoch: NO_PRODUCER_EPOCH }
  return store(fenced, decided(fenced, { committed: false, clientTransactionVersion: 0, nextProducerId: NO_PRODUCER_ID, now }), true)
}

function decideWithoutBump(transaction: Transaction, { producerId, producerEpoch, committed, now }: EndOfTransaction): Decision {
  if (transaction.producerId !== producerId) return respond('INVALID_PRODUCER_ID_MAPPING')
  if (transaction.producerEpoch !== producerEpoch) return respond('PRODUCER_FENCED')
  if (transaction.pending) return respond('CONCURRENT_TRANSACTIONS')
  switch (transaction.state) {
    case 'Ongoing':
      return store(transaction, decided(transaction, { committed, clientTransactionVersion: 0, nextProducerId: NO_PRODUCER_ID, now }))
    case 'CompleteCommit':
      return respond(committed ? 'NONE' : 'INVALID_TXN_STATE')
    case 'CompleteAbort':
      return respond(committed ? 'INVALID_TXN_STATE' : 'NONE')
    case 'PrepareCommit':
      return respond(committed ? 'CONCURRENT_TRANSACTIONS' : 'INVALID_TXN_STATE')
    case 'PrepareAbort':
      return respond(committed ? 'INVALID_TXN_STATE' : 'CONCURRENT_TRANSACTIONS')
    default:
      return respond('INVALID_TXN_STATE')
  }
}

function decideWithBump(transaction: Transaction, end: EndOfTransaction): Decision {
  const { producerId, producerEpoch, committed } = end
  const { state } = transaction
  // The response was lost: the epoch is the next one already, or 0 of the next producer id.
  const isRetryAfterOverflow =
    transaction.previousProducerId === producerId && producerEpoch === MAX_EPOCH - 1 && transaction.producerEpoch === 0
  const isRetry = transaction.producerEpoch === producerEpoch + 1 || isRetryAfterOverflow
  if (transaction.pending) return respond('CONCURRENT_TRANSACTIONS')
  if (transaction.producerId !== producerId && !isRetryAfterOverflow) return respond('INVALID_PRODUCER_ID_MAPPING')
  const isCurrent = producerEpoch === transaction.producerEpoch
  switch (state) {
    case 'Ongoing':
      if (!isCurrent) return respond('PRODUCER_FENCED')
      return committed ? commit(transaction, end) : abort(transaction, end)
    case 'Empty':
      if (!isCurrent) return respond('PRODUCER_FENCED')
      return committed ? respond('INVALID_TXN_STATE') : abort(transaction, end)
    case 'PrepareCommit':
    case 'PrepareAbort':
      if (transaction.producerEpoch !== producerEpoch + 1) return respond('PRODUCER_FENCED')
      return respond(committed === (state === 'PrepareCommit') ? 'CONCURRENT_TRANSACTIONS' : 'INVALID_TXN_STATE')
    case 'CompleteCommit':
    case 'CompleteAbort':
      if (!isCurrent && !isRetry) return respond('PRODUCER_FENCED')
      if (isRetry) return respond(committed === (state === 'CompleteCommit') ? 'NONE' : 'INVALID_TXN_STATE')
      // The abort of a transaction to which no partition was added: the producer cannot know that none was.
      return committed ? respond('INVALID_TXN_STATE') : abort(transaction, end)
    default:
      return respond('INVALID_TXN_STATE')
  }
}

type Ending = Pick<EndOfTransaction, 'clientTransactionVersion' | 'now' | 'newProducerId'>

const commit = (transaction: Transaction, end: Ending): Decision => endWithBump(transaction, end, true, false)

const abort = (transaction: Transaction, end: Ending, isEpochFence = false): Decision => endWithBump(transaction, end, false, isEpochFence)

function endWithBump(transaction: Transaction, end: Ending, committed: boolean, isEpochFence: boolean): Decision {
  const isExhausted = isEpochExhausted(transaction.producerEpoch)
  if (isExhausted && end.newProducerId === null) return allocateProducerId
  const nextProducerId = isExhausted ? end.newProducerId! : NO_PRODUCER_ID
  return store(transaction, decided(transaction, { ...end, committed, nextProducerId }), isEpochFence)
}
