/**
 * MirrorMaker 2's metrics in Prometheus format, and the lag, which MirrorMaker 2 does not have. Latencies are recorded when a batch is
 * acknowledged; everything else is read from the partitions at each scrape. Nothing is done per record.
 */
import type { Clock } from '../core/system/clock.ts'
import type { Metrics } from '../core/system/metrics.ts'
import type { PartitionProgress } from './transfer/partition-progress.ts'
import type { PendingBatch } from './transfer/send-queue.ts'

const SOURCE = 'kafka_connect_mirror_mirrorsourceconnector_'
const LABELS = ['source', 'target', 'topic', 'partition'] as const

/** A flow whose partitions are read at each scrape. */
export interface MeasuredFlow {
  source: string
  target: string
  partitions(): Iterable<PartitionProgress>
}

interface Statistics {
  count: number
  sum: number
  min: number
  max: number
  last: number
}

export interface FlowMetrics {
  acknowledged(partition: PartitionProgress, batch: PendingBatch, nowMs: number): void
}

export class MirrorMetrics {
  readonly #flows = new Set<MeasuredFlow>()
  readonly #statistics = new WeakMap<PartitionProgress, { latency: Statistics; age: Statistics }>()
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>

  constructor(metrics: Metrics, clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#clock = clock
    const gauge = (name: string, help: string, read: (partition: PartitionProgress) => number | undefined) =>
      metrics.gauge({ name, help, labels: LABELS }, (gauge) => {
        gauge.reset()
        for (const { source, target, partitions } of this.#flows)
          for (const partition of partitions()) {
            const value = read(partition)
            const labels = { source, target, topic: partition.targetTopic, partition: String(partition.partition) }
            if (value !== undefined) gauge.set(labels, value)
          }
      })
    gauge(`${SOURCE}record_count`, 'Records mirrored.', ({ counters }) => counters.records)
    gauge(`${SOURCE}byte_count`, 'Bytes of the batches mirrored, as they are in the log.', ({ counters }) => counters.bytes)
    for (const [name, help, kind] of [
      ['replication_latency_ms', 'Time from sending a batch until the target has acknowledged it', 'latency'],
      ['record_age_ms', 'Age of the newest record of a batch when the target has acknowledged it, by its own timestamp', 'age'],
    ] as const) {
      const read = (pick: (statistics: Statistics) => number) => (partition: PartitionProgress) => {
        const statistics = this.#statistics.get(partition)?.[kind]
        return statistics && statistics.count > 0 ? pick(statistics) : undefined
      }
      gauge(
        SOURCE + name,
        `${help}: of the last batch.`,
        read(({ last }) => last),
      )
      gauge(
        `${SOURCE}${name}_min`,
        `${help}: the minimum.`,
        read(({ min }) => min),
      )
      gauge(
        `${SOURCE}${name}_max`,
        `${help}: the maximum.`,
        read(({ max }) => max),
      )
      gauge(
        `${SOURCE}${name}_avg`,
        `${help}: the average.`,
        read(({ sum, count }) => sum / count),
      )
    }
    gauge('tributary_mirror_lag_records', 'Offsets at the source that are not on the target yet.', ({ lagRecords }) => lagRecords)
    gauge('tributary_mirror_lag_ms', 'How long the oldest of them has waited.', ({ lag }) => lag.lagMs(clock.monotonic()))
    gauge(
      'tributary_mirror_lost_records',
      'Offsets that were deleted from the source before they could be mirrored.',
      ({ counters }) => counters.lostRecords,
    )
    gauge('tributary_mirror_repeated_records', 'Records that may be on the target twice.', ({ counters }) => counters.repeatedRecords)
  }

  /** Shows the flow's partitions from now on. Returns the function that ends it. */
  register(flow: MeasuredFlow): () => void {
    this.#flows.add(flow)
    return () => void this.#flows.delete(flow)
  }

  acknowledged(partition: PartitionProgress, { sentMs, maxTimestamp }: PendingBatch, nowMs: number): void {
    let statistics = this.#statistics.get(partition)
    if (!statistics) {
      statistics = { latency: newStatistics(), age: newStatistics() }
      this.#statistics.set(partition, statistics)
    }
    record(statistics.latency, nowMs - sentMs)
    if (maxTimestamp >= 0) record(statistics.age, Math.max(0, this.#clock.now() - maxTimestamp))
  }
}

const newStatistics = (): Statistics => ({ count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: 0, last: 0 })

function record(statistics: Statistics, value: number): void {
  statistics.count++
  statistics.sum += value
  statistics.last = value
  if (value < statistics.min) statistics.min = value
  if (value > statistics.max) statistics.max = value
}

const registered = new WeakMap<Metrics, MirrorMetrics>()

/** The mirror metrics of a registry, shared by all mirrors of the process. */
export function mirrorMetrics(metrics: Metrics, clock: Pick<Clock, 'now' | 'monotonic'>): MirrorMetrics {
  let existing = registered.get(metrics)
  if (!existing) {
    existing = new MirrorMetrics(metrics, clock)
    registered.set(metrics, existing)
  }
  return existing
}
