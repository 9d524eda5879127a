/**
 * Appends records to `__consumer_offsets` in batches below max.message.bytes. Errors are those that clients expect from a coordinator: they
 * find the coordinator again and retry.
 */
import { coordinatorError, type ErrorName, KafkaError } from '../errors.ts'
import type { MarkerOfProducer } from '../log/types.ts'
import type { System } from '../system/index.ts'
import type { AppendTransaction, GroupStore, StoredRecord } from './types.ts'

/** Far below max.message.bytes of the offsets topic. */
const BATCH_BYTES = 512 * 1024

/** Errors of a producer: nothing is wrong with the topic. */
const producerErrors: ReadonlySet<ErrorName> = new Set(['INVALID_PRODUCER_EPOCH', 'INVALID_TXN_STATE', 'TRANSACTION_COORDINATOR_FENCED'])

export class OffsetsTopicWriter {
  readonly #store: GroupStore
  readonly #system: System
  readonly #inProgress = new Set<Promise<unknown>>()

  constructor(store: GroupStore, system: System) {
    this.#store = store
    this.#system = system
  }

  /** Resolves when all records are durable (Invariant 1). Rejects with KafkaError. */
  append(partition: number, records: readonly StoredRecord[], transaction?: AppendTransaction): Promise<void> {
    return this.#complete(partition, Promise.all(batches(records).map((batch) => this.#store.append(partition, batch, transaction))))
  }

  /** Likewise for the end of a transaction. */
  appendMarker(partition: number, marker: MarkerOfProducer): Promise<void> {
    return this.#complete(partition, this.#store.appendMarker(partition, marker))
  }

  async #complete(partition: number, all: Promise<unknown>): Promise<void> {
    this.#inProgress.add(all)
    try {
      await all
    } catch (error) {
      if (error instanceof KafkaError && producerErrors.has(error.error)) throw error
      this.#system.logger.error({ err: error, partition }, 'an append to __consumer_offsets failed; the clients retry')
      throw new KafkaError(coordinatorError(error), `__consumer_offsets-${partition} cannot be written`, { cause: error })
    } finally {
      this.#inProgress.delete(all)
    }
  }

  async idle(): Promise<void> {
    await Promise.allSettled(this.#inProgress)
  }
}

function batches(records: readonly StoredRecord[]): StoredRecord[][] {
  const result: StoredRecord[][] = []
  let bytes = BATCH_BYTES
  for (const record of records) {
    const size = record.key.length + (record.value?.length ?? 0) + 16
    if (bytes + size > BATCH_BYTES) {
      result.push([])
      bytes = 0
    }
    result.at(-1)!.push(record)
    bytes += size
  }
  return result
}
