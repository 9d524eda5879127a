/**
 * Records on the target that lie between ours: of somebody who writes there too, or of a mirror before this one, which makes ours a repeat.
 * Each partition is told about once; only what may be ours is read back, one look after the other.
 */
import type { Client } from '../../core/client/index.ts'
import type { Clock } from '../../core/system/clock.ts'
import type { Logger } from '../../core/system/logger.ts'
import type { Random } from '../../core/system/random.ts'
import { scanBatches } from '../store/topic-scan.ts'
import type { PartitionProgress } from '../transfer/partition-progress.ts'

export interface ForeignRecordsOptions {
  /** Of the flow, for people. */
  name: string
  target: Client
  clock: Clock
  random: Random
  logger: Logger
  signal: AbortSignal
  fail(error: Error): void
}

export class ForeignRecords {
  readonly #options: ForeignRecordsOptions
  /** Partitions that somebody else writes into: where several flows are gathered into one topic that is so all the time. */
  readonly #shared = new WeakSet<PartitionProgress>()
  #looking: Promise<void> = Promise.resolve()

  constructor(options: ForeignRecordsOptions) {
    this.#options = options
  }

  /** Somebody wrote these offsets; `producerId` is given where it may have been us. */
  wrote(flow: PartitionProgress, { from, to }: { from: number; to: number }, producerId: number | null): void {
    if (producerId === null) this.#tell(flow, from, to, 0)
    else
      this.#looking = this.#looking.then(() => this.#look(flow, from, to, producerId)).catch((error) => this.#options.fail(error as Error))
  }

  async #look(flow: PartitionProgress, from: number, to: number, producerId: number): Promise<void> {
    const { target: client, clock, random, signal } = this.#options
    let repeated = 0
    for await (const { header } of scanBatches({ client, clock, random, signal }, flow.targetTopic, flow.partition, from, to))
      if (header.producerId === producerId) repeated += Math.min(header.lastOffset + 1, to) - Math.max(header.baseOffset, from)
    flow.repeatedRecords += repeated
    flow.dirty = true
    this.#tell(flow, from, to, repeated)
  }

  #tell(flow: PartitionProgress, from: number, to: number, repeated: number): void {
    if (repeated === 0 && this.#shared.has(flow)) return
    if (repeated === 0) this.#shared.add(flow)
    const why = repeated > 0 ? 'an earlier mirror wrote them late, and they were sent again' : 'see that no other mirror writes there'
    this.#options.logger.warn(
      { mirror: this.#options.name, topic: flow.targetTopic, partition: flow.partition, from, to, repeated },
      `${to - from} records that this mirror did not write now lie in ${flow.targetTopic}: the offsets are mapped around them; ${why}`,
    )
  }
}
