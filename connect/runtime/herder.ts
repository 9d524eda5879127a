/**
 * Kafka Connect's REST semantics on one worker: what the routes call. Requests that only the leader can serve throw NotLeader on other
 * workers; reads are served from this worker's own view. It changes connectors through the config topic only.
 */
import type { Client } from '../../core/client/types.ts'
import type { System } from '../../core/system/index.ts'
import { SerialQueue } from '../../core/system/serial-queue.ts'
import { version } from '../../core/system/version.ts'
import { within } from '../../core/system/within.ts'
import type { ConnectorPlugin, Plugins } from '../plugins.ts'
import { type ConfigBackingStore, sameConfig } from '../storage/config-backing-store.ts'
import type { OffsetBackingStore } from '../storage/offset-backing-store.ts'
import type { Status, StatusBackingStore } from '../storage/status-backing-store.ts'
import {
  type ConfigInfos,
  type ConfigKeyInfo,
  ConnectError,
  type ConnectorConfig,
  type ConnectorInfo,
  type ConnectorOffset,
  type ConnectorStatus,
  type ConnectorTaskId,
  type Herder,
  type InitialState,
  type InstanceStatus,
  NotLeader,
  type PluginInfo,
} from '../types.ts'
import { ConfigValidator } from './config-validator.ts'
import { CONNECTOR_TASK, connectorTaskKey } from './connect-protocol.ts'
import type { ConnectorClients } from './connector-clients.ts'
import { ConnectorOffsets, type OffsetsOwner } from './connector-offsets.ts'
import type { Instances } from './instances.ts'
import { type Signature, verify } from './internal-requests.ts'
import { restartPlan } from './restart-plan.ts'
import type { WorkerMembership } from './worker-membership.ts'
import type { WorkerConfig } from './worker-settings.ts'

export interface HerderOptions {
  /** The worker's own. */
  client: Client
  clients: ConnectorClients
  plugins: Plugins
  config: WorkerConfig
  configs: ConfigBackingStore
  offsets: OffsetBackingStore
  status: StatusBackingStore
  membership: WorkerMembership
  instances: Instances
  system: System
}

/** How long the status of a stopped task takes at most to reach this worker. */
const STATUS_DELAY_MS = 2_000

const initialTargetStates = { RUNNING: undefined, PAUSED: 'PAUSED', STOPPED: 'STOPPED' } as const

export class WorkerHerder implements Herder {
  readonly #options: HerderOptions
  readonly #connectorOffsets: ConnectorOffsets
  readonly #validator: ConfigValidator
  #joined = false
  #failure: Error | null = null
  /** Changes run one after another: each reads what the one before it has written. */
  readonly #changes = new SerialQueue()

  constructor(options: HerderOptions) {
    this.#options = options
    this.#connectorOffsets = new ConnectorOffsets(options.clients, options.offsets)
    this.#validator = new ConfigValidator(options.plugins, options.config, options.clients)
    void options.membership.joined.then(() => {
      this.#joined = true
    })
    options.membership.failed.catch((error: Error) => {
      this.#failure = error
    })
  }

  async root() {
    return { version, commit: 'tributary', kafka_cluster_id: (await this.#options.client.clusterId) ?? '' }
  }

  health(): ReturnType<Herder['health']> {
    if (this.#failure) return { status: 'unhealthy', message: this.#failure.message }
    if (this.#joined) return { status: 'healthy', message: 'Worker has completed startup and is ready to handle requests.' }
    return { status: 'starting', message: 'Worker is still starting up.' }
  }

  connectors = (): string[] => [...this.#options.configs.connectors]

  info(name: string): ConnectorInfo {
    const config = this.config(name)
    return {
      name,
      config,
      tasks: this.#options.configs.taskConfigs(name).map((_, task) => ({ connector: name, task })),
      type: this.#typeOf(config),
    }
  }

  #typeOf(config: ConnectorConfig | undefined): ConnectorInfo['type'] {
    return this.#options.plugins.findConnector(config?.['connector.class'] ?? '')?.type ?? 'unknown'
  }

  config(name: string): ConnectorConfig {
    const config = this.#options.configs.connectorConfig(name)
    if (!config) throw new ConnectError(404, `Connector ${name} not found`)
    return config
  }

  /** A deleted connector has no status, though its tasks may still stop. */
  status(name: string): ConnectorStatus {
    const { configs, status } = this.#options
    const config = configs.connectorConfig(name)
    const connector = status.connector(name)
    if (!config || !connector) throw new ConnectError(404, `No status found for connector ${name}`)
    const tasks = [...status.tasks(name)].sort(([a], [b]) => a - b)
    return {
      name,
      connector: instanceStatus(connector),
      tasks: tasks.map(([id, task]) => ({ id, ...instanceStatus(task) })),
      type: this.#typeOf(config),
    }
  }

  tasks(name: string): { id: ConnectorTaskId; config: ConnectorConfig }[] {
    this.config(name)
    return this.#options.configs.taskConfigs(name).map((config, task) => ({ id: { connector: name, task }, config }))
  }

  taskStatus(name: string, task: number): InstanceStatus & { id: number } {
    const { configs, status } = this.#options
    const taskStatus = status.task(name, task)
    if (!taskStatus || !configs.contains(name)) throw new ConnectError(404, `No status found for task ${name}-${task}`)
    return { id: task, ...instanceStatus(taskStatus) }
  }

  /** Runs a change once the worker has joined its group and the changes before it are done. */
  async #change<T>(work: () => Promise<T>): Promise<T> {
    return await this.#changes.run(async () => {
      await this.#awaitJoined()
      return await work()
    })
  }

  async #awaitJoined(): Promise<void> {
    const { joined, failed } = this.#options.membership
    // The failure is thrown right below.
    if (!this.#joined && !this.#failure) await Promise.race([joined, failed]).catch(() => {})
    if (this.#failure) throw new ConnectError(500, this.#failure.message, { cause: this.#failure })
  }

  #requireLeader(): void {
    if (!this.#options.membership.isLeader) throw new NotLeader(this.#options.membership.leaderUrl)
  }

  create(rawName: string, config: ConnectorConfig, initialState: InitialState): Promise<ConnectorInfo> {
    const name = rawName.trim()
    return this.#change(async () => {
      this.#requireLeader()
      const valid = this.#validator.requireValid(name, config)
      if (this.#options.configs.contains(name)) throw new ConnectError(409, `Connector ${name} already exists`)
      await this.#options.configs.putConnectorConfig(name, valid, initialTargetStates[initialState])
      return this.info(name)
    })
  }

  putConfig(name: string, config: ConnectorConfig): Promise<{ created: boolean; info: ConnectorInfo }> {
    return this.#change(async () => {
      this.#requireLeader()
      const valid = this.#validator.requireValid(name, config)
      const created = !this.#options.configs.contains(name)
      await this.#options.configs.putConnectorConfig(name, valid)
      return { created, info: this.info(name) }
    })
  }

  patchConfig(name: string, patch: Readonly<Record<string, string | null>>): Promise<ConnectorInfo> {
    return this.#change(async () => {
      this.#requireLeader()
      const before = this.config(name)
      const patched = Object.entries({ ...before, ...patch }).filter((entry): entry is [string, string] => entry[1] !== null)
      await this.#options.configs.putConnectorConfig(name, this.#validator.requireValid(name, Object.fromEntries(patched)))
      return this.info(name)
    })
  }

  delete(name: string): Promise<void> {
    return this.#change(async () => {
      this.#requireLeader()
      this.config(name)
      await this.#options.configs.removeConnectorConfig(name)
      // A connector that is created under this name later must not show them.
      await this.#removeTopics(name)
    })
  }

  #requireConnector(name: string, message = `Unknown connector ${name}`): void {
    if (!this.#options.configs.contains(name)) throw new ConnectError(404, message)
  }

  pause(name: string): Promise<void> {
    return this.#change(async () => {
      this.#requireConnector(name)
      await this.#options.configs.putTargetState(name, 'PAUSED')
    })
  }

  resume(name: string): Promise<void> {
    return this.#change(async () => {
      this.#requireConnector(name)
      await this.#options.configs.putTargetState(name, 'STARTED')
    })
  }

  stop(name: string): Promise<void> {
    return this.#change(async () => {
      this.#requireConnector(name)
      this.#requireLeader()
      const { configs } = this.#options
      // The target state goes first, so that the connector does not generate its tasks again; a worker that reads only one of the two stops
      // too.
      await configs.putTargetState(name, 'STOPPED')
      if (configs.taskConfigs(name).length > 0) await configs.putTaskConfigs(name, [])
    })
  }

  restart(name: string, options: { includeTasks: boolean; onlyFailed: boolean }): Promise<ConnectorStatus | null> {
    return this.#change(async () => {
      this.#requireConnector(name, `Unknown connector: ${name}`)
      if (!options.includeTasks && !options.onlyFailed) {
        await this.#restartInstance(name, CONNECTOR_TASK)
        return null
      }
      this.#requireLeader()
      const { configs, status, instances } = this.#options
      // As in Kafka Connect, a restart in progress ends first: what it restarts is not RESTARTING because of this request.
      await instances.settled(name)
      await status.refresh()
      const before = this.status(name)
      const plan = restartPlan({ connector: name, ...options }, status)
      await configs.putRestartRequest({ connector: name, ...options })
      const planned = <S extends InstanceStatus>(current: S, task: number): S =>
        plan.some((id) => id.task === task) ? { ...current, state: 'RESTARTING' } : current
      return {
        ...before,
        connector: planned(before.connector, CONNECTOR_TASK),
        tasks: before.tasks.map((task) => planned(task, task.id)),
      }
    })
  }

  restartTask(name: string, task: number): Promise<void> {
    return this.#change(async () => {
      this.#requireConnector(name, `Unknown connector: ${name}`)
      if (!this.#options.configs.taskConfigs(name)[task]) throw new ConnectError(404, `Unknown task: ${name}-${task}`)
      await this.#restartInstance(name, task)
    })
  }

  /** Only the worker that runs a connector or task can restart it; the others forward the request. */
  async #restartInstance(connector: string, task: number): Promise<void> {
    const { membership, instances } = this.#options
    const key = connectorTaskKey(connector, task)
    if (membership.assigned.has(key)) await instances.restart([{ connector, task }])
    else throw new NotLeader(membership.isLeader ? membership.ownerUrl(key) : membership.leaderUrl)
  }

  putTaskConfigs(name: string, configs: readonly ConnectorConfig[], signature: Signature): Promise<void> {
    return this.#change(async () => {
      const { membership, configs: store, config } = this.#options
      if (membership.signsInternalRequests) verify(signature, store.sessionKey, config['inter.worker.verification.algorithms'])
      this.#requireLeader()
      await this.#writeTaskConfigs(name, configs)
    })
  }

  /** As putTaskConfigs, for a connector that runs on the leader itself. `signal` aborts when that connector stops. */
  publishTaskConfigs(name: string, configs: readonly ConnectorConfig[], signal: AbortSignal): Promise<void> {
    return this.#change(async () => {
      if (signal.aborted) return
      this.#requireLeader()
      await this.#writeTaskConfigs(name, configs)
    })
  }

  async #writeTaskConfigs(name: string, tasks: readonly ConnectorConfig[]): Promise<void> {
    const { configs } = this.#options
    if (!configs.contains(name)) throw new ConnectError(404, `Connector ${name} not found`)
    if (configs.targetState(name) === 'STOPPED') return
    const before = configs.taskConfigs(name)
    const same =
      !configs.isInconsistent(name) && before.length === tasks.length && before.every((config, task) => sameConfig(config, tasks[task]))
    if (!same) await configs.putTaskConfigs(name, tasks)
  }

  topics(name: string): string[] {
    if (!this.#options.config['topic.tracking.enable']) throw new ConnectError(403, 'Topic tracking is disabled.')
    return this.#options.configs.contains(name) ? this.#options.status.topics(name) : []
  }

  resetTopics(name: string): void {
    if (!this.#options.config['topic.tracking.enable']) throw new ConnectError(403, 'Topic tracking is disabled.')
    if (!this.#options.config['topic.tracking.allow.reset']) throw new ConnectError(403, 'Topic tracking reset is disabled.')
    void this.#removeTopics(name)
  }

  /** Never rejects. */
  async #removeTopics(name: string): Promise<void> {
    try {
      await this.#options.status.removeTopics(name)
    } catch (error) {
      this.#options.system.logger.warn({ err: error, connector: name }, 'the active topics of a connector could not be removed')
    }
  }

  #offsetsOwner(name: string): OffsetsOwner {
    const config = this.config(name)
    const plugin: ConnectorPlugin = this.#options.plugins.connector(config['connector.class'] ?? '')
    return { name, config, plugin }
  }

  async offsets(name: string): Promise<ConnectorOffset[]> {
    return await this.#connectorOffsets.list(this.#offsetsOwner(name))
  }

  /** The owner of offsets that may be modified: a connector in the STOPPED state whose tasks have stopped. */
  async #stoppedOwner(name: string): Promise<OffsetsOwner> {
    const owner = this.#offsetsOwner(name)
    this.#requireLeader()
    const { configs, status, system, config } = this.#options
    if (configs.targetState(name) !== 'STOPPED' || configs.taskConfigs(name).length > 0)
      throw new ConnectError(
        400,
        'Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified connector by issuing ' +
          `a 'PUT' request to the '/connectors/${name}/stop' endpoint`,
      )
    // A task stores its last position when it stops, and what the user sets comes after it. A task that is cancelled stores nothing.
    const timeout = new AbortController()
    const timeoutMs = config['task.shutdown.graceful.timeout.ms'] + STATUS_DELAY_MS
    await within(system.clock, timeoutMs, status.tasksStopped(name, timeout.signal))
    timeout.abort()
    return owner
  }

  alterOffsets(name: string, offsets: readonly ConnectorOffset[]): Promise<{ message: string }> {
    return this.#change(async () => {
      if (offsets.length === 0) throw new ConnectError(400, 'Partitions / offsets need to be provided for an alter offsets request')
      await this.#connectorOffsets.alter(await this.#stoppedOwner(name), offsets)
      return { message: 'The offsets for this connector have been altered successfully' }
    })
  }

  resetOffsets(name: string): Promise<{ message: string }> {
    return this.#change(async () => {
      await this.#connectorOffsets.reset(await this.#stoppedOwner(name))
      return { message: 'The offsets for this connector have been reset successfully' }
    })
  }

  plugins = (connectorsOnly: boolean): PluginInfo[] => this.#options.plugins.list(connectorsOnly)
  pluginConfig = (name: string): ConfigKeyInfo[] => this.#validator.pluginConfig(name)
  validate = async (plugin: string, config: ConnectorConfig): Promise<ConfigInfos> => this.#validator.validateFor(plugin, config)
}

function instanceStatus(status: Status): InstanceStatus {
  return {
    state: status.state as InstanceStatus['state'],
    worker_id: status.workerId,
    ...(status.trace ? { trace: status.trace } : {}),
    ...(status.version ? { version: status.version } : {}),
  }
}
