/**
 * Decides what a cleaning keeps of a batch, before its records are looked at: the batches of aborted transactions go at once, markers when
 * nothing of their transaction is left and a consumer that is reading it has had time to reach them, and the last batch of an active
 * producer stays even when it is empty, with the sequence or the epoch that the producer continues with. Pure.
 */
import { attributes, type BatchHeader } from '../../wire/batch-header.ts'
import type { AbortedTxn } from '../transaction-index.ts'
import type { CleanedTransactions } from './cleaned-transactions.ts'

/** The last batch of an active producer; `lastOffset` is -1 where only markers are left of it. */
export interface LastBatch {
  readonly lastOffset: number
  readonly epoch: number
}

export interface BatchRetention {
  /** `records`: each record is looked at. `all`: every record stays. `none`: no record stays. */
  readonly keep: 'records' | 'all' | 'none'
  /** The header stays where no record does. */
  readonly keepEmpty: boolean
  /** A marker without a transaction: it gets a delete horizon. */
  readonly isOrphanedMarker: boolean
  /** For the transaction index of the cleaned segment. */
  readonly aborted: AbortedTxn | null
}

export interface RetentionFacts {
  readonly nowMs: number
  /** The end of what is cleaned: the last batch before it stays, so that the offsets of the log stay known. */
  readonly endOffset: number
  readonly lastBatches: ReadonlyMap<number, LastBatch>
  readonly transactions: CleanedTransactions
  /** The kind of a control batch: null where it ends no transaction. Called for control batches with records. */
  committed(): boolean | null
}

export const isControl = ({ attributes: bits }: BatchHeader): boolean => (bits & attributes.control) !== 0

/** The time after which tombstones and markers of the batch go; -1 where none is set. */
export const deleteHorizonOf = ({ attributes: bits, baseTimestamp }: BatchHeader): number =>
  (bits & attributes.deleteHorizon) !== 0 ? baseTimestamp : -1

export function batchRetention(header: BatchHeader, facts: RetentionFacts): BatchRetention {
  const { transactions, lastBatches } = facts
  let aborted: AbortedTxn | null = null
  let keep: BatchRetention['keep'] = 'records'
  let isOrphanedMarker = false
  if (isControl(header)) {
    // An empty control batch is what is left of a marker.
    const committed = header.count === 0 ? null : facts.committed()
    if (committed === null) {
      transactions.passOffset(header.lastOffset)
      isOrphanedMarker = header.count === 0
    } else {
      const end = transactions.passMarker(header.producerId, header.lastOffset, committed)
      isOrphanedMarker = end.isDone
      aborted = end.aborted
    }
    const horizon = deleteHorizonOf(header)
    keep = isOrphanedMarker && horizon >= 0 && horizon <= facts.nowMs ? 'none' : 'all'
  } else if (transactions.pass(header)) keep = 'none'
  const keepEmpty = header.lastOffset + 1 === facts.endOffset || isLastOfProducer(header, lastBatches)
  return { keep, keepEmpty, isOrphanedMarker, aborted }
}

function isLastOfProducer(header: BatchHeader, lastBatches: ReadonlyMap<number, LastBatch>): boolean {
  if (header.producerId < 0) return false
  const last = lastBatches.get(header.producerId)
  if (last === undefined) return false
  return last.lastOffset >= 0 ? header.lastOffset === last.lastOffset : isControl(header) && header.producerEpoch === last.epoch
}
