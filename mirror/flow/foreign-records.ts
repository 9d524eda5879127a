/**
 * Records on the target between those of this mirror: of another producer, or of an earlier run whose batches arrived late and were sent
 * again. Each partition is logged once. Only records that an earlier run may have written are read back, one range after the other.
 */
import type { Client } from '../../core/client/index.ts'
import type { Clock } from '../../core/system/clock.ts'
import type { Logger } from '../../core/system/logger.ts'
import type { Random } from '../../core/system/random.ts'
import { SerialQueue } from '../../core/system/serial-queue.ts'
import { scanBatches } from '../store/topic-scan.ts'
import type { PartitionProgress } from '../transfer/partition-progress.ts'

export interface ForeignRecordsOptions {
  /** Of the flow, for the log. */
  name: string
  target: Client
  clock: Clock
  random: Random
  logger: Logger
  signal: AbortSignal
  onFailed(error: Error): void
}

export interface OffsetBounds {
  from: number
  to: number
}

export class ForeignRecords {
  readonly #options: ForeignRecordsOptions
  /** Partitions that another producer writes to, for example another flow. Each is logged once. */
  readonly #shared = new WeakSet<PartitionProgress>()
  readonly #scans = new SerialQueue()

  constructor(options: ForeignRecordsOptions) {
    this.#options = options
  }

  /** This run did not write these offsets. `producerId` is not null where an earlier run may have written them. */
  observe(partition: PartitionProgress, offsets: OffsetBounds, producerId: number | null): void {
    if (producerId === null) this.#log(partition, offsets, 0)
    else this.#scans.run(() => this.#scan(partition, offsets, producerId)).catch((error) => this.#options.onFailed(error as Error))
  }

  async #scan(partition: PartitionProgress, offsets: OffsetBounds, producerId: number): Promise<void> {
    const { target: client, clock, random, signal } = this.#options
    const { from, to } = offsets
    let repeated = 0
    for await (const { header } of scanBatches({ client, clock, random, signal }, partition.targetTopic, partition.partition, from, to))
      if (header.producerId === producerId) repeated += Math.min(header.lastOffset + 1, to) - Math.max(header.baseOffset, from)
    partition.countRepeated(repeated)
    this.#log(partition, offsets, repeated)
  }

  #log(partition: PartitionProgress, { from, to }: OffsetBounds, repeated: number): void {
    if (repeated === 0 && this.#shared.has(partition)) return
    if (repeated === 0) this.#shared.add(partition)
    const topic = partition.targetTopic
    const message =
      repeated > 0
        ? `${topic} contains ${repeated} records twice: an earlier run of this mirror wrote them late, and they were sent again`
        : `${topic} contains ${to - from} records that this mirror did not write: the offset map skips them; check that no other mirror writes there`
    this.#options.logger.warn({ mirror: this.#options.name, topic, partition: partition.partition, from, to, repeated }, message)
  }
}
