/**
 * Kafka Connect's REST semantics on one worker: what the routes call. Requests that only the leader can serve throw NotLeader on other
 * workers; reads are served from this worker's own view. It changes connectors through the config topic only.
 */
import type { Client } from '../../core/client/types.ts'
import type { ConfigTransformer } from '../../core/config-references/config-transformer.ts'
import { redactAll } from '../../core/config-references/redaction.ts'
import type { System } from '../../core/system/index.ts'
import { version } from '../../core/system/version.ts'
import type { ConnectorPlugin, Plugins } from '../plugins.ts'
import type { ConfigBackingStore } from '../storage/config-backing-store.ts'
import type { OffsetBackingStore } from '../storage/offset-backing-store.ts'
import { ReplayedLetters } from '../storage/replayed-letters.ts'
import type { StatusBackingStore } from '../storage/status-backing-store.ts'
import {
  type ConfigInfos,
  type ConfigKeyInfo,
  ConnectError,
  type ConnectorConfig,
  type ConnectorInfo,
  type ConnectorOffset,
  type ConnectorStatus,
  type ConnectorTaskId,
  type DeadLetterList,
  type DeadLetterScan,
  type FailureEntry,
  type Herder,
  type InitialState,
  type InstanceStatus,
  NotLeader,
  type PluginInfo,
  type ReplayReport,
  type ReplayRequest,
  type WorkerHealth,
} from '../types.ts'
import { AppliedConfigs } from './applied-configs.ts'
import { ConfigValidator, type ValidationIsolation } from './config-validator.ts'
import { CONNECTOR_TASK, connectorTaskKey } from './connect-protocol.ts'
import { ConnectorChanges } from './connector-changes.ts'
import type { ConnectorClients } from './connector-clients.ts'
import type { ConnectorFailures } from './connector-failures.ts'
import type { ConnectorOffsetStores } from './connector-offset-stores.ts'
import { ConnectorOffsets, type OffsetsOwner } from './connector-offsets.ts'
import { DeadLetters } from './dead-letters.ts'
import { instanceStatus } from './instance-status.ts'
import type { Instances } from './instances.ts'
import { type Signature, verify } from './internal-requests.ts'
import { OffsetChanges } from './offset-changes.ts'
import { connectorOf } from './plugin-versions.ts'
import { restartPlan } from './restart-plan.ts'
import { WorkerChanges } from './worker-changes.ts'
import type { WorkerMembership } from './worker-membership.ts'
import type { WorkerConfig } from './worker-settings.ts'
import { ZombieFencing } from './zombie-fencing.ts'

export interface HerderOptions {
  /** The worker's own. */
  client: Client
  clients: ConnectorClients
  plugins: Plugins
  properties: Readonly<Record<string, string>>
  config: WorkerConfig
  configs: ConfigBackingStore
  offsets: OffsetBackingStore
  offsetStores: ConnectorOffsetStores
  status: StatusBackingStore
  failures: ConnectorFailures
  membership: WorkerMembership
  instances: Instances
  /** Replaces the references in the configs of connectors. */
  transformer: ConfigTransformer
  /** Validates configs with plugins of plugin.path. */
  isolation: ValidationIsolation
  system: System
}

const writingTasks = (name: string) => `writing task configs for connector ${name} to the config topic`
const modifyingOffsets = (name: string) => `modifying offsets for connector ${name}`

export class WorkerHerder implements Herder {
  readonly #options: HerderOptions
  readonly #connectorOffsets: ConnectorOffsets
  readonly #offsetChanges: OffsetChanges
  readonly #fencing: ZombieFencing
  readonly #deadLetters: DeadLetters
  readonly #validator: ConfigValidator
  readonly #applied: AppliedConfigs
  readonly #changes: WorkerChanges
  readonly #connectorChanges: ConnectorChanges

  constructor(options: HerderOptions) {
    this.#options = options
    this.#changes = new WorkerChanges(options.membership, options.system.clock)
    this.#applied = new AppliedConfigs(options.transformer, options.system.logger)
    const { config, clients, offsetStores, instances, membership, system } = options
    const groupId = config['group.id']
    this.#connectorOffsets = new ConnectorOffsets({ ...options, stores: offsetStores, groupId })
    this.#deadLetters = new DeadLetters(options.clients, new ReplayedLetters(options.offsets), instances.replay.bind(instances), system)
    const { plugins, transformer, isolation } = options
    this.#validator = new ConfigValidator(plugins, config, clients, transformer, isolation, membership.isStandalone, system)
    this.#fencing = new ZombieFencing({
      ...options,
      groupId,
      syncTimeoutMs: config['worker.sync.timeout.ms'],
      resolve: async (name) => (await this.#validator.resolve(this.config(name))).config,
      check: (name) => this.#requireLeadOfSource(name),
    })
    this.#offsetChanges = new OffsetChanges({
      ...options,
      offsets: this.#connectorOffsets,
      fence: offsetStores.exactlyOnce ? (name) => this.#fencing.fence(name) : null,
      check: (name) => {
        this.config(name)
        this.#changes.requireLeader()
      },
      withOwner: (name, work) => this.#withOffsetsOwner(name, work),
    })
    const changes = this.#changes
    const [validator, applied] = [this.#validator, this.#applied]
    this.#connectorChanges = new ConnectorChanges({ ...options, changes, validator, applied })
  }

  async root() {
    return { version, commit: 'tributary', kafka_cluster_id: (await this.#options.client.clusterId) ?? '' }
  }

  health = (): WorkerHealth => this.#changes.health()
  stage = (): string | null => this.#changes.stage

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

  config = (name: string): ConnectorConfig => this.#connectorChanges.config(name)

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
      ...(connector.warnings && connector.warnings.length > 0 ? { warnings: connector.warnings } : {}),
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

  async create(rawName: string, config: ConnectorConfig, initialState: InitialState): Promise<ConnectorInfo> {
    const name = rawName.trim()
    await this.#connectorChanges.create(name, config, initialState)
    return this.info(name)
  }

  async putConfig(name: string, config: ConnectorConfig): Promise<{ created: boolean; info: ConnectorInfo }> {
    const created = await this.#connectorChanges.putConfig(name, config)
    return { created, info: this.info(name) }
  }

  async patchConfig(name: string, patch: Readonly<Record<string, string | null>>): Promise<ConnectorInfo> {
    await this.#connectorChanges.patchConfig(name, patch)
    return this.info(name)
  }

  delete = (name: string): Promise<void> => this.#connectorChanges.delete(name)
  pause = (name: string): Promise<void> => this.#connectorChanges.pause(name)
  resume = (name: string): Promise<void> => this.#connectorChanges.resume(name)
  stop = (name: string): Promise<void> => this.#connectorChanges.stop(name)

  async restart(name: string, options: { includeTasks: boolean; onlyFailed: boolean }): Promise<ConnectorStatus | null> {
    const restarting = await this.#changes.run(`restarting connector ${name}`, async () => {
      this.#connectorChanges.require(name, `Unknown connector: ${name}`)
      if (!options.includeTasks && !options.onlyFailed) {
        await this.#restartInstance(name, CONNECTOR_TASK)
        return null
      }
      this.#changes.requireLeader()
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
    // Other changes do not wait for it: a connector may take long to start.
    if (restarting === null) await this.#options.instances.requireStarted(name)
    return restarting
  }

  restartTask(name: string, task: number): Promise<void> {
    return this.#changes.run(`restarting task ${name}-${task}`, async () => {
      this.#connectorChanges.require(name, `Unknown connector: ${name}`)
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

  verifyInternalRequest(signature: Signature): void {
    const { membership, configs, config } = this.#options
    if (membership.isStandalone)
      throw new ConnectError(500, 'Kafka Connect in standalone mode does not support externally setting task configurations.')
    if (membership.signsInternalRequests) verify(signature, configs.sessionKey, config['inter.worker.verification.algorithms'])
  }

  putTaskConfigs(name: string, configs: readonly ConnectorConfig[], signature: Signature & { body: Buffer }): Promise<void> {
    return this.#changes.run(writingTasks(name), async () => {
      this.verifyInternalRequest(signature)
      this.#changes.requireLeader()
      await this.#connectorChanges.writeTaskConfigs(name, configs)
    })
  }

  /** As putTaskConfigs, for a connector that runs on the leader itself. `signal` aborts when that connector stops. */
  publishTaskConfigs(name: string, configs: readonly ConnectorConfig[], signal: AbortSignal): Promise<void> {
    return this.#changes.run(writingTasks(name), async () => {
      if (signal.aborted) return
      this.#changes.requireLeader()
      await this.#connectorChanges.writeTaskConfigs(name, configs)
    })
  }

  setClusterLoggerLevel = (namespace: string, level: string): Promise<void> => this.#options.configs.putLoggerLevel(namespace, level)

  /** It waits for no other change: a task that starts must not wait for requests of users. */
  async fenceZombies(name: string, signature: Signature & { body: Buffer }): Promise<void> {
    await this.#changes.awaitJoined()
    this.verifyInternalRequest(signature)
    await this.fenceOlderTasks(name)
  }

  /** As fenceZombies, for a task that runs on the leader itself. */
  async fenceOlderTasks(name: string): Promise<void> {
    this.#requireLeadOfSource(name)
    await this.#fencing.fence(name)
  }

  #requireLeadOfSource(name: string): void {
    this.#changes.requireLeader()
    if (this.#typeOf(this.config(name)) !== 'source') throw new ConnectError(400, `Connector ${name} is not a source connector`)
  }

  topics(name: string): string[] {
    if (!this.#options.config['topic.tracking.enable']) throw new ConnectError(403, 'Topic tracking is disabled.')
    return this.#options.configs.contains(name) ? this.#options.status.topics(name) : []
  }

  resetTopics(name: string): void {
    if (!this.#options.config['topic.tracking.enable']) throw new ConnectError(403, 'Topic tracking is disabled.')
    if (!this.#options.config['topic.tracking.allow.reset']) throw new ConnectError(403, 'Topic tracking reset is disabled.')
    void this.#connectorChanges.removeTopics(name)
  }

  /** Hands `work` the connector with its references replaced; what it throws has none of the secrets. */
  async #withOffsetsOwner<T>(name: string, work: (owner: OffsetsOwner) => Promise<T>): Promise<T> {
    const { config, redact } = await this.#validator.resolve(this.config(name))
    try {
      const plugin: ConnectorPlugin = connectorOf(this.#options.plugins, config)
      return await work({ name, config, plugin })
    } catch (error) {
      throw redactAll(error, redact)
    }
  }

  async offsets(name: string): Promise<ConnectorOffset[]> {
    return await this.#withOffsetsOwner(name, (owner) => this.#connectorOffsets.list(owner))
  }

  alterOffsets = (name: string, offsets: readonly ConnectorOffset[]) =>
    this.#changes.run(modifyingOffsets(name), () => this.#offsetChanges.alter(name, offsets))
  resetOffsets = (name: string) => this.#changes.run(modifyingOffsets(name), () => this.#offsetChanges.reset(name))

  async failures(name: string): Promise<FailureEntry[]> {
    this.config(name)
    return await this.#options.failures.list(name)
  }

  async deadLetters(name: string, scan: DeadLetterScan): Promise<DeadLetterList> {
    return await this.#withOffsetsOwner(name, (owner) => this.#deadLetters.list(owner, scan))
  }

  /** The worker of the connector's first task replays, so that all replays of a connector run one after another. */
  async replayDeadLetters(name: string, request: ReplayRequest): Promise<ReplayReport> {
    this.#connectorChanges.require(name)
    await this.#changes.awaitJoined()
    const { membership, configs } = this.#options
    if (configs.taskConfigs(name).length === 0)
      throw new ConnectError(409, `Connector ${name} has no tasks: start or resume it, and replay again.`)
    const key = connectorTaskKey(name, 0)
    if (!membership.assigned.has(key)) throw new NotLeader(membership.isLeader ? membership.ownerUrl(key) : membership.leaderUrl)
    return await this.#withOffsetsOwner(name, (owner) => this.#deadLetters.replay(owner, 0, request))
  }

  plugins = (connectorsOnly: boolean): PluginInfo[] => this.#options.plugins.list(connectorsOnly)
  pluginConfig = (name: string, version?: string): ConfigKeyInfo[] => this.#validator.pluginConfig(name, version)
  validate = async (plugin: string, config: ConnectorConfig): Promise<ConfigInfos> => this.#validator.validateFor(plugin, config)
}
