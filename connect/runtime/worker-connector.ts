/**
 * A connector itself, beside its tasks: it works out the tasks' configs from its own and has the leader publish them when they are new.
 */
import type { System } from '../../core/system/index.ts'
import type { ConnectorPlugin } from '../plugins.ts'
import { parseSettings } from '../sdk/index.ts'
import { sameConfig, type TargetState } from '../storage/config-backing-store.ts'
import type { ConnectorConfig } from '../types.ts'
import { traceOf } from './worker-task.ts'

export interface ConnectorRunnerParts {
  name: string
  config: ConnectorConfig
  plugin: ConnectorPlugin
  system: System
  /** The task configs that are published; null where they are not whole. */
  published(): readonly ConnectorConfig[] | null
  /** Has the leader write them; throws where that cannot be now. */
  publish(configs: readonly ConnectorConfig[]): Promise<void>
  report(state: 'RUNNING' | 'PAUSED' | 'STOPPED' | 'FAILED', trace: string | null): void
}

const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 60_000

/** The tasks that a connector wants, each with the connector's whole config. */
export async function taskConfigs(plugin: ConnectorPlugin, config: ConnectorConfig): Promise<ConnectorConfig[]> {
  const most = Number(config['tasks.max'] ?? 1)
  const parsed = parseSettings(plugin.settings, config)
  const asked =
    (await plugin.side.tasks?.(parsed, most)) ?? // a sink's tasks share its partitions; a source is one unless it says how it is parted
    Array.from({ length: plugin.kind === 'sink' ? most : 1 }, () => ({}))
  if (asked.length > most && config['tasks.max.enforce']?.trim().toLowerCase() !== 'false')
    throw new Error(
      `The connector ${config.name} has generated ${asked.length} tasks, which is greater than ${most}, the maximum number of tasks it is ` +
        'configured to create. If this behavior should be allowed, set tasks.max.enforce to false in the connector configuration.',
    )
  // Kafka Connect's workers read the task's class from its config
  const taskClass = plugin.class.replace(/Connector$/, 'Task')
  return asked.map((own) => ({ ...config, ...own, 'task.class': taskClass }))
}

export class ConnectorRunner {
  readonly #parts: ConnectorRunnerParts
  readonly #stopping = new AbortController()
  #target: TargetState
  #publishing: Promise<void> = Promise.resolve()
  #failed = false

  constructor(target: TargetState, parts: ConnectorRunnerParts) {
    this.#target = target
    this.#parts = parts
  }

  start(): void {
    this.#tell()
    this.reconfigure()
  }

  retarget(target: TargetState): void {
    if (target === this.#target) return
    this.#target = target
    if (this.#failed) return
    this.#tell()
    this.reconfigure()
  }

  #tell(): void {
    this.#parts.report(this.#target === 'STARTED' ? 'RUNNING' : this.#target, null)
  }

  /** Works the tasks out (anew), where the connector is to run. */
  reconfigure(): void {
    if (this.#target !== 'STARTED') return
    this.#publishing = this.#publishing.then(() => this.#publishTasks())
  }

  async #publishTasks(): Promise<void> {
    const { name, plugin, config, system } = this.#parts
    const { signal } = this.#stopping
    let configs: ConnectorConfig[]
    try {
      configs = await taskConfigs(plugin, config)
    } catch (error) {
      this.#failed = true
      if (!signal.aborted) this.#parts.report('FAILED', traceOf(error))
      return
    }
    for (let delay = FIRST_RETRY_MS; !signal.aborted && this.#target === 'STARTED'; delay = Math.min(delay * 2, LAST_RETRY_MS)) {
      const known = this.#parts.published()
      if (known && known.length === configs.length && known.every((one, task) => sameConfig(one, configs[task]))) return
      try {
        await this.#parts.publish(configs)
        return
      } catch (error) {
        if (signal.aborted) return
        system.logger.warn({ err: error, connector: name, delay }, 'the connector’s tasks could not be published; trying again')
        await system.clock.sleep(delay, signal)
      }
    }
  }

  /** Ends it; after `graceMs` it is given up on and publishes nothing more. True where it ended by itself. */
  async stop(graceMs: number): Promise<boolean> {
    this.#stopping.abort()
    const waiting = new AbortController()
    const ended = await Promise.race([
      this.#publishing.then(() => true),
      this.#parts.system.clock.sleep(graceMs, waiting.signal).then(() => false),
    ])
    waiting.abort()
    return ended
  }

  get signal(): AbortSignal {
    return this.#stopping.signal
  }
}
