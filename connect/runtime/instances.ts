/**
 * The connectors and tasks that run on this worker, started and stopped as the assignment and the config topic require. The operations on
 * one connector or task run in order, so that no task id runs twice here (Invariant 9). A failure is written to the status and stops
 * nothing else.
 */
import { type ConfigTransformer, referringNames } from '../../core/config-references/config-transformer.ts'
import { type Redact, redactingLogger } from '../../core/config-references/redaction.ts'
import { SerialQueue } from '../../core/system/serial-queue.ts'
import { within } from '../../core/system/within.ts'
import type { FlowReport } from '../sdk/index.ts'
import { type ConfigBackingStore, sameConfig } from '../storage/config-backing-store.ts'
import type { FailureHistory } from '../storage/failure-history.ts'
import type { StatusBackingStore, StatusState } from '../storage/status-backing-store.ts'
import { ConnectError, type ConnectorConfig, type ConnectorTaskId } from '../types.ts'
import { CONNECTOR_TASK, connectorTaskId, connectorTaskKey } from './connect-protocol.ts'
import type { DeadLetter } from './dead-letter.ts'
import { InstanceRecovery } from './instance-recovery.ts'
import { connectorOf, rangeIn } from './plugin-versions.ts'
import { StatusWrites } from './status-writes.ts'
import { SystemObservations } from './system-observations.ts'
import { buildTask, type WorkerServices } from './task-builder.ts'
import type { ReplayCounts } from './task-control.ts'
import { requireTasksMax } from './tasks-max.ts'
import { WorkerConnector } from './worker-connector.ts'
import { traceOf, WorkerTask } from './worker-task.ts'

export interface InstancesOptions {
  services: WorkerServices
  configs: ConfigBackingStore
  /** Replaces the references in the configs of connectors and tasks when they start. */
  transformer: ConfigTransformer
  status: StatusBackingStore
  failures: FailureHistory
  workerId: string
  generation(): number
  /** Makes the leader write a connector's task configs. */
  publishTaskConfigs(name: string, configs: readonly ConnectorConfig[], signal: AbortSignal): Promise<void>
}

interface RunningTask {
  task: WorkerTask
  /** As it is stored. */
  config: ConnectorConfig
  /** That of the connector when the task started. */
  connectorConfig: ConnectorConfig
  /** With its references replaced; null until it is built. */
  resolved(): ConnectorConfig | null
}

export class Instances {
  readonly #options: InstancesOptions
  readonly #connectors = new Map<string, WorkerConnector>()
  readonly #tasks = new Map<string, RunningTask>()
  /** Starts and stops in progress, for each key. */
  readonly #queues = new Map<string, { queue: SerialQueue; pending: number }>()
  readonly #statuses: StatusWrites
  readonly #observations: SystemObservations
  readonly #flowReports = new Map<string, FlowReport>()
  #assigned: ReadonlySet<string> = new Set()
  readonly #recovery: InstanceRecovery
  #shutdownTimeoutMs: number
  #closed = false

  constructor(options: InstancesOptions) {
    this.#options = options
    this.#shutdownTimeoutMs = options.services.config['task.shutdown.graceful.timeout.ms']
    this.#statuses = new StatusWrites(options)
    this.#observations = new SystemObservations(options.services.system, (name, warnings) => this.#statuses.warn(name, warnings))
    this.#recovery = new InstanceRecovery(options.services, options.failures, {
      workerId: options.workerId,
      mayRestart: (key) => !this.#closed && this.#assigned.has(key),
      restart: (key) => this.#restartAutomatically(key),
      writeStatus: (key, state, trace, details) => {
        const { connector, task } = connectorTaskId(key)
        void this.#statuses.write(connector, task, state, trace, details)
      },
    })
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
    this.#recovery.close()
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
        await this.#statuses.settled(key)
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
      if (task === CONNECTOR_TASK) await this.#startConnector(connector)
      else this.#startTask(connector, task)
    })
  }

  /** With a state, it is no longer to run here. */
  #stop(key: string, state: StatusState | null): Promise<void> {
    return this.#enqueue(key, async () => {
      if (state) this.#recovery.forget(key)
      const { connector, task } = connectorTaskId(key)
      const { services } = this.#options
      const { logger } = services.system
      if (task === CONNECTOR_TASK) {
        this.#observations.stop(connector)
        this.#statuses.forgetWarnings(connector)
        const running = this.#connectors.get(connector)
        if (!running) return
        this.#connectors.delete(connector)
        if (!(await running.stop(this.#shutdownTimeoutMs)))
          logger.warn({ connector }, 'a connector did not stop in time and is cancelled: it publishes no task configs')
      } else {
        const running = this.#tasks.get(key)
        if (!running) return
        this.#tasks.delete(key)
        this.#recovery.endWatch(key)
        this.#flowReports.delete(key)
        if (!(await running.task.stop(this.#shutdownTimeoutMs)))
          logger.warn({ connector, task }, 'a task did not stop in time and is cancelled: it stores nothing more')
      }
      services.metrics.stopped(connector, task)
      if (state) await this.#statuses.writeStopped(connector, task, state)
    })
  }

  async #startConnector(name: string): Promise<void> {
    const { configs, services, transformer } = this.#options
    const written = configs.connectorConfig(name)!
    if (this.#connectors.has(name)) return
    const key = connectorTaskKey(name, CONNECTOR_TASK)
    let redact: Redact = (text) => text
    let recovery = this.#recovery.settingsOf({})
    this.#recovery.started(key)
    try {
      const resolved = await transformer.transform(written)
      if (!this.#assigned.has(connectorTaskKey(name, CONNECTOR_TASK))) return
      const { config } = resolved
      redact = resolved.redact
      recovery = this.#recovery.settingsOf(config)
      const plugin = connectorOf(services.plugins, config)
      services.metrics.connectorStarted(name, { class: plugin.class, type: plugin.type, version: plugin.version })
      const connector: WorkerConnector = new WorkerConnector(configs.targetState(name), {
        name,
        config,
        written,
        plugin,
        system: services.system,
        publishedTaskConfigs: () => (configs.isInconsistent(name) ? null : configs.taskConfigs(name)),
        publishTaskConfigs: (tasks) => this.#options.publishTaskConfigs(name, tasks, connector.signal),
        onState: (state, trace, error) => {
          if (state === 'FAILED') this.#recovery.failed(key, redact(trace!), error, recovery, plugin.version)
          else void this.#statuses.write(name, CONNECTOR_TASK, state, null, { version: plugin.version })
        },
      })
      this.#connectors.set(name, connector)
      connector.start()
      this.#observations.start(name, plugin, () => transformer.transform(written))
    } catch (error) {
      this.#recovery.failed(key, redact(traceOf(error)), error, recovery, null)
    }
  }

  /** The back-off of a failed connector or task is over. */
  #restartAutomatically(key: string): void {
    const { connector, task } = connectorTaskId(key)
    if (this.#closed || !this.#assigned.has(key)) return
    void this.#stop(key, null)
    void this.#enqueue(key, () => this.#statuses.write(connector, task, 'RESTARTING', null))
    void this.#start(key)
  }

  /** Hands dead letters to a task that runs here. */
  async replay(connector: string, task: number, letters: readonly DeadLetter[], done: () => Promise<void>): Promise<ReplayCounts> {
    const running = this.#tasks.get(connectorTaskKey(connector, task))
    const newest = this.#options.configs.connectorConfig(connector)
    if (running && !sameConfig(running.connectorConfig, newest))
      throw new ConnectError(409, `The task ${connector}-${task} runs with an older config: wait until it has the new one, or restart it.`)
    if (!running) throw new ConnectError(409, `The task ${connector}-${task} does not run here: try again after the rebalance.`)
    return await running.task.replay(letters, done)
  }

  #startTask(connector: string, number: number): void {
    const { configs, services, transformer } = this.#options
    const { system, plugins } = services
    const key = connectorTaskKey(connector, number)
    const own = configs.taskConfigs(connector)[number]
    const targetState = configs.targetState(connector)
    if (!own || this.#tasks.has(key) || targetState === 'STOPPED') return
    const config = { ...configs.connectorConfig(connector), ...own }
    const id = { connector, task: number, generation: configs.taskConfigGeneration(connector) }
    let plugin = plugins.findConnector(config['connector.class'] ?? '', rangeIn(config['connector.plugin.version']))
    let redact: Redact = (text) => text
    let recovery = this.#recovery.settingsOf({})
    let resolvedConfig: ConnectorConfig | null = null
    const task = new WorkerTask(
      targetState === 'PAUSED',
      async (control) => {
        const resolved = await transformer.transform(config)
        redact = resolved.redact
        resolvedConfig = resolved.config
        recovery = this.#recovery.settingsOf(resolved.config)
        requireTasksMax(connector, configs.taskConfigs(connector).length, resolved.config)
        plugin = connectorOf(plugins, resolved.config)
        const logger = resolved.hasSecrets ? redactingLogger(system.logger, redact) : system.logger
        return await buildTask(plugin, id, resolved.config, control, {
          ...services,
          secrets: resolved.secrets,
          system: { ...system, logger },
        })
      },
      (state, trace, error) => {
        const version = plugin?.version ?? null
        this.#recovery.endWatch(key)
        if (state === 'FAILED') {
          this.#recovery.failed(key, redact(trace!), error, recovery, version)
          return
        }
        void this.#statuses.write(connector, number, state, null, { version })
        if (state === 'RUNNING') this.#recovery.watch(key, task.progress, recovery, version, redact)
      },
      (trace) => system.logger.warn({ connector, task: number, trace: redact(trace) }, 'a task has failed while it was being stopped'),
      system,
    )
    this.#recovery.started(key)
    this.#tasks.set(key, { task, config: own, connectorConfig: configs.connectorConfig(connector)!, resolved: () => resolvedConfig })
    task.start()
  }

  /** Restarts the connector even if the config is the same: users restart a failed connector that way. */
  onConnectorConfigUpdate(name: string): void {
    const key = connectorTaskKey(name, CONNECTOR_TASK)
    if (!this.#assigned.has(key)) return
    this.#recovery.forget(key)
    void this.#stop(key, null)
    void this.#start(key)
  }

  /**
   * Restarts the tasks whose configs have changed, and stops those whose configs were removed. Exactly-once sources restart all: the round
   * of zombie fencing for the new configs fences every task of the old ones.
   */
  onTaskConfigUpdate(name: string, tasks: readonly number[]): void {
    const restartsAll = this.#options.services.offsetStores.exactlyOnce && this.#isSource(name)
    for (const task of tasks) {
      const key = connectorTaskKey(name, task)
      const running = this.#tasks.get(key)
      const config = this.#options.configs.taskConfigs(name)[task]
      if (!this.#assigned.has(key)) continue
      if (running && config && sameConfig(running.config, config) && !restartsAll) {
        if (referringNames(config).length > 0) void this.#restartWithNewValues(key, running)
        continue
      }
      this.#recovery.forget(key)
      void this.#stop(key, config ? null : 'UNASSIGNED')
      if (config) void this.#start(key)
    }
  }

  #isSource(name: string): boolean {
    const { configs, services } = this.#options
    return services.plugins.findConnector(configs.connectorConfig(name)?.['connector.class'] ?? '')?.kind === 'source'
  }

  /** Restarts a task where the references of its config stand for other values than those that it runs with. Never rejects. */
  async #restartWithNewValues(key: string, running: RunningTask): Promise<void> {
    const { configs, transformer } = this.#options
    const before = running.resolved()
    try {
      const now = await transformer.transform({ ...configs.connectorConfig(connectorTaskId(key).connector), ...running.config })
      if (before && sameConfig(before, now.config)) return
    } catch (error) {
      // The start fails for the same reason, and the status says so.
      this.#options.services.system.logger.warn({ err: error, ...connectorTaskId(key) }, 'the references of a task cannot be resolved')
    }
    if (this.#tasks.get(key) !== running) return
    void this.#stop(key, null)
    void this.#start(key)
  }

  onConnectorConfigRemove(name: string): void {
    for (const key of this.#keys()) if (connectorTaskId(key).connector === name) void this.#stop(key, 'UNASSIGNED')
  }

  onTargetStateChange(name: string): void {
    const targetState = this.#options.configs.targetState(name)
    if (targetState === 'STOPPED') this.#recovery.forget(connectorTaskKey(name, CONNECTOR_TASK))
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
        this.#recovery.forget(key)
        void this.#stop(key, null)
        void this.#enqueue(key, () => this.#statuses.write(connector, task, 'RESTARTING', null))
        await this.#start(key)
      }),
    )
  }

  /** Resolves when a connector that runs here has started; throws 500, as Kafka Connect, where it has failed. */
  async requireStarted(connector: string): Promise<void> {
    const cause = await this.#connectors.get(connector)?.started
    if (cause) throw new ConnectError(500, `Failed to start connector: ${connector}`, { cause })
  }
}
