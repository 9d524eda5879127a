/**
 * Appends records to `__consumer_offsets` in batches below max.message.bytes. Errors are those that clients expect from a coordinator, or
 * say that a producer is fenced.
 */
import type { CoordinatorLog } from '../coordinator-log.ts'
import type { ErrorName, KafkaError } from '../errors.ts'
import type { MarkerOfProducer } from '../log/types.ts'
import type { AppendTransaction, GroupStore, StoredRecord } from './types.ts'

/** Far below max.message.bytes of the offsets topic. */
const BATCH_BYTES = 512 * 1024

/** Errors of a producer: nothing is wrong with the topic. */
const producerErrors: ReadonlySet<ErrorName> = new Set(['INVALID_PRODUCER_EPOCH', 'INVALID_TXN_STATE', 'TRANSACTION_COORDINATOR_FENCED'])

const isOfProducer = ({ error }: KafkaError): boolean => producerErrors.has(error)

export class OffsetsTopicWriter {
  readonly #store: GroupStore
  readonly #log: CoordinatorLog

  constructor(store: GroupStore, log: CoordinatorLog) {
    this.#store = store
    this.#log = log
  }

  /** Resolves when all records are durable (Invariant 1). Rejects with KafkaError. */
  append(partition: number, records: readonly StoredRecord[], transaction?: AppendTransaction): Promise<void> {
    const appends = batches(records).map((batch) => this.#store.append(partition, batch, transaction))
    return this.#log.write(partition, Promise.all(appends), isOfProducer)
  }

  /** Likewise for the end of a transaction. */
  appendMarker(partition: number, marker: MarkerOfProducer): Promise<void> {
    return this.#log.write(partition, this.#store.appendMarker(partition, marker), isOfProducer)
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
