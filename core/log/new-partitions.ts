/**
 * The partitions of new topics whose logs are not there yet. Each log is created at its first use, or between other work: a request that
 * creates thousands of them holds nothing up.
 */
import type { Clock } from '../system/clock.ts'
import { partitionKey } from '../topic-partition.ts'
import type { LogDirectory } from './log-directory.ts'
import type { LogConfig, NewPartition, PartitionLog } from './types.ts'

/** Logs are created for so long at a time. */
const SLICE_MS = 2
/** After one could not be created. */
const RETRY_MS = 10_000
/** A stop waits so long for those that are left; the next start creates the rest. */
const STOP_MS = 1_000

export interface PlacedPartition extends NewPartition {
  readonly directory: LogDirectory
}

/** Creates the log. Where that is not possible, one with a `failure`. */
type Create<Log> = (partition: PlacedPartition) => Log

export class NewPartitions<Log extends Pick<PartitionLog, 'failure'>> {
  readonly #clock: Clock
  readonly #create: Create<Log>
  /** In the order in which they were added. */
  readonly #partitions = new Map<string, PlacedPartition>()
  #isCreating = false

  constructor(clock: Clock, create: Create<Log>) {
    this.#clock = clock
    this.#create = create
  }

  add(partition: PlacedPartition): void {
    this.#partitions.set(partitionKey(partition), partition)
    this.#createSoon()
  }

  configure(key: string, config: LogConfig): void {
    const partition = this.#partitions.get(key)
    if (partition) this.#partitions.set(key, { ...partition, config })
  }

  delete(key: string): void {
    this.#partitions.delete(key)
  }

  directoryOf(key: string): LogDirectory | undefined {
    return this.#partitions.get(key)?.directory
  }

  *directories(): Iterable<LogDirectory> {
    for (const { directory } of this.#partitions.values()) yield directory
  }

  /** The log of a new partition, created now; undefined where it is none. After a failure the next call tries again. */
  take(key: string): Log | undefined {
    const partition = this.#partitions.get(key)
    if (!partition) return undefined
    const log = this.#create(partition)
    if (log.failure === null) this.#partitions.delete(key)
    return log
  }

  async close(): Promise<void> {
    const endMs = this.#clock.monotonic() + STOP_MS
    while (this.#isCreating && this.#clock.monotonic() < endMs) await new Promise<void>((resolve) => this.#clock.soon(resolve))
    this.#partitions.clear()
  }

  #createSoon(): void {
    if (this.#isCreating) return
    this.#isCreating = true
    this.#clock.soon(() => this.#createSome())
  }

  #createSome(): void {
    const endMs = this.#clock.monotonic() + SLICE_MS
    for (const key of this.#partitions.keys()) {
      if (this.take(key)?.failure) {
        this.#isCreating = false
        this.#clock.after(RETRY_MS, () => this.#createSoon())
        return
      }
      if (this.#clock.monotonic() >= endMs) break
    }
    if (this.#partitions.size > 0) this.#clock.soon(() => this.#createSome())
    else this.#isCreating = false
  }
}
