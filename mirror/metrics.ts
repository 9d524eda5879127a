/**
 * MirrorMaker 2's metrics in Prometheus' form, and the lag that it does not have. Batches are counted as they are acknowledged; what can be
 * read off a partition is read when somebody looks. Nothing per record.
 */
import type { Metrics } from '../core/system/metrics.ts'
import type { Acknowledged, PartitionProgress } from './transfer/partition-progress.ts'

const SOURCE = 'kafka_connect_mirror_mirrorsourceconnector_'
const LABELS = ['source', 'target', 'topic', 'partition'] as const

/** What is shown of one flow when somebody looks. */
export interface Shown {
  source: string
  target: string
  partitions(): Iterable<PartitionProgress>
}

interface Span {
  count: number
  sum: number
  min: number
  max: number
  last: number
}

export interface FlowMetrics {
  acknowledged(flow: PartitionProgress, done: Acknowledged, nowMs: number): void
}

export class MirrorMetrics {
  readonly #shown = new Set<Shown>()
  readonly #spans = new WeakMap<PartitionProgress, { latency: Span; age: Span }>()
  readonly #now: () => number

  constructor(metrics: Metrics, clock: { now(): number; monotonic(): number }) {
    this.#now = () => clock.monotonic()
    const gauge = (name: string, help: string, read: (flow: PartitionProgress) => number | undefined) =>
      metrics.gauge({ name, help, labels: LABELS }, (gauge) => {
        gauge.reset()
        for (const { source, target, partitions } of this.#shown)
          for (const flow of partitions()) {
            const value = read(flow)
            if (value !== undefined) gauge.set({ source, target, topic: flow.targetTopic, partition: String(flow.partition) }, value)
          }
      })
    gauge(`${SOURCE}record_count`, 'Records mirrored.', (flow) => flow.records)
    gauge(`${SOURCE}byte_count`, 'Bytes of the batches mirrored, as they are in the log.', (flow) => flow.bytes)
    for (const [name, help, of] of [
      ['replication_latency_ms', 'Time from sending a batch until the target has acknowledged it', 'latency'],
      ['record_age_ms', 'Age of the newest record of a batch when the target has acknowledged it, by its own timestamp', 'age'],
    ] as const) {
      const read = (pick: (span: Span) => number) => (flow: PartitionProgress) => {
        const span = this.#spans.get(flow)?.[of]
        return span && span.count > 0 ? pick(span) : undefined
      }
      gauge(
        SOURCE + name,
        `${help}; the last one.`,
        read((span) => span.last),
      )
      gauge(
        `${SOURCE}${name}_min`,
        `${help}; the least.`,
        read((span) => span.min),
      )
      gauge(
        `${SOURCE}${name}_max`,
        `${help}; the most.`,
        read((span) => span.max),
      )
      gauge(
        `${SOURCE}${name}_avg`,
        `${help}; the mean.`,
        read((span) => span.sum / span.count),
      )
    }
    gauge('tributary_mirror_lag_records', 'Offsets at the source that are not on the target yet.', (flow) => flow.lagRecords)
    gauge('tributary_mirror_lag_ms', 'How long the oldest of them has waited.', (flow) => flow.arrivals.waitedMs(this.#now()))
    gauge('tributary_mirror_lost_records', 'Offsets that were gone from the source before they could be read.', (flow) => flow.lostRecords)
    gauge('tributary_mirror_repeated_records', 'Records that may be on the target twice.', (flow) => flow.repeatedRecords)
    this.#clockNow = () => clock.now()
  }

  readonly #clockNow: () => number

  show(shown: Shown): { hide(): void } {
    this.#shown.add(shown)
    return { hide: () => void this.#shown.delete(shown) }
  }

  acknowledged(flow: PartitionProgress, done: Acknowledged, nowMs: number): void {
    let spans = this.#spans.get(flow)
    if (!spans) {
      const span = (): Span => ({ count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: 0, last: 0 })
      spans = { latency: span(), age: span() }
      this.#spans.set(flow, spans)
    }
    note(spans.latency, nowMs - done.parcel.sentMs)
    if (done.parcel.maxTimestamp >= 0) note(spans.age, Math.max(0, this.#clockNow() - done.parcel.maxTimestamp))
  }
}

function note(span: Span, value: number): void {
  span.count++
  span.sum += value
  span.last = value
  if (value < span.min) span.min = value
  if (value > span.max) span.max = value
}

const known = new WeakMap<Metrics, MirrorMetrics>()

/** One set of metrics for a process, however many services it starts. */
export function mirrorMetrics(metrics: Metrics, clock: { now(): number; monotonic(): number }): MirrorMetrics {
  let found = known.get(metrics)
  if (!found) {
    found = new MirrorMetrics(metrics, clock)
    known.set(metrics, found)
  }
  return found
}
