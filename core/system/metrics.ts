/**
 * Metrics, declared where they are counted and shown on `/metrics` in Prometheus' text format.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

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

  /** A counter of what is counted elsewhere, as plain numbers: `read` says where it stands when somebody looks. */
  counterOf(declaration: MetricDeclaration, read: (stands: (at: number, labels?: Record<string, string>) => void) => void): Counter {
    const counter: Counter = new Counter({
      name: declaration.name,
      help: declaration.help,
      labelNames: [...(declaration.labels ?? [])],
      registers: [this.registry],
      collect() {
        counter.reset()
        read((at, labels = {}) => counter.inc(labels, at))
      },
    })
    return counter
  }

  /** A gauge that is read when somebody looks: `collect` sets it. */
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
