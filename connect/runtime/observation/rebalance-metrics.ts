/**
 * Kafka Connect's metrics of the rebalances that this worker takes part in, from
 * its first revocation or assignment on to the end of each.
 */
import type { Clock } from '../../../core/system/clock.ts'
import type { Metrics } from '../../../core/system/metrics.ts'
import { type StatWindows, WindowedStat } from '../../../core/system/windowed-stat.ts'

export interface RebalanceFacts {
  leaderUrl(): string | null
  generation(): number
  /** EAGER, COMPATIBLE or SESSIONED. */
  protocol: string
}

const PREFIX = 'kafka_connect_connect_worker_rebalance_metrics_'

/** Those of the registry's last worker: workers of one process share it. */
const facts = new WeakMap<Metrics, RebalanceMetrics>()

export class RebalanceMetrics {
  readonly #facts: RebalanceFacts
  readonly #clock: Clock
  readonly #durationMs: WindowedStat
  #startMs: number | null = null
  #lastMs: number | null = null

  constructor(metrics: Metrics, clock: Clock, windows: StatWindows, about: RebalanceFacts) {
    this.#facts = about
    this.#clock = clock
    this.#durationMs = new WindowedStat(windows)
    const isDeclared = facts.has(metrics)
    facts.set(metrics, this)
    if (!isDeclared) declare(metrics)
  }

  started(): void {
    this.#startMs ??= this.#clock.monotonic()
  }

  completed(): void {
    const now = this.#clock.monotonic()
    this.#durationMs.record(now - (this.#startMs ?? now), this.#clock.now())
    this.#startMs = null
    this.#lastMs = now
  }

  numbers(): Readonly<Record<string, number>> {
    const now = this.#clock.now()
    return {
      epoch: this.#facts.generation(),
      rebalancing: this.#startMs === null ? 0 : 1,
      rebalance_avg_time_ms: this.#durationMs.average(now),
      rebalance_max_time_ms: this.#durationMs.maximum(now),
      time_since_last_rebalance_ms: this.#lastMs === null ? Number.POSITIVE_INFINITY : this.#clock.monotonic() - this.#lastMs,
    }
  }

  texts(): Readonly<Record<string, string | null>> {
    return { leader_name: this.#facts.leaderUrl(), connect_protocol: this.#facts.protocol }
  }
}

function declare(metrics: Metrics): void {
  const helps = {
    epoch: 'The generation of the group.',
    rebalancing: '1 while this worker takes part in a rebalance.',
    rebalance_avg_time_ms: 'Time of a rebalance, on average.',
    rebalance_max_time_ms: 'Time of the longest rebalance.',
    time_since_last_rebalance_ms: 'Time since the last rebalance has ended.',
  }
  for (const [name, help] of Object.entries(helps))
    metrics.gauge({ name: PREFIX + name, help }, (gauge) => gauge.set(facts.get(metrics)!.numbers()[name]!))
  for (const [name, help] of [
    ['leader_name', 'The leader of the group.'],
    ['connect_protocol', 'The protocol of the group.'],
  ] as const)
    metrics.gauge({ name: PREFIX + name, help, labels: [name] }, (gauge) => {
      gauge.reset()
      const text = facts.get(metrics)!.texts()[name]
      if (text !== null && text !== undefined) gauge.set({ [name]: text }, 1)
    })
}
