/**
 * Kafka Connect's metrics of the connectors and tasks that run here, read at each scrape: the names of its JMX metrics in Prometheus, as
 * the usual configurations of the JMX exporter give them. Texts are a label of a metric whose value is 1.
 */
import type { MetricDeclaration, Metrics } from '../../../core/system/metrics.ts'
import { DEFAULT_WINDOWS, type StatWindows } from '../../../core/system/windowed-stat.ts'
import { CONNECTOR_TASK, connectorTaskId, connectorTaskKey } from '../connect-protocol.ts'
import { taskMetrics } from './task-metric-names.ts'
import { type StageFacts, type TaskFacts, TaskMetrics } from './task-metrics.ts'

interface Starts {
  succeeded: number
  failed: number
}

interface ConnectorFacts {
  state: string
  class: string
  type: string
  version: string
}

const taskStates = ['running', 'paused', 'failed', 'unassigned', 'restarting', 'destroyed'] as const

export class ConnectMetrics {
  readonly #tasks = new Map<string, TaskMetrics>()
  readonly #connectors = new Map<string, ConnectorFacts>()
  readonly #starts: Readonly<Record<'connector' | 'task', Starts>> = {
    connector: { succeeded: 0, failed: 0 },
    task: { succeeded: 0, failed: 0 },
  }
  readonly #now: () => number
  windows: StatWindows = DEFAULT_WINDOWS

  /** `inThread`: of a thread with one task, whose state the worker knows. */
  constructor(metrics: Metrics, now: () => number, inThread = false) {
    this.#now = now
    this.#declareTasks(metrics, inThread)
    this.#declareStages(metrics)
    if (inThread) return
    this.#declareConnectors(metrics)
    this.#declareWorker(metrics)
  }

  /** A task that runs in a thread of its own: only its state is known here. */
  taskInThread(connector: string, task: number, type: 'source' | 'sink'): void {
    this.taskStarted(connector, task, type, {}, []).isInThread = true
  }

  connectorStarted(name: string, facts: Omit<ConnectorFacts, 'state'>): void {
    this.#connectors.set(name, { ...facts, state: 'UNASSIGNED' })
  }

  taskStarted(connector: string, task: number, type: 'source' | 'sink', facts: TaskFacts, stages: readonly StageFacts[]): TaskMetrics {
    const metrics = new TaskMetrics(type, this.windows, this.#now)
    metrics.facts = facts
    metrics.stages = stages
    this.#tasks.set(connectorTaskKey(connector, task), metrics)
    return metrics
  }

  /** The first state after a start says whether it has succeeded. */
  stateChanged(connector: string, task: number, state: string): void {
    const isConnector = task === CONNECTOR_TASK
    const known = isConnector ? this.#connectors.get(connector) : this.#tasks.get(connectorTaskKey(connector, task))
    if (!known) {
      if (state === 'FAILED') this.#starts[isConnector ? 'connector' : 'task'].failed++
      return
    }
    const starts = this.#starts[isConnector ? 'connector' : 'task']
    if (known.state === 'UNASSIGNED' && state === 'FAILED') starts.failed++
    else if (known.state === 'UNASSIGNED' && state !== 'UNASSIGNED' && state !== 'RESTARTING') starts.succeeded++
    if (known instanceof TaskMetrics) known.setState(state)
    else known.state = state
  }

  stopped(connector: string, task: number): void {
    if (task === CONNECTOR_TASK) this.#connectors.delete(connector)
    else this.#tasks.delete(connectorTaskKey(connector, task))
  }

  #declareTasks(metrics: Metrics, inThread: boolean): void {
    for (const { type, attribute, help, of, ofState, ofTransactions, total, value, text } of taskMetrics) {
      if (inThread && ofState) continue
      const labels = ['connector', 'task', ...(text ? [attribute.replaceAll('-', '_')] : [])]
      const declaration = { name: nameOf(type, attribute), help, labels }
      const report = (set: (number: number, labels: Record<string, string>) => void) => {
        for (const [key, task] of this.#tasks) {
          if ((of !== undefined && task.type !== of) || (task.isInThread && !ofState)) continue
          if (ofTransactions && task.transactionSize === null) continue
          const id = connectorTaskId(key)
          const own = { connector: id.connector, task: String(id.task) }
          const shown = text?.(task)
          if (text) {
            if (shown !== undefined) set(1, { ...own, [labels[2]!]: shown })
          } else set(value!(task, this.#now()), own)
        }
      }
      this.#declare(metrics, declaration, total === true, report)
    }
  }

  #declareStages(metrics: Metrics): void {
    for (const kind of ['transform', 'predicate'] as const) {
      for (const what of ['class', 'version'] as const) {
        const label = `${kind}_${what}`
        const name = nameOf(`connector-${kind}`, label)
        const declaration = { name, help: `The ${what} of a ${kind} of the task.`, labels: ['connector', 'task', kind, label] }
        this.#declare(metrics, declaration, false, (set) => {
          for (const [key, { stages }] of this.#tasks) {
            const { connector, task } = connectorTaskId(key)
            for (const stage of stages)
              if (stage.kind === kind) set(1, { connector, task: String(task), [kind]: stage.alias, [label]: stage[what] })
          }
        })
      }
    }
  }

  #declare(
    metrics: Metrics,
    declaration: MetricDeclaration,
    isTotal: boolean,
    report: (set: (value: number, labels: Record<string, string>) => void) => void,
  ): void {
    if (isTotal) {
      metrics.counterOf(declaration, (set) => report((value, labels) => set(value, labels)))
      return
    }
    metrics.gauge(declaration, (gauge) => {
      gauge.reset()
      report((value, labels) => gauge.set(labels, value))
    })
  }

  #declareConnectors(metrics: Metrics): void {
    const text = (attribute: string, help: string, read: (facts: ConnectorFacts) => string) => {
      const label = attribute.replaceAll('-', '_')
      this.#declare(metrics, { name: nameOf('connector', attribute), help, labels: ['connector', label] }, false, (set) => {
        for (const [connector, facts] of this.#connectors) set(1, { connector, [label]: read(facts) })
      })
    }
    text('connector-class', 'The class of the connector.', (facts) => facts.class)
    text('connector-type', 'Whether the connector is a source or a sink.', (facts) => facts.type)
    text('connector-version', 'The version of the connector.', (facts) => facts.version)
    text('status', 'The state of the connector.', (facts) => facts.state.toLowerCase())
  }

  #declareWorker(metrics: Metrics): void {
    const worker = (attribute: string, help: string, isTotal: boolean, read: () => number) =>
      this.#declare(metrics, { name: nameOf('connect-worker', attribute), help }, isTotal, (set) => set(read(), {}))
    worker('connector-count', 'Connectors that run here.', false, () => this.#connectors.size)
    worker('task-count', 'Tasks that run here.', false, () => this.#tasks.size)
    for (const kind of ['connector', 'task'] as const) {
      const starts = this.#starts[kind]
      const attempts = () => starts.succeeded + starts.failed
      const share = (count: number) => (attempts() === 0 ? 0 : count / attempts())
      worker(`${kind}-startup-attempts-total`, `Starts of ${kind}s that this worker has tried.`, true, attempts)
      worker(`${kind}-startup-success-total`, `Starts of ${kind}s that have succeeded.`, true, () => starts.succeeded)
      worker(`${kind}-startup-failure-total`, `Starts of ${kind}s that have failed.`, true, () => starts.failed)
      worker(`${kind}-startup-success-percentage`, `The share of starts of ${kind}s that have succeeded.`, false, () =>
        share(starts.succeeded),
      )
      worker(`${kind}-startup-failure-percentage`, `The share of starts of ${kind}s that have failed.`, false, () => share(starts.failed))
    }
    for (const state of [...taskStates, 'total'] as const) {
      const declaration = {
        name: nameOf('connect-worker', `connector-${state}-task-count`),
        help: `Tasks of the connector here${state === 'total' ? '' : ` that are ${state}`}.`,
        labels: ['connector'],
      }
      this.#declare(metrics, declaration, false, (set) => {
        for (const connector of this.#connectors.keys()) set(this.#tasksOf(connector, state), { connector })
      })
    }
  }

  #tasksOf(connector: string, state: string): number {
    let count = 0
    for (const [key, task] of this.#tasks)
      if (connectorTaskId(key).connector === connector && (state === 'total' || task.state.toLowerCase() === state)) count++
    return count
  }
}

/** `source-task` and `poll-batch-avg-time-ms` become `kafka_connect_source_task_metrics_poll_batch_avg_time_ms`. */
const nameOf = (type: string, attribute: string) => `kafka_connect_${type}_metrics_${attribute}`.replaceAll('-', '_')

const known = new WeakMap<Metrics, ConnectMetrics>()

/** Those of a registry. Workers of one process share them. */
export function connectMetrics(metrics: Metrics, now: () => number): ConnectMetrics {
  let declared = known.get(metrics)
  if (!declared) {
    declared = new ConnectMetrics(metrics, now)
    known.set(metrics, declared)
  }
  return declared
}
