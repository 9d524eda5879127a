/**
 * A connector itself, without its tasks: it generates the task configs from the connector's config, and makes the leader write them when
 * they have changed.
 */
import { referringNames, withReferences } from '../../core/config-references/config-transformer.ts'
import { backoffMs } from '../../core/system/backoff.ts'
import type { Timer } from '../../core/system/clock.ts'
import type { System } from '../../core/system/index.ts'
import { SerialQueue } from '../../core/system/serial-queue.ts'
import { within } from '../../core/system/within.ts'
import type { ConnectorPlugin } from '../plugins.ts'
import { parseSettings } from '../sdk/index.ts'
import { sameConfig, type TargetState } from '../storage/config-backing-store.ts'
import type { ConnectorConfig } from '../types.ts'
import { requireTaskConfigs } from './plugin-results.ts'
import { requireTasksMax, tasksMax } from './tasks-max.ts'
import { traceOf } from './worker-task.ts'

export interface WorkerConnectorOptions {
  name: string
  /** With its references replaced. */
  config: ConnectorConfig
  /** As it is stored. */
  written: ConnectorConfig
  plugin: ConnectorPlugin
  system: System
  /** The task configs in the config topic; null while they are inconsistent. */
  publishedTaskConfigs(): readonly ConnectorConfig[] | null
  /** Makes the leader write them; throws if that fails. */
  publishTaskConfigs(configs: readonly ConnectorConfig[]): Promise<void>
  onState(state: 'RUNNING' | 'PAUSED' | 'STOPPED' | 'FAILED', trace: string | null, error?: unknown): void
}

const PUBLISH_BACKOFF = { baseMs: 250, maxMs: 60_000 }

/** The configs of the tasks that a connector generates, each with the connector's whole config in it. */
async function connectorTaskConfigs(plugin: ConnectorPlugin, config: ConnectorConfig): Promise<ConnectorConfig[]> {
  const maxTasks = tasksMax(config)
  const parsed = parseSettings(plugin.settings, config)
  const generated =
    (await plugin.side.tasks?.(parsed, maxTasks)) ??
    // The tasks of a sink share its partitions. A source is one task unless it generates more.
    Array.from({ length: plugin.kind === 'sink' ? maxTasks : 1 }, () => ({}))
  requireTaskConfigs(plugin.class, generated)
  requireTasksMax(config.name!, generated.length, config)
  // Kafka Connect's workers read the class of a task from its config.
  const taskClass = plugin.class.replace(/Connector$/, 'Task')
  return generated.map((own) => ({ ...config, ...own, 'task.class': taskClass }))
}

export class WorkerConnector {
  readonly #options: WorkerConnectorOptions
  readonly #stopping = new AbortController()
  readonly #stopped = new Promise<void>((resolve) => {
    this.#stopping.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  readonly #reconfigurations = new SerialQueue()
  #targetState: TargetState
  #failed = false
  #refresh: Timer | null = null
  #markStarted: (failure: unknown) => void = () => {}
  /** What the first generation of task configs has failed with; null where it succeeded, is not needed, or the connector has stopped. */
  readonly started = new Promise<unknown>((resolve) => {
    this.#markStarted = resolve
  })

  constructor(targetState: TargetState, options: WorkerConnectorOptions) {
    this.#targetState = targetState
    this.#options = options
  }

  start(): void {
    this.#reportState()
    this.requestTaskReconfiguration()
    if (this.#targetState !== 'STARTED') this.#markStarted(null)
  }

  transitionTo(targetState: TargetState): void {
    if (targetState === this.#targetState) return
    this.#targetState = targetState
    // As in Kafka Connect, a failed connector can be stopped, and starts again when it is resumed.
    if (targetState === 'STOPPED') this.#failed = false
    if (this.#failed) return
    this.#reportState()
    this.requestTaskReconfiguration()
  }

  #reportState(): void {
    this.#options.onState(this.#targetState === 'STARTED' ? 'RUNNING' : this.#targetState, null)
  }

  /** Generates the task configs again, where the target state is STARTED. */
  requestTaskReconfiguration(): void {
    if (this.#targetState === 'STARTED') void this.#reconfigurations.run(() => this.#reconfigureTasks())
  }

  /** Generates the task configs again after a time, where the connector is one whose tasks depend on its system. */
  #scheduleRefresh(): void {
    const { plugin, config, system } = this.#options
    const name = plugin.kind === 'source' ? plugin.side.tasksRefresh : undefined
    this.#refresh?.cancel()
    this.#refresh = null
    if (name === undefined || this.#failed || this.#stopping.signal.aborted || this.#targetState !== 'STARTED') return
    const delayMs = Number(parseSettings(plugin.settings, config)[name])
    this.#refresh = system.clock.after(delayMs, () => void this.#reconfigurations.run(() => this.#reconfigureTasks(true)))
  }

  /** Never rejects. A refresh that fails leaves the tasks as they are. */
  async #reconfigureTasks(isRefresh = false): Promise<void> {
    if (isRefresh && this.#targetState !== 'STARTED') return
    await this.#generateTasks(isRefresh)
    this.#scheduleRefresh()
  }

  async #generateTasks(isRefresh: boolean): Promise<void> {
    const { name, plugin, config, written, system } = this.#options
    const { signal } = this.#stopping
    let configs: ConnectorConfig[]
    try {
      configs = (await connectorTaskConfigs(plugin, config)).map((generated) => withReferences(generated, written))
    } catch (error) {
      if (isRefresh) {
        system.logger.warn({ err: error, connector: name }, 'the task configs of a connector could not be generated again: its tasks stay')
        return
      }
      this.#failed = true
      if (!signal.aborted) this.#options.onState('FAILED', traceOf(error), error)
      this.#markStarted(error)
      return
    }
    this.#markStarted(null)
    for (let attempt = 0; !signal.aborted && this.#targetState === 'STARTED'; attempt++) {
      const published = this.#options.publishedTaskConfigs()
      const same =
        published && published.length === configs.length && published.every((current, task) => sameConfig(current, configs[task]))
      // What references stand for may have changed: the leader knows what it was before.
      if (same && referringNames(written).length === 0) return
      try {
        // A stop does not wait for it: the leader may write them only after the request that stops the connector.
        await Promise.race([this.#options.publishTaskConfigs(configs), this.#stopped])
        return
      } catch (error) {
        if (signal.aborted) return
        const delayMs = backoffMs(PUBLISH_BACKOFF, attempt, system.random)
        system.logger.warn({ err: error, connector: name, delayMs }, 'the task configs of a connector could not be written; retrying')
        await system.clock.sleep(delayMs, signal)
      }
    }
  }

  /** Stops the connector: it publishes nothing more. True where it stopped within `timeoutMs`. */
  async stop(timeoutMs: number): Promise<boolean> {
    this.#stopping.abort()
    this.#refresh?.cancel()
    this.#markStarted(null)
    return await within(
      this.#options.system.clock,
      timeoutMs,
      this.#reconfigurations.run(async () => {}),
    )
  }

  get signal(): AbortSignal {
    return this.#stopping.signal
  }
}
