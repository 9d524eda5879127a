/**
 * The internal topic of a coordinator as groups and transactions use it: what cannot be read stops nobody else, and what cannot be written
 * becomes the error that clients expect. It knows nothing of what records mean, and keeps none.
 */
import { coordinatorError, KafkaError } from './errors.ts'
import type { Logger } from './system/logger.ts'

/** A record of a version that this broker does not know. */
export interface UnknownRecord {
  readonly kind: 'unknown'
  readonly version: number
}

export class CoordinatorLog {
  readonly #topic: string
  readonly #logger: Logger
  readonly #writes = new Set<Promise<unknown>>()

  constructor(topic: string, logger: Logger) {
    this.#topic = topic
    this.#logger = logger
  }

  /** Runs `load` for a partition; its failure is logged, and is COORDINATOR_NOT_AVAILABLE for the requests that wait. */
  async load(partition: number, load: () => Promise<void>): Promise<void> {
    try {
      await load()
    } catch (error) {
      this.#logger.error({ err: error, partition }, `a partition of ${this.#topic} cannot be read; the next request for it retries`)
      throw new KafkaError('COORDINATOR_NOT_AVAILABLE', `${this.#topic}-${partition} cannot be read`, { cause: error })
    }
  }

  /** The records with what `parse` makes of them. Malformed and unknown ones are left out: the others must be available nevertheless. */
  async *read<R, P extends { readonly kind: string }>(
    partition: number,
    records: AsyncIterable<R>,
    parse: (record: R) => P,
  ): AsyncIterable<Exclude<P, UnknownRecord>> {
    const versions = new Set<number>()
    let malformed = 0
    for await (const record of records) {
      let parsed: P
      try {
        parsed = parse(record)
      } catch (error) {
        if (malformed++ === 0) this.#logger.error({ err: error, partition }, `a record of ${this.#topic} cannot be read; it is ignored`)
        continue
      }
      if (isUnknown(parsed)) versions.add(parsed.version)
      else yield parsed as Exclude<P, UnknownRecord>
    }
    if (malformed > 1) this.#logger.error({ partition, records: malformed }, `records of ${this.#topic} cannot be read; they are ignored`)
    if (versions.size > 0)
      this.#logger.warn({ partition, versions: [...versions] }, `${this.#topic} has records of a newer version, which are ignored`)
  }

  /**
   * Resolves when `write` is durable. Rejects with KafkaError: what clients are told, and where `isOfClient` says that nothing is wrong
   * with the topic, the error itself.
   */
  async write(partition: number, write: Promise<unknown>, isOfClient: (error: KafkaError) => boolean = () => false): Promise<void> {
    this.#writes.add(write)
    try {
      await write
    } catch (error) {
      if (error instanceof KafkaError && isOfClient(error)) throw error
      this.#logger.error({ err: error, partition }, `an append to ${this.#topic} failed; the clients retry`)
      throw new KafkaError(coordinatorError(error), `${this.#topic}-${partition} cannot be written`, { cause: error })
    } finally {
      this.#writes.delete(write)
    }
  }

  /** Resolves when no write is in progress. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#writes)
  }
}

const isUnknown = (parsed: { readonly kind: string }): parsed is UnknownRecord => parsed.kind === 'unknown'
