/**
 * Metrics: declared by the code that measures them, served on `/metrics` in the text format of Prometheus. Counting costs no more than an
 * addition; everything else happens at a scrape.
 */
import { createRequire } from 'node:module'
import type * as prom from 'prom-client'

// The index of prom-client loads OpenTelemetry, a push gateway and a cluster registry too: 17 MB that a broker would keep.
const require = createRequire(import.meta.url)
const Counter = require('prom-client/lib/counter.js') as typeof prom.Counter
const Gauge = require('prom-client/lib/gauge.js') as typeof prom.Gauge
const Histogram = require('prom-client/lib/histogram.js') as typeof prom.Histogram
const Registry = require('prom-client/lib/registry.js') as typeof prom.Registry

export interface MetricDeclaration {
  name: string
  help: string
  labels?: readonly string[]
}

/** The values of a metric at a moment, as plain data. */
export interface MetricSnapshot {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly values: readonly {
    readonly value: number
    readonly labels: Readonly<Record<string, string | number>>
    readonly metricName?: string
  }[]
}

/** The metrics of another thread, which sends its snapshots. */
export interface FollowedMetrics {
  /** All of its metrics, instead of those before. */
  update(snapshots: readonly MetricSnapshot[]): void
  /** The thread has ended: what it has counted stays, its other values go. */
  end(): void
}

export class Metrics {
  readonly registry: prom.Registry = new Registry()
  readonly #followed = new Set<{ snapshots: readonly MetricSnapshot[] }>()
  /** What ended threads have counted: one entry for each metric and its labels. */
  #counted: readonly MetricSnapshot[] = []

  counter(declaration: MetricDeclaration): prom.Counter {
    return new Counter({
      name: declaration.name,
      help: declaration.help,
      labelNames: [...(declaration.labels ?? [])],
      registers: [this.registry],
    })
  }

  /** A counter of what is counted elsewhere: `read` reports the current totals at each scrape. */
  counterOf(
    declaration: MetricDeclaration,
    read: (report: (total: number, labels?: Record<string, string>) => void) => void,
  ): prom.Counter {
    const counter: prom.Counter = new Counter({
      name: declaration.name,
      help: declaration.help,
      labelNames: [...(declaration.labels ?? [])],
      registers: [this.registry],
      collect() {
        counter.reset()
        read((total, labels = {}) => counter.inc(labels, total))
      },
    })
    return counter
  }

  /** With `collect`, which sets it, the gauge is read at each scrape. */
  gauge(declaration: MetricDeclaration, collect?: (gauge: prom.Gauge) => void): prom.Gauge {
    const gauge: prom.Gauge = new Gauge({
      name: declaration.name,
      help: declaration.help,
      labelNames: [...(declaration.labels ?? [])],
      registers: [this.registry],
      collect: collect ? () => collect(gauge) : undefined,
    })
    return gauge
  }

  histogram(declaration: MetricDeclaration & { buckets: number[] }): prom.Histogram {
    return new Histogram({ ...declaration, labelNames: [...(declaration.labels ?? [])], registers: [this.registry] })
  }

  follow(): FollowedMetrics {
    const followed: { snapshots: readonly MetricSnapshot[] } = { snapshots: [] }
    this.#followed.add(followed)
    return {
      update: (snapshots) => {
        followed.snapshots = snapshots
      },
      end: () => {
        if (!this.#followed.delete(followed)) return
        this.#counted = summed([...this.#counted, ...followed.snapshots.filter(({ type }) => type !== 'gauge')])
      },
    }
  }

  /** All values now, for another thread. */
  async snapshot(): Promise<MetricSnapshot[]> {
    const metrics = (await this.registry.getMetricsAsJSON()) as unknown as MetricSnapshot[]
    return metrics.map(({ name, help, type, values }) => ({
      name,
      help,
      type,
      values: values.map(({ value, labels, metricName }) => ({ value, labels, ...(metricName !== undefined && { metricName }) })),
    }))
  }

  async text(): Promise<string> {
    if (this.#followed.size === 0 && this.#counted.length === 0) return await this.registry.metrics()
    const followed = [...this.#followed].flatMap(({ snapshots }) => snapshots)
    const all = summed([...(await this.snapshot()), ...this.#counted, ...followed])
    const { registry } = this as unknown as { registry: { getMetricsAsString(metric: object): Promise<string> } }
    const texts = all.map((metric) => registry.getMetricsAsString({ get: async () => metric }))
    return `${(await Promise.all(texts)).join('\n\n')}\n`
  }
}

/** One snapshot of each metric, in which values with the same labels are added. */
function summed(snapshots: readonly MetricSnapshot[]): MetricSnapshot[] {
  return [...Map.groupBy(snapshots, ({ name }) => name).values()].map((same) => {
    if (same.length === 1) return same[0]!
    const values = new Map<string, MetricSnapshot['values'][number]>()
    for (const value of same.flatMap((snapshot) => snapshot.values)) {
      const key = JSON.stringify([value.metricName, Object.entries(value.labels).sort(([a], [b]) => (a < b ? -1 : 1))])
      values.set(key, { ...value, value: value.value + (values.get(key)?.value ?? 0) })
    }
    return { ...same[0]!, values: [...values.values()] }
  })
}
