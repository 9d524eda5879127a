/**
 * Metrics that a connector sets by itself: of one of its tasks, or of its system. They are gauges of Prometheus with the connector, and the
 * task, as labels, and go with their owner. Their names are bounded, so that a connector cannot fill the memory of the worker with them.
 */
import type { Metrics } from '../../../core/system/metrics.ts'

/** The names that one task, or one system, may have… */
const MAX_NAMES_OF_OWNER = 64
/** …and all of a registry together: a gauge stays declared. */
const MAX_NAMES = 512
const MAX_NAME_LENGTH = 100
const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

type Gauge = ReturnType<Metrics['gauge']>
type Labels = Readonly<Record<string, string>>

interface Registered {
  readonly gauges: Map<string, Gauge>
  /** By its labels, the only one that may set them. */
  readonly owners: Map<string, ConnectorGauges>
}

const registries = new WeakMap<Metrics, Registered>()

function registeredIn(metrics: Metrics): Registered {
  const known = registries.get(metrics) ?? { gauges: new Map(), owners: new Map() }
  registries.set(metrics, known)
  return known
}

/** `connector`, or `connector` and `task`. */
export type GaugeLabels = { readonly connector: string; readonly task?: string }

export class ConnectorGauges {
  readonly #metrics: Metrics
  readonly #registered: Registered
  readonly #labels: Labels
  readonly #key: string
  readonly #warn: (message: string) => void
  readonly #set = new Set<string>()
  #hasWarned = false

  /** Takes over from the owner before it: a task that does not end sets nothing more. */
  constructor(metrics: Metrics, labels: GaugeLabels, warn: (message: string) => void) {
    this.#metrics = metrics
    this.#registered = registeredIn(metrics)
    this.#labels = labels
    this.#key = JSON.stringify(Object.values(labels))
    this.#warn = warn
    this.#registered.owners.get(this.#key)?.close()
    this.#registered.owners.set(this.#key, this)
  }

  /** @throws TypeError where the name is not in kebab-case, or the value is no number. */
  set(name: string, value: number): void {
    if (typeof name !== 'string' || name.length > MAX_NAME_LENGTH || !NAME.test(name))
      throw new TypeError(`"${name}" cannot be the name of a metric: write it in kebab-case, as replication-lag-bytes`)
    if (typeof value !== 'number') throw new TypeError(`the metric ${name} has a ${typeof value} as its value, and needs a number`)
    if (this.#registered.owners.get(this.#key) !== this) return
    const gauge = this.#gaugeOf(name)
    if (!gauge) return
    this.#set.add(name)
    gauge.set(this.#labels, value)
  }

  /** Instead of all that were set before. */
  replace(values: Readonly<Record<string, number>>): void {
    for (const name of this.#set) if (!Object.hasOwn(values, name)) this.#remove(name)
    for (const [name, value] of Object.entries(values)) this.set(name, value)
  }

  close(): void {
    if (this.#registered.owners.get(this.#key) !== this) return
    for (const name of this.#set) this.#remove(name)
    this.#registered.owners.delete(this.#key)
  }

  #remove(name: string): void {
    this.#registered.gauges.get(this.#fullName(name))?.remove(this.#labels)
    this.#set.delete(name)
  }

  #fullName = (name: string): string =>
    `tributary_connect_${this.#labels.task === undefined ? 'connector' : 'task'}_${name.replaceAll('-', '_')}`

  #gaugeOf(name: string): Gauge | null {
    const { gauges } = this.#registered
    const full = this.#fullName(name)
    const known = gauges.get(full)
    if (known && (this.#set.has(name) || this.#set.size < MAX_NAMES_OF_OWNER)) return known
    const reason =
      this.#set.size >= MAX_NAMES_OF_OWNER
        ? `it has ${MAX_NAMES_OF_OWNER} already`
        : gauges.size >= MAX_NAMES
          ? `the connectors of this worker have ${MAX_NAMES} already`
          : this.#metrics.registry.getSingleMetric(full)
            ? 'the worker has one of this name'
            : null
    if (reason === null) {
      const gauge = this.#metrics.gauge({ name: full, help: `${name}, as the connector says.`, labels: Object.keys(this.#labels) })
      gauges.set(full, gauge)
      return gauge
    }
    if (!this.#hasWarned) this.#warn(`the metric ${name} of a connector is left out: ${reason}`)
    this.#hasWarned = true
    return null
  }
}
