/**
 * Writes to the config topic as the only leader of the group (KIP-618): in transactions with the transactional id of the group, so that a
 * former leader that still runs is fenced. Whoever claims last may write.
 */
import type { TransactionalProducer } from '../../core/client/types.ts'
import { SerialQueue } from '../../core/system/serial-queue.ts'
import type { LogRecord } from './record-log.ts'

/** A write was refused: another worker may have claimed to be the leader. */
export class PrivilegedWriteError extends Error {
  override name = 'ConnectException'

  constructor(cause: unknown) {
    super('Failed to write to config topic; this may be due to a transient error and the request can be safely retried', { cause })
  }
}

export class TransactionalLogWriter {
  readonly #topic: string
  readonly #create: () => TransactionalProducer
  /** Claims and transactions, one after another. */
  readonly #queue = new SerialQueue()
  #producer: TransactionalProducer | null = null
  #onLost: () => void = () => {}

  constructor(topic: string, create: () => TransactionalProducer) {
    this.#topic = topic
    this.#create = create
  }

  /** `onLost` is called when a write has failed: this worker has to claim again, if it is still the leader. */
  start(onLost: () => void): void {
    this.#onLost = onLost
  }

  /** Fences every worker that has claimed before. */
  claim(): Promise<void> {
    return this.#queue.run(async () => {
      if (this.#producer) return
      const producer = this.#create()
      try {
        await producer.initTransactions()
        this.#producer = producer
      } catch (error) {
        await producer.close()
        throw error
      }
    })
  }

  /** This worker does not lead any more. */
  relinquish(): Promise<void> {
    return this.#queue.run(() => this.#close())
  }

  /** All records or none. Waits for a claim in progress. */
  append(records: readonly LogRecord[]): Promise<void> {
    return this.#queue.run(async () => {
      const producer = this.#producer
      try {
        if (!producer) throw new Error('Cannot produce to config topic without claiming write privileges first')
        producer.beginTransaction()
        const topic = this.#topic
        const sent = producer.send(
          records.map(({ key, value }) => ({ topic, key: Buffer.from(key), value: value === null ? null : Buffer.from(value) })),
        )
        // The commit rejects with the same error.
        sent.catch(() => {})
        await producer.commitTransaction()
      } catch (error) {
        await this.#close()
        this.#onLost()
        throw new PrivilegedWriteError(error)
      }
    })
  }

  async #close(): Promise<void> {
    const producer = this.#producer
    this.#producer = null
    await producer?.close()
  }
}
