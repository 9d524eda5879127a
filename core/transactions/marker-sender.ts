/**
 * Brings the markers of decided transactions to their partitions. A partition that is unavailable is tried again until the broker stops;
 * one that was deleted needs no marker. The markers of one turn of the event loop go down together, by the group commit of their logs.
 */
import type { ErrorName } from '../errors.ts'
import { backoffMs } from '../system/backoff.ts'
import type { System } from '../system/index.ts'
import { Semaphore } from '../system/semaphore.ts'
import { partitionKey } from '../topic-partition.ts'
import { limits } from './limits.ts'
import type { Transaction } from './transaction.ts'
import type { MarkerWriter, PartitionOfTopic, TransactionMarker } from './types.ts'

export const retryBackoff = { baseMs: 20, maxMs: 1_000 } as const

export interface MarkerSenderOptions {
  system: System
  markers: MarkerWriter
  partitionExists(topic: string, partition: number): boolean
  signal: AbortSignal
}

export class MarkerSender {
  readonly #options: MarkerSenderOptions
  readonly #semaphore = new Semaphore(limits.concurrentMarkers)
  /** By transactional id: the partitions without a marker, by `partitionKey`. */
  readonly #pending = new Map<string, Map<string, PartitionOfTopic>>()
  #pendingMarkers = 0

  constructor(options: MarkerSenderOptions) {
    this.#options = options
  }

  get pendingMarkers(): number {
    return this.#pendingMarkers
  }

  /** The partitions of a decided transaction that have no marker yet. */
  remaining(transactionalId: string): ReadonlyMap<string, PartitionOfTopic> | undefined {
    return this.#pending.get(transactionalId)
  }

  /** True when all markers are written; false where they cannot be, because the broker stops or a newer coordinator has written others. */
  async send(transaction: Transaction, coordinatorEpoch: number): Promise<boolean> {
    const { transactionalId, partitions, state } = transaction
    if (partitions.size === 0) return true
    const marker: TransactionMarker = {
      producerId: transaction.producerId,
      producerEpoch: transaction.producerEpoch,
      committed: state === 'PrepareCommit',
      coordinatorEpoch,
      transactionVersion: transaction.clientTransactionVersion,
    }
    const remaining = new Map(partitions)
    this.#pending.set(transactionalId, remaining)
    this.#pendingMarkers += remaining.size
    const write = async (partition: PartitionOfTopic): Promise<boolean> => {
      const isWritten = await this.#writeUntilDone(transactionalId, marker, partition)
      if (isWritten && remaining.delete(partitionKey(partition))) this.#pendingMarkers--
      return isWritten
    }
    const results = await Promise.all(Array.from(partitions.values(), write))
    this.#pending.delete(transactionalId)
    this.#pendingMarkers -= remaining.size
    return results.every((isWritten) => isWritten)
  }

  async #writeUntilDone(transactionalId: string, marker: TransactionMarker, partition: PartitionOfTopic): Promise<boolean> {
    const { system, signal } = this.#options
    const where = { transactionalId, partition: partitionKey(partition) }
    for (let attempt = 0; !signal.aborted; attempt++) {
      const error = await this.#semaphore.run(() => this.#write(marker, partition))
      switch (error) {
        case 'NONE':
        case 'UNSUPPORTED_FOR_MESSAGE_FORMAT':
        case 'UNSUPPORTED_VERSION':
          return true
        case 'INVALID_PRODUCER_EPOCH':
        case 'TRANSACTION_COORDINATOR_FENCED':
          system.logger.error(
            { ...where, error, marker },
            'a transaction marker is fenced by a newer one; the transaction stays undone: see kafka-transactions describe and abort',
          )
          return false
        case 'UNKNOWN_TOPIC_OR_PARTITION':
          if (!this.#options.partitionExists(partition.topic, partition.partition)) return true
          break
        default:
          if (attempt === 0) system.logger.warn({ ...where, error }, 'a transaction marker could not be written; it is retried')
      }
      await system.clock.sleep(backoffMs(retryBackoff, attempt, system.random), signal)
    }
    return false
  }

  async #write(marker: TransactionMarker, partition: PartitionOfTopic): Promise<ErrorName> {
    try {
      return await this.#options.markers.writeMarker(marker, partition)
    } catch (error) {
      this.#options.system.logger.error(
        { err: error, partition: partitionKey(partition) },
        'a transaction marker could not be written because of a bug; please report it',
      )
      return 'UNKNOWN_SERVER_ERROR'
    }
  }
}
