/**
 * The connectors and tasks that run on this worker, started and stopped as the assignment and the config topic require. The operations on
 * one connector or task run in order, so that no task id runs twice here (Invariant 9). A failure is written to the status and stops
 * nothing else.
 */
import { SerialQueue } from '../../core/system/serial-queue.ts'
import { within } from '../../core/system/within.ts'
import type { FlowReport } from '../sdk/index.ts'
import { type ConfigBackingStore, sameConfig } from '../storage/config-backing-store.ts'
import type { StatusBackingStore, StatusState } from '../storage/status-backing-store.ts'
import type { ConnectorConfig, ConnectorTaskId } from '../types.ts'
import { CONNECTOR_TASK, connectorTaskId, connectorTaskKey } from './connect-protocol.ts'
import { workerMetrics } from './metrics.ts'
import { buildTask, type WorkerServices } from './task-builder.ts'
import { WorkerConnector } from './worker-connector.ts'
import { traceOf, WorkerTask } from './worker-task.ts'

export interface InstancesOptions {
  services: WorkerServices
  configs: ConfigBackingStore
  status: StatusBackingStore
  workerId: string
  generation(): number
  /** Makes the leader write a connector's task configs. */
  publishTaskConfigs(name: string, configs: readonly ConnectorConfig[], signal: AbortSignal): Promise<void>
}

interface RunningTask {
  task: WorkerTask
  config: ConnectorConfig
}

export class Instances {
  readonly #options: InstancesOptions
  readonly #connectors = new Map<string, WorkerConnector>()
  readonly #tasks = new Map<string, RunningTask>()
  /** Starts and stops in progress, for each key. */
  readonly #queues = new Map<string, { queue: SerialQueue; pending: number }>()
  /** The last status write in progress, for each key. */
  readonly #statusWrites = new Map<string, Promise<void>>()
  readonly #flowReports = new Map<string, FlowReport>()
  #assigned: ReadonlySet<string> = new Set()
  #shutdownTimeoutMs: number
  #closed = false

  constructor(options: InstancesOptions) {
    this.#options = options
    this.#shutdownTimeoutMs = options.services.config['task.shutdown.graceful.timeout.ms']
  }

  flowReport = (connector: string, task: number): FlowReport | undefined => this.#flowReports.get(connectorTaskKey(connector, task))
  setFlowReport(connector: string, task: number, report: FlowReport): void {
    this.#flowReports.set(connectorTaskKey(connector, task), report)
  }

  /** Starts what is new among `keys`, and stops what is not among them. */
  runAssigned(keys: ReadonlySet<string>): void {
    if (this.#closed) return
    this.#assigned = new Set(keys)
    for (const key of this.#keys()) if (!keys.has(key)) void this.#stop(key, 'UNASSIGNED')
    for (const key of keys) void this.#start(key)
  }

  /** Resolves when they have stopped. */
  async stop(keys: readonly string[]): Promise<void> {
    this.#assigned = new Set([...this.#assigned].filter((key) => !keys.includes(key)))
    await Promise.all(keys.map((key) => this.#stop(key, 'UNASSIGNED')))
  }

  /** Other workers may run these tasks already: they store nothing more and report no state. */
  async cancelAll(): Promise<void> {
    this.#assigned = new Set()
    for (const { task } of this.#tasks.values()) task.cancel()
    await Promise.all(this.#keys().map((key) => this.#stop(key, null)))
  }

  /** Stops everything within `timeoutMs` and starts nothing more. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true
    this.#shutdownTimeoutMs = timeoutMs
    await this.stop(this.#keys())
  }

  /** Resolves when the starts, stops and status writes of a connector and its tasks that are in progress here are done. Never rejects. */
  async settled(connector: string): Promise<void> {
    const { clock } = this.#options.services.system
    const keys = this.#keys().filter((key) => connectorTaskId(key).connector === connector)
    await Promise.all(
      keys.map(async (key) => {
        await this.#enqueue(key, async () => {})
        await within(clock, this.#shutdownTimeoutMs, this.#tasks.get(key)?.task.started)
        await this.#statusWrites.get(key)
      }),
    )
  }

  #keys(): string[] {
    return [
      ...new Set([
        ...[...this.#connectors.keys()].map((name) => connectorTaskKey(name, CONNECTOR_TASK)),
        ...this.#tasks.keys(),
        ...this.#queues.keys(),
      ]),
    ]
  }

  /** One piece of work after the other for each key. Never rejects. */
  async #enqueue(key: string, work: () => Promise<void>): Promise<void> {
    const entry = this.#queues.get(key) ?? { queue: new SerialQueue(), pending: 0 }
    this.#queues.set(key, entry)
    entry.pending++
    try {
      await entry.queue.run(work)
    } catch (error) {
      this.#options.services.system.logger.error(
        { err: error, ...connectorTaskId(key) },
        'a connector or task could not be started or stopped',
      )
    }
    if (--entry.pending === 0) this.#queues.delete(key)
  }

  #start(key: string): Promise<void> {
    return this.#enqueue(key, async () => {
      const { connector, task } = connectorTaskId(key)
      if (!this.#assigned.has(key) || !this.#options.configs.contains(connector)) return
      if (task === CONNECTOR_TASK) this.#startConnector(connector)
      else this.#startTask(connector, task)
    })
  }

  #stop(key: string, state: StatusState | null): Promise<void> {
    return this.#enqueue(key, async () => {
      const { connector, task } = connectorTaskId(key)
      const { logger } = this.#options.services.system
      if (task === CONNECTOR_TASK) {
        const running = this.#connectors.get(connector)
        if (!running) return
        this.#connectors.delete(connector)
        if (!(await running.stop(this.#shutdownTimeoutMs)))
          logger.warn({ connector }, 'a connector did not stop in time and is cancelled: it publishes no task configs')
      } else {
        const running = this.#tasks.get(key)
        if (!running) return
        this.#tasks.delete(key)
        this.#flowReports.delete(key)
        if (!(await running.task.stop(this.#shutdownTimeoutMs)))
          logger.warn({ connector, task }, 'a task did not stop in time and is cancelled: it stores nothing more')
      }
      if (state) await this.#writeStopped(connector, task, state)
    })
  }

  #startConnector(name: string): void {
    const { configs, services } = this.#options
    const config = configs.connectorConfig(name)!
    if (this.#connectors.has(name)) return
    try {
      const plugin = services.plugins.connector(config['connector.class'] ?? '')
      const connector: WorkerConnector = new WorkerConnector(configs.targetState(name), {
        name,
        config,
        plugin,
        system: services.system,
        publishedTaskConfigs: () => (configs.isInconsistent(name) ? null : configs.taskConfigs(name)),
        publishTaskConfigs: (tasks) => this.#options.publishTaskConfigs(name, tasks, connector.signal),
        onState: (state, trace) => void this.#writeStatus(name, CONNECTOR_TASK, state, trace, plugin.version),
      })
      this.#connectors.set(name, connector)
      connector.start()
    } catch (error) {
      void this.#writeStatus(name, CONNECTOR_TASK, 'FAILED', traceOf(error))
    }
  }

  #startTask(connector: string, number: number): void {
    const { configs, services } = this.#options
    const { system, plugins } = services
    const key = connectorTaskKey(connector, number)
    const own = configs.taskConfigs(connector)[number]
    const targetState = configs.targetState(connector)
    if (!own || this.#tasks.has(key) || targetState === 'STOPPED') return
    const config = { ...configs.connectorConfig(connector), ...own }
    const className = config['connector.class'] ?? ''
    const plugin = plugins.findConnector(className)
    const task = new WorkerTask(
      targetState === 'PAUSED',
      async (control) => await buildTask(plugin ?? plugins.connector(className), connector, number, config, control, services),
      (state, trace) => {
        if (state === 'FAILED') {
          workerMetrics(system.metrics).failures.inc({ connector, task: String(number) })
          system.logger.error({ connector, task: number, trace }, 'a task has failed, and stays FAILED until it is restarted')
        }
        void this.#writeStatus(connector, number, state, trace, plugin?.version)
      },
      system,
    )
    this.#tasks.set(key, { task, config: own })
    task.start()
  }

  /** Restarts the connector even if the config is the same: users restart a failed connector that way. */
  onConnectorConfigUpdate(name: string): void {
    const key = connectorTaskKey(name, CONNECTOR_TASK)
    if (!this.#assigned.has(key)) return
    void this.#stop(key, null)
    void this.#start(key)
  }

  /** Restarts the tasks whose configs have changed, and stops those whose configs were removed. */
  onTaskConfigUpdate(name: string, tasks: readonly number[]): void {
    for (const task of tasks) {
      const key = connectorTaskKey(name, task)
      const running = this.#tasks.get(key)
      const config = this.#options.configs.taskConfigs(name)[task]
      if (!this.#assigned.has(key) || (running && config && sameConfig(running.config, config))) continue
      void this.#stop(key, config ? null : 'UNASSIGNED')
      if (config) void this.#start(key)
    }
  }

  onConnectorConfigRemove(name: string): void {
    for (const key of this.#keys()) if (connectorTaskId(key).connector === name) void this.#stop(key, 'UNASSIGNED')
  }

  onTargetStateChange(name: string): void {
    const targetState = this.#options.configs.targetState(name)
    this.#connectors.get(name)?.transitionTo(targetState)
    for (const [key, { task }] of this.#tasks) {
      if (connectorTaskId(key).connector !== name) continue
      if (targetState === 'PAUSED') task.pause()
      else if (targetState === 'STARTED') task.resume()
      else void this.#stop(key, 'UNASSIGNED')
    }
    if (targetState === 'STARTED') for (const key of this.#assigned) if (connectorTaskId(key).connector === name) void this.#start(key)
  }

  /** Restarts those of `ids` that are assigned to this worker; resolves when they have been started. */
  async restart(ids: readonly ConnectorTaskId[]): Promise<void> {
    await Promise.all(
      ids.map(async ({ connector, task }) => {
        const key = connectorTaskKey(connector, task)
        if (!this.#assigned.has(key)) return
        void this.#stop(key, null)
        void this.#enqueue(key, () => this.#writeStatus(connector, task, 'RESTARTING', null))
        await this.#start(key)
      }),
    )
  }

  /** The last status of a connector or task here. The status of what was removed from the config topic is removed too. */
  async #writeStopped(connector: string, task: number, state: StatusState): Promise<void> {
    const { configs, status, services } = this.#options
    const exists = task === CONNECTOR_TASK ? configs.contains(connector) : configs.taskConfigs(connector).length > task
    if (exists) return await this.#writeStatus(connector, task, state, null)
    try {
      await (task === CONNECTOR_TASK ? status.removeConnector(connector) : status.removeTask(connector, task))
    } catch (error) {
      services.system.logger.warn({ err: error, connector, task }, 'the status of a deleted connector or task could not be removed')
    }
  }

  /** A status that cannot be written is logged and changes nothing else. Never rejects. */
  async #writeStatus(
    connector: string,
    task: number,
    state: StatusState,
    trace: string | null,
    version: string | null = null,
  ): Promise<void> {
    const { status, workerId, services } = this.#options
    const key = connectorTaskKey(connector, task)
    const value = { state, trace, workerId, generation: this.#options.generation(), version }
    const write = (task === CONNECTOR_TASK ? status.putConnector(connector, value) : status.putTask(connector, task, value)).catch(
      (error) => {
        services.system.logger.warn({ err: error, connector, task, state }, 'a status could not be written')
      },
    )
    this.#statusWrites.set(key, write)
    await write
    if (this.#statusWrites.get(key) === write) this.#statusWrites.delete(key)
  }
}
