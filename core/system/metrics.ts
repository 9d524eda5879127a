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

export class Metrics {
  readonly registry: prom.Registry = new Registry()

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

  text(): Promise<string> {
    return this.registry.metrics()
  }
}
