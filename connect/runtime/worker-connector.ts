/**
 * A connector itself, without its tasks: it generates the task configs from the connector's config, and makes the leader write them when
 * they have changed.
 */
import { backoffMs } from '../../core/system/backoff.ts'
import type { System } from '../../core/system/index.ts'
import { SerialQueue } from '../../core/system/serial-queue.ts'
import { within } from '../../core/system/within.ts'
import type { ConnectorPlugin } from '../plugins.ts'
import { parseSettings } from '../sdk/index.ts'
import { sameConfig, type TargetState } from '../storage/config-backing-store.ts'
import type { ConnectorConfig } from '../types.ts'
import { traceOf } from './worker-task.ts'

export interface WorkerConnectorOptions {
  name: string
  config: ConnectorConfig
  plugin: ConnectorPlugin
  system: System
  /** The task configs in the config topic; null while they are inconsistent. */
  publishedTaskConfigs(): readonly ConnectorConfig[] | null
  /** Makes the leader write them; throws if that fails. */
  publishTaskConfigs(configs: readonly ConnectorConfig[]): Promise<void>
  onState(state: 'RUNNING' | 'PAUSED' | 'STOPPED' | 'FAILED', trace: string | null): void
}

const PUBLISH_BACKOFF = { baseMs: 250, maxMs: 60_000 }

/** The configs of the tasks that a connector generates, each with the connector's whole config in it. */
async function connectorTaskConfigs(plugin: ConnectorPlugin, config: ConnectorConfig): Promise<ConnectorConfig[]> {
  const maxTasks = Number(config['tasks.max'] ?? 1)
  const parsed = parseSettings(plugin.settings, config)
  const generated =
    (await plugin.side.tasks?.(parsed, maxTasks)) ??
    // The tasks of a sink share its partitions. A source is one task unless it generates more.
    Array.from({ length: plugin.kind === 'sink' ? maxTasks : 1 }, () => ({}))
  if (generated.length > maxTasks && config['tasks.max.enforce']?.trim().toLowerCase() !== 'false')
    throw new Error(
      `The connector ${config.name} has generated ${generated.length} tasks, which is greater than ${maxTasks}, the maximum number of tasks it is ` +
        'configured to create. If this behavior should be allowed, set tasks.max.enforce to false in the connector configuration.',
    )
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

  constructor(targetState: TargetState, options: WorkerConnectorOptions) {
    this.#targetState = targetState
    this.#options = options
  }

  start(): void {
    this.#reportState()
    this.requestTaskReconfiguration()
  }

  transitionTo(targetState: TargetState): void {
    if (targetState === this.#targetState) return
    this.#targetState = targetState
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

  /** Never rejects. */
  async #reconfigureTasks(): Promise<void> {
    const { name, plugin, config, system } = this.#options
    const { signal } = this.#stopping
    let configs: ConnectorConfig[]
    try {
      configs = await connectorTaskConfigs(plugin, config)
    } catch (error) {
      this.#failed = true
      if (!signal.aborted) this.#options.onState('FAILED', traceOf(error))
      return
    }
    for (let attempt = 0; !signal.aborted && this.#targetState === 'STARTED'; attempt++) {
      const published = this.#options.publishedTaskConfigs()
      if (published && published.length === configs.length && published.every((current, task) => sameConfig(current, configs[task]))) return
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
