/**
 * What runs on this worker: connectors and tasks, started and ended as the group and the config topic say. What happens to one unit happens
 * in order, so that a task id never lives twice here (Invariant 9). What fails is told in the status, and stops nothing else.
 */
import type { FlowReport } from '../sdk/index.ts'
import { type ConfigStore, sameConfig } from '../storage/config-backing-store.ts'
import type { StatusState, StatusStore } from '../storage/status-backing-store.ts'
import type { ConnectorConfig } from '../types.ts'
import { CONNECTOR, unitKey, unitOf } from './connect-protocol.ts'
import { workerMetrics } from './metrics.ts'
import { createTaskLoop, type WorkerServices } from './task-builder.ts'
import { ConnectorRunner } from './worker-connector.ts'
import { Task, traceOf } from './worker-task.ts'

export interface InstancesParts {
  lent: WorkerServices
  configs: ConfigStore
  status: StatusStore
  workerId: string
  generation(): number
  /** Has the leader write a connector's task configs. */
  publish(name: string, configs: readonly ConnectorConfig[], signal: AbortSignal): Promise<void>
}

interface RunningTask {
  task: Task
  config: ConnectorConfig
}

export class Instances {
  readonly #parts: InstancesParts
  readonly #connectors = new Map<string, ConnectorRunner>()
  readonly #tasks = new Map<string, RunningTask>()
  /** What is being done to each unit. */
  readonly #queues = new Map<string, Promise<void>>()
  readonly #reports = new Map<string, FlowReport>()
  #wanted: ReadonlySet<string> = new Set()
  #graceMs: number
  #closed = false

  constructor(parts: InstancesParts) {
    this.#parts = parts
    this.#graceMs = parts.lent.config['task.shutdown.graceful.timeout.ms']
  }

  /** What a flow said last. */
  flowReport = (connector: string, task: number): FlowReport | undefined => this.#reports.get(unitKey(connector, task))
  noteReport(connector: string, task: number, report: FlowReport): void {
    this.#reports.set(unitKey(connector, task), report)
  }
  runs = (connector: string, task: number): boolean => this.#wanted.has(unitKey(connector, task))

  /** Begins to run what is new among `units`; what is no longer among them ends. */
  hold(units: ReadonlySet<string>): void {
    if (this.#closed) return
    this.#wanted = new Set(units)
    for (const unit of this.#known()) if (!units.has(unit)) void this.#end(unit, 'UNASSIGNED')
    for (const unit of units) void this.#begin(unit)
  }

  /** Ends units; resolves when they have ended. */
  async release(units: readonly string[]): Promise<void> {
    this.#wanted = new Set([...this.#wanted].filter((unit) => !units.includes(unit)))
    await Promise.all(units.map((unit) => this.#end(unit, 'UNASSIGNED')))
  }

  /** Others may run this already: nothing is stored or told any more. */
  async abandonAll(): Promise<void> {
    this.#wanted = new Set()
    for (const { task } of this.#tasks.values()) task.abandon()
    await Promise.all(this.#known().map((unit) => this.#end(unit, null)))
  }

  /** Ends everything within `graceMs` and begins nothing more. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true
    this.#graceMs = graceMs
    await this.release(this.#known())
    await Promise.all(this.#queues.values())
  }

  #known(): string[] {
    return [
      ...new Set([...[...this.#connectors.keys()].map((name) => unitKey(name, CONNECTOR)), ...this.#tasks.keys(), ...this.#queues.keys()]),
    ]
  }

  /** One after the other for each unit. Never rejects. */
  #enqueue(unit: string, work: () => Promise<void>): Promise<void> {
    const mine = (this.#queues.get(unit) ?? Promise.resolve()).then(work).catch((error) => {
      this.#parts.lent.system.logger.error({ err: error, ...unitOf(unit) }, 'a connector or task could not be started or ended')
    })
    this.#queues.set(unit, mine)
    void mine.then(() => {
      if (this.#queues.get(unit) === mine) this.#queues.delete(unit)
    })
    return mine
  }

  #begin(unit: string): Promise<void> {
    return this.#enqueue(unit, async () => {
      const { connector, task } = unitOf(unit)
      if (!this.#wanted.has(unit) || !this.#parts.configs.has(connector)) return
      if (task === CONNECTOR) this.#beginConnector(connector)
      else this.#beginTask(connector, task)
    })
  }

  #end(unit: string, state: StatusState | null): Promise<void> {
    return this.#enqueue(unit, async () => {
      const { connector, task } = unitOf(unit)
      if (task === CONNECTOR) {
        const found = this.#connectors.get(connector)
        if (!found) return
        this.#connectors.delete(connector)
        if (!(await found.stop(this.#graceMs)))
          this.#parts.lent.system.logger.warn({ connector }, 'the connector did not end in time and is given up on: it publishes no tasks')
      } else {
        const found = this.#tasks.get(unit)
        if (!found) return
        this.#tasks.delete(unit)
        this.#reports.delete(unit)
        if (!(await found.task.stop(this.#graceMs)))
          this.#parts.lent.system.logger.warn(
            { connector, task },
            'the task did not end in time and is given up on: it stores nothing more',
          )
      }
      if (state) await this.#tellEnd(connector, task, state)
    })
  }

  #beginConnector(name: string): void {
    const { configs, lent } = this.#parts
    const config = configs.config(name)!
    if (this.#connectors.has(name)) return
    try {
      const plugin = lent.plugins.connector(config['connector.class'] ?? '')
      const runner: ConnectorRunner = new ConnectorRunner(configs.target(name), {
        name,
        config,
        plugin,
        system: lent.system,
        published: () => (configs.isTorn(name) ? null : configs.tasks(name)),
        publish: (tasks) => this.#parts.publish(name, tasks, runner.signal),
        report: (state, trace) => void this.#tell(name, CONNECTOR, state, trace, plugin.version),
      })
      this.#connectors.set(name, runner)
      runner.start()
    } catch (error) {
      void this.#tell(name, CONNECTOR, 'FAILED', traceOf(error))
    }
  }

  #beginTask(connector: string, number: number): void {
    const { configs, lent } = this.#parts
    const unit = unitKey(connector, number)
    const own = configs.tasks(connector)[number]
    const target = configs.target(connector)
    if (!own || this.#tasks.has(unit) || target === 'STOPPED') return
    const config = { ...configs.config(connector), ...own }
    const plugin = lent.plugins.findConnector(config['connector.class'] ?? '')
    const task = new Task(
      target === 'PAUSED',
      async (control) =>
        await createTaskLoop(plugin ?? lent.plugins.connector(config['connector.class'] ?? ''), connector, number, config, control, lent),
      (state, trace) => {
        if (state === 'FAILED') {
          workerMetrics(lent.system.metrics).failures.inc({ connector, task: String(number) })
          lent.system.logger.error({ connector, task: number, trace }, 'a task failed and stays so until it is restarted')
        }
        void this.#tell(connector, number, state, trace, plugin?.version)
      },
      lent.system,
    )
    this.#tasks.set(unit, { task, config: own })
    task.start()
  }

  /** A connector's config was written: it works its tasks out anew, though nothing changed, since that is how a failed one is revived. */
  connectorChanged(name: string): void {
    const unit = unitKey(name, CONNECTOR)
    if (!this.#wanted.has(unit)) return
    void this.#end(unit, null)
    void this.#begin(unit)
  }

  /** Configs of tasks are new: those that run here begin anew with them, or end. */
  tasksChanged(name: string, tasks: readonly number[]): void {
    for (const task of tasks) {
      const unit = unitKey(name, task)
      const running = this.#tasks.get(unit)
      const config = this.#parts.configs.tasks(name)[task]
      if (!this.#wanted.has(unit) || (running && config && sameConfig(running.config, config))) continue
      void this.#end(unit, config ? null : 'UNASSIGNED')
      if (config) void this.#begin(unit)
    }
  }

  connectorRemoved(name: string): void {
    for (const unit of this.#known()) if (unitOf(unit).connector === name) void this.#end(unit, 'UNASSIGNED')
  }

  retarget(name: string): void {
    const target = this.#parts.configs.target(name)
    this.#connectors.get(name)?.retarget(target)
    for (const [unit, { task }] of this.#tasks) {
      if (unitOf(unit).connector !== name) continue
      if (target === 'PAUSED') task.pause()
      else if (target === 'STARTED') task.resume()
      else void this.#end(unit, 'UNASSIGNED')
    }
    if (target === 'STARTED') for (const unit of this.#wanted) if (unitOf(unit).connector === name) void this.#begin(unit)
  }

  /** Ends units that run here and begins them anew; resolves when they have begun. */
  async restart(units: readonly { connector: string; task: number }[]): Promise<void> {
    await Promise.all(
      units
        .map(({ connector, task }) => unitKey(connector, task))
        .filter((unit) => this.#wanted.has(unit))
        .map(async (unit) => {
          const { connector, task } = unitOf(unit)
          void this.#end(unit, null)
          void this.#enqueue(unit, () => this.#tell(connector, task, 'RESTARTING', null))
          await this.#begin(unit)
        }),
    )
  }

  /** The last word on a unit. What is gone from the config has no status any more. */
  async #tellEnd(connector: string, task: number, state: StatusState): Promise<void> {
    const { configs, status, lent } = this.#parts
    const exists = task === CONNECTOR ? configs.has(connector) : configs.tasks(connector).length > task
    if (exists) return await this.#tell(connector, task, state, null)
    try {
      await (task === CONNECTOR ? status.removeConnector(connector) : status.removeTask(connector, task))
    } catch (error) {
      lent.system.logger.warn({ err: error, connector, task }, 'a status could not be taken away')
    }
  }

  /** Tells the status; a status that cannot be written is logged and changes nothing. */
  async #tell(connector: string, task: number, state: StatusState, trace: string | null, version: string | null = null): Promise<void> {
    const { status, workerId, lent } = this.#parts
    const told = { state, trace, workerId, generation: this.#parts.generation(), version }
    try {
      await (task === CONNECTOR ? status.putConnector(connector, told) : status.putTask(connector, task, told))
    } catch (error) {
      lent.system.logger.warn({ err: error, connector, task, state }, 'a status could not be written')
    }
  }
}
