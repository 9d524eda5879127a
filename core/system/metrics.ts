/**
 * Metrics: declared by the code that measures them, served on `/metrics` in the text format of Prometheus.
 */
// The index of prom-client loads OpenTelemetry, a push gateway and a cluster registry too: 17 MB that a broker would keep.
import Counter from 'prom-client/lib/counter.js'
import Gauge from 'prom-client/lib/gauge.js'
import Histogram from 'prom-client/lib/histogram.js'
import Registry from 'prom-client/lib/registry.js'

export interface MetricDeclaration {
  name: string
  help: string
  labels?: readonly string[]
}

export class Metrics {
  readonly registry = new Registry()

  counter(declaration: MetricDeclaration): Counter {
    return new Counter({
      name: declaration.name,
      help: declaration.help,
      labelNames: [...(declaration.labels ?? [])],
      registers: [this.registry],
    })
  }

  /** A counter of what is counted elsewhere: `read` reports the current totals at each scrape. */
  counterOf(declaration: MetricDeclaration, read: (report: (total: number, labels?: Record<string, string>) => void) => void): Counter {
    const counter: Counter = new Counter({
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
  gauge(declaration: MetricDeclaration, collect?: (gauge: Gauge) => void): Gauge {
    const gauge: Gauge = new Gauge({
      name: declaration.name,
      help: declaration.help,
      labelNames: [...(declaration.labels ?? [])],
      registers: [this.registry],
      collect: collect ? () => collect(gauge) : undefined,
    })
    return gauge
  }

  histogram(declaration: MetricDeclaration & { buckets: number[] }): Histogram {
    return new Histogram({ ...declaration, labelNames: [...(declaration.labels ?? [])], registers: [this.registry] })
  }

  text(): Promise<string> {
    return this.registry.metrics()
  }
}
