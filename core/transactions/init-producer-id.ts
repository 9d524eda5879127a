/**
 * Decides about InitProducerId: the producer gets the next epoch, and with it fences all earlier producers of its transactional id. Their
 * ongoing transaction is aborted first.
 */
import { allocateProducerId, type Decision, respond, store } from './decision.ts'
import { decideFence } from './end-transaction.ts'
import { incrementEpoch, isEpochExhausted, NO_PRODUCER_EPOCH, rotateProducerId, type Transaction } from './transaction.ts'

export interface InitProducerId {
  readonly timeoutMs: number
  /** What the producer has, where it goes on after an error (KIP-360). */
  readonly expected: { readonly producerId: number; readonly producerEpoch: number } | null
  /** The finalized transaction.version. */
  readonly transactionVersion: number
  readonly now: number
  /** Null until the decision asks for one. */
  readonly newProducerId: number | null
}

export function decideInit(transaction: Transaction, init: InitProducerId): Decision {
  const { expected, timeoutMs, now, newProducerId } = init
  if (transaction.pending) return respond('CONCURRENT_TRANSACTIONS')
  if (expected && !isKnown(transaction, expected)) return respond('PRODUCER_FENCED')
  switch (transaction.state) {
    case 'PrepareCommit':
    case 'PrepareAbort':
      return respond('CONCURRENT_TRANSACTIONS')
    case 'Ongoing':
      return decideFence(transaction, init)
    default: {
      const expectedEpoch = expected?.producerEpoch ?? null
      if (isEpochExhausted(transaction.producerEpoch)) {
        // As in Kafka, a retry that the rotation cannot answer has no other response.
        if (expectedEpoch !== null && expectedEpoch !== transaction.producerEpoch) return respond('UNKNOWN_SERVER_ERROR')
        if (newProducerId === null) return allocateProducerId
        return store(transaction, rotateProducerId(transaction, newProducerId, timeoutMs, now, expected !== null))
      }
      const to = incrementEpoch(transaction, expectedEpoch, timeoutMs, now)
      return to ? store(transaction, to) : respond('PRODUCER_FENCED')
    }
  }
}

/** False for a producer that another one has taken over from. */
function isKnown(transaction: Transaction, expected: { producerId: number; producerEpoch: number }): boolean {
  return (
    transaction.producerEpoch === NO_PRODUCER_EPOCH ||
    expected.producerId === transaction.producerId ||
    // A retry: the response with the new producer id was lost.
    (expected.producerId === transaction.previousProducerId && isEpochExhausted(expected.producerEpoch))
  )
}
