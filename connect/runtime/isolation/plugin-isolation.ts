/**
 * What of plugin.path runs where: code of its plugins runs in threads only. A task is in a thread of its own; a validation, and a function
 * of a connector that is not a task, is in a thread for that call. None of them can stop the worker, or take more than its time and memory.
 */
import { availableParallelism } from 'node:os'
import type { SystemProperties } from '../../../core/security/sasl/types.ts'
import { aborted } from '../../../core/system/condition.ts'
import type { System } from '../../../core/system/index.ts'
import { Semaphore } from '../../../core/system/semaphore.ts'
import { within } from '../../../core/system/within.ts'
import type { PluginOrigin } from '../../plugins/origins.ts'
import type { PluginDescription, RemoteCall } from '../../plugins/plugin-description.ts'
import type { ConnectorPlugin, Plugins } from '../../plugins.ts'
import { namesIn } from '../../sdk/index.ts'
import { type ConfigInfos, ConnectError, type ConnectorConfig } from '../../types.ts'
import type { DefaultConverters } from '../connector-settings.ts'
import type { TaskIdentity, TaskIsolation, TaskServices } from '../task-builder.ts'
import type { RunnableTask, TaskControl } from '../task-control.ts'
import { isolationConfig } from './isolation-settings.ts'
import { PluginThread, ThreadFailed } from './plugin-thread.ts'
import { startTaskThread } from './task-thread.ts'
import type { PluginModule, ThreadPlugins, ThreadPurpose, ValidateCall } from './thread-messages.ts'

/** Importing a plugin, and computing without a pause in a call. */
const UNRESPONSIVE_MS = 10_000
/** A call may wait for its system so long, as a request of Kafka Connect's REST API. */
const CALL_MS = 90_000
const IMPORT_MS = 30_000
/** Nobody waits longer for the answer of a system; the thread has to start before. */
const SYSTEM_CALL_MS = 15_000
/** Calls and scans at a time; further ones wait (Invariant 13). */
const MAX_CALLS = 4
/**
 * Threads of tasks that load their code at a time; further ones wait. A hundred at once would leave no processor for the worker itself: its
 * group would remove it, and the tasks would start again and again.
 */
const MAX_STARTS = Math.max(2, availableParallelism())

const NOTHING: RunnableTask = { async run() {} }

export interface PluginIsolationOptions {
  readonly plugins: Plugins
  /** The worker's converters. */
  readonly defaults: DefaultConverters
  readonly properties: Readonly<Record<string, string>>
  readonly systemProperties: SystemProperties
  readonly workerId: string
  readonly system: System
}

export class PluginIsolation implements TaskIsolation {
  readonly #options: PluginIsolationOptions
  readonly #calls = new Semaphore(MAX_CALLS)
  readonly #starts = new Semaphore(MAX_STARTS)

  constructor(options: PluginIsolationOptions) {
    this.#options = options
  }

  /** Where the plugins come from that a config names: all versions of each. */
  #originsFor(config: ConnectorConfig): PluginOrigin[] {
    const { plugins, defaults } = this.#options
    const converters = (['key.converter', 'value.converter', 'header.converter'] as const).map((name) => config[name] ?? defaults[name])
    const stages = (['transforms', 'predicates'] as const).flatMap((kind) =>
      namesIn(config[kind]).map((alias) => config[`${kind}.${alias}.type`] ?? ''),
    )
    return [config['connector.class'] ?? '', ...converters, ...stages].flatMap((name) => (name === null ? [] : plugins.originsOf(name)))
  }

  #threadPlugins(origins: readonly PluginOrigin[]): ThreadPlugins {
    const modules = new Map(origins.flatMap((origin) => (origin.module === null ? [] : [[origin.module, origin as PluginModule] as const])))
    return { descriptions: this.#options.plugins.describe(), modules: [...modules.values()] }
  }

  /** Whether a config names a plugin of plugin.path. */
  concerns(config: ConnectorConfig): boolean {
    return this.#originsFor(config).some(({ location }) => location !== null)
  }

  isIsolated(plugin: ConnectorPlugin, config: ConnectorConfig): boolean {
    // A mirror has no converters and no transforms, and is in the program itself.
    if (plugin.kind === 'flow' && plugin.origin.location === null) return false
    if (this.concerns(config)) return true
    return plugin.origin.module !== null && isolationConfig(this.#options.properties, config)['task.isolation'] === 'thread'
  }

  async buildTask(
    plugin: ConnectorPlugin,
    { connector, task, generation }: TaskIdentity,
    config: ConnectorConfig,
    control: TaskControl,
    services: TaskServices,
  ): Promise<RunnableTask> {
    const { properties, systemProperties, workerId } = this.#options
    if (plugin.origin.module === null)
      throw new Error(`${plugin.class} is in the program that started the worker, and cannot run with plugins of plugin.path`)
    const request = {
      connector,
      task,
      generation,
      isStandalone: services.offsetStores.isStandalone,
      connectorClass: plugin.class,
      connectorVersion: plugin.version,
      config,
      properties,
      systemProperties,
      workerId,
      paused: control.paused,
      secrets: services.secrets,
      logsDebug: services.system.logger.isLevelEnabled?.('debug') ?? true,
    }
    const limits = isolationConfig(properties, config)
    const threadPlugins = this.#threadPlugins(this.#originsFor(config))
    let begun = false
    const started = this.#starts.run(async () => {
      begun = true
      return control.stopping ? NOTHING : await startTaskThread(request, threadPlugins, limits, control, services)
    })
    // A task that is stopped while it waits for its turn has no thread to end.
    await Promise.race([started, aborted(control.signal)])
    return begun ? await started : NOTHING
  }

  /** Throws ConnectError 500 where the validation does not end. */
  async validate(call: ValidateCall): Promise<ConfigInfos> {
    const what = `the validation of connector ${call.config.name ?? ''}`.trimEnd()
    try {
      return (await this.#run({ purpose: 'validate', call, ...this.#threadPlugins(this.#originsFor(call.config)) }, what)) as ConfigInfos
    } catch (error) {
      if (error instanceof ThreadFailed) throw new ConnectError(500, error.message, { cause: error })
      throw error
    }
  }

  /** A function of a connector that plugin.path has. */
  call = async (call: RemoteCall, origin: PluginOrigin): Promise<unknown> =>
    await this.#run(
      { purpose: 'call', call, ...this.#threadPlugins([origin]) },
      `${call.name} of ${call.class}`,
      call.name === 'checkSystem' || call.name === 'observe' ? SYSTEM_CALL_MS : CALL_MS,
    )

  /** The plugins of a module of plugin.path. */
  async scan(module: PluginModule): Promise<readonly PluginDescription[]> {
    return (await this.#run({ purpose: 'scan', module }, 'the import', IMPORT_MS)) as readonly PluginDescription[]
  }

  async #run(purpose: ThreadPurpose, what: string, timeoutMs = CALL_MS): Promise<unknown> {
    const { system, properties } = this.#options
    const maxHeapMb = isolationConfig(properties, {})['task.heap.max.mb']
    return await this.#calls.run(async () => {
      const thread = new PluginThread(purpose, { system, what, unresponsiveMs: UNRESPONSIVE_MS, maxHeapMb })
      try {
        // Where its thread computes without a pause, that is known before and said with the place.
        if (await within(system.clock, timeoutMs, thread.result)) return await thread.result
        throw new ThreadFailed(`${what} has not ended within ${timeoutMs / 1000} s`)
      } finally {
        await thread.end()
      }
    })
  }
}
