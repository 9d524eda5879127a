/**
 * Kafka Connect's REST semantics on one worker: what the routes call. What only the leader does throws NotLeader elsewhere; what reads is
 * answered from this worker's own view. It changes things through the config topic alone.
 */
import type { Client } from '../../core/client/types.ts'
import type { System } from '../../core/system/index.ts'
import { version } from '../../core/system/version.ts'
import type { ConnectorPlugin, Plugins } from '../plugins.ts'
import { type ConfigStore, sameConfig } from '../storage/config-backing-store.ts'
import type { OffsetStore } from '../storage/offset-backing-store.ts'
import type { Status, StatusStore } from '../storage/status-backing-store.ts'
import {
  type ConfigInfos,
  type ConfigKeyInfo,
  ConnectError,
  type ConnectorConfig,
  type ConnectorInfo,
  type ConnectorOffset,
  type ConnectorStatus,
  type Herder,
  type InitialState,
  type InstanceStatus,
  NotLeader,
  type PluginInfo,
  type TaskId,
} from '../types.ts'
import { CONNECTOR, unitKey } from './connect-protocol.ts'
import { OffsetCommands, type OffsetTarget } from './connector-offsets.ts'
import type { Instances } from './instances.ts'
import { type Signature, verify } from './internal-requests.ts'
import { restartPlan } from './restart-plan.ts'
import { keyInfo, refuseInvalid, settingsOf, validate } from './validation.ts'
import type { WorkerMembership } from './worker-group-member.ts'
import { defaultConverters, type WorkerConfig } from './worker-settings.ts'

export interface HerderOptions {
  client: Client
  plugins: Plugins
  config: WorkerConfig
  configs: ConfigStore
  offsets: OffsetStore
  status: StatusStore
  membership: WorkerMembership
  instances: Instances
  system: System
}

/** What a task that has not ended says of itself. */
const LIVE: readonly Status['state'][] = ['RUNNING', 'PAUSED', 'RESTARTING']
/** How long it takes at the most until everybody knows that a task has ended… */
const ENDING_MS = 2_000
/** …and how often that is looked at. */
const ENDED_POLL_MS = 20

const targets = { RUNNING: undefined, PAUSED: 'PAUSED', STOPPED: 'STOPPED' } as const

export class WorkerHerder implements Herder {
  readonly #parts: HerderOptions
  readonly #offsetCommands: OffsetCommands
  #ready = false
  #failure: Error | null = null
  /** Changes go one after the other: each sees what the one before it wrote. */
  #changing: Promise<unknown> = Promise.resolve()

  constructor(parts: HerderOptions) {
    this.#parts = parts
    this.#offsetCommands = new OffsetCommands(parts.client, parts.offsets)
    void parts.membership.joined.then(() => {
      this.#ready = true
    })
    parts.membership.failed.catch((error: Error) => {
      this.#failure = error
    })
  }

  async root() {
    return { version, commit: 'tributary', kafka_cluster_id: (await this.#parts.client.clusterId) ?? '' }
  }

  health(): ReturnType<Herder['health']> {
    if (this.#failure) return { status: 'unhealthy', message: this.#failure.message }
    if (this.#ready) return { status: 'healthy', message: 'Worker has completed startup and is ready to handle requests.' }
    return { status: 'starting', message: 'Worker is still starting up.' }
  }

  connectors = (): string[] => [...this.#parts.configs.connectors]

  info(name: string): ConnectorInfo {
    const config = this.config(name)
    return {
      name,
      config,
      tasks: this.#parts.configs.tasks(name).map((_, task) => ({ connector: name, task })),
      type: this.#typeOf(config),
    }
  }

  #typeOf(config: ConnectorConfig | undefined): ConnectorInfo['type'] {
    return this.#parts.plugins.findConnector(config?.['connector.class'] ?? '')?.type ?? 'unknown'
  }

  config(name: string): ConnectorConfig {
    const config = this.#parts.configs.config(name)
    if (!config) throw new ConnectError(404, `Connector ${name} not found`)
    return config
  }

  status(name: string): ConnectorStatus {
    const { configs, status } = this.#parts
    const connector = status.connector(name)
    if (!connector) throw new ConnectError(404, `No status found for connector ${name}`)
    const tasks = [...status.tasks(name)].sort(([a], [b]) => a - b)
    return {
      name,
      connector: shown(connector),
      tasks: tasks.map(([id, task]) => ({ id, ...shown(task) })),
      type: this.#typeOf(configs.config(name)),
    }
  }

  tasks(name: string): { id: TaskId; config: ConnectorConfig }[] {
    this.config(name)
    return this.#parts.configs.tasks(name).map((config, task) => ({ id: { connector: name, task }, config }))
  }

  taskStatus(name: string, task: number): InstanceStatus & { id: number } {
    const found = this.#parts.status.task(name, task)
    if (!found) throw new ConnectError(404, `No status found for task ${name}-${task}`)
    return { id: task, ...shown(found) }
  }

  /** Runs a change when the worker has its place in the group, and those before it are done. */
  #change<T>(work: () => Promise<T>): Promise<T> {
    const mine = Promise.all([this.#placed(), this.#changing]).then(work)
    this.#changing = mine.catch(() => {}) // its caller hears of it; the next change goes on
    return mine
  }

  async #placed(): Promise<void> {
    const { joined, failed } = this.#parts.membership
    if (!this.#ready && !this.#failure) await Promise.race([joined, failed]).catch(() => {}) // the failure is told right below
    if (this.#failure) throw new ConnectError(500, this.#failure.message, { cause: this.#failure })
  }

  #lead(): void {
    if (!this.#parts.membership.leads) throw new NotLeader(this.#parts.membership.leaderUrl)
  }

  create(given: string, config: ConnectorConfig, initialState: InitialState): Promise<ConnectorInfo> {
    const name = given.trim()
    return this.#change(async () => {
      this.#lead()
      const whole = this.#checked(name, config)
      if (this.#parts.configs.has(name)) throw new ConnectError(409, `Connector ${name} already exists`)
      await this.#parts.configs.putConnector(name, whole, targets[initialState])
      return this.info(name)
    })
  }

  putConfig(name: string, config: ConnectorConfig): Promise<{ created: boolean; info: ConnectorInfo }> {
    return this.#change(async () => {
      this.#lead()
      const whole = this.#checked(name, config)
      const created = !this.#parts.configs.has(name)
      await this.#parts.configs.putConnector(name, whole)
      return { created, info: this.info(name) }
    })
  }

  patchConfig(name: string, patch: Readonly<Record<string, string | null>>): Promise<ConnectorInfo> {
    return this.#change(async () => {
      this.#lead()
      const before = this.config(name)
      const merged = Object.entries({ ...before, ...patch }).filter((entry): entry is [string, string] => entry[1] !== null)
      await this.#parts.configs.putConnector(name, this.#checked(name, Object.fromEntries(merged)))
      return this.info(name)
    })
  }

  /** The whole config of a connector; throws 400 where it cannot be used. */
  #checked(name: string, given: ConnectorConfig): ConnectorConfig {
    const named = given.name
    if (named !== undefined && named !== name)
      throw new ConnectError(400, `Connector name configuration (${named}) doesn't match connector name in the URL (${name})`)
    const config = { ...given, name }
    const infos = this.#infos(config)
    refuseInvalid(infos)
    return config
  }

  #infos(config: ConnectorConfig): ConfigInfos {
    const { plugins, config: worker } = this.#parts
    const infos = validate(plugins, config, defaultConverters(worker))
    if (this.#typeOf(config) === 'sink' && `connect-${config.name}` === worker['group.id']) {
      const named = infos.configs.find((one) => one.definition.name === 'name')
      named?.value.errors.push(
        `Consumer group for sink connector named ${config.name} conflicts with Connect worker group connect-${config.name}`,
      )
      infos.error_count++
    }
    return infos
  }

  delete(name: string): Promise<void> {
    return this.#change(async () => {
      this.#lead()
      this.config(name)
      await this.#parts.configs.removeConnector(name)
    })
  }

  #known(name: string, sentence = `Unknown connector ${name}`): void {
    if (!this.#parts.configs.has(name)) throw new ConnectError(404, sentence)
  }

  pause(name: string): Promise<void> {
    return this.#change(async () => {
      this.#known(name)
      await this.#parts.configs.putTarget(name, 'PAUSED')
    })
  }

  resume(name: string): Promise<void> {
    return this.#change(async () => {
      this.#known(name)
      await this.#parts.configs.putTarget(name, 'STARTED')
    })
  }

  stop(name: string): Promise<void> {
    return this.#change(async () => {
      this.#known(name)
      this.#lead()
      const { configs } = this.#parts
      // first the target, so that the connector does not work its tasks out again; a worker that reads only one of the two stops as well
      await configs.putTarget(name, 'STOPPED')
      if (configs.tasks(name).length > 0) await configs.putTasks(name, [])
    })
  }

  restart(name: string, options: { includeTasks: boolean; onlyFailed: boolean }): Promise<ConnectorStatus | null> {
    return this.#change(async () => {
      this.#known(name, `Unknown connector: ${name}`)
      if (!options.includeTasks && !options.onlyFailed) {
        await this.#restartHere(name, CONNECTOR)
        return null
      }
      this.#lead()
      const { configs, status } = this.#parts
      const before = this.status(name)
      const plan = restartPlan({ connector: name, ...options }, status)
      await configs.putRestart({ connector: name, ...options })
      const restarting = (task: number) => plan.some((unit) => unit.task === task)
      const as = <S extends InstanceStatus>(told: S, task: number): S => (restarting(task) ? { ...told, state: 'RESTARTING' } : told)
      return {
        ...before,
        connector: as(before.connector, CONNECTOR),
        tasks: before.tasks.map((task) => as(task, task.id)),
      }
    })
  }

  restartTask(name: string, task: number): Promise<void> {
    return this.#change(async () => {
      this.#known(name, `Unknown connector: ${name}`)
      if (!this.#parts.configs.tasks(name)[task]) throw new ConnectError(404, `Unknown task: ${name}-${task}`)
      await this.#restartHere(name, task)
    })
  }

  /** Only the worker that runs a unit restarts it: others say where to ask. */
  async #restartHere(name: string, task: number): Promise<void> {
    const { membership, instances } = this.#parts
    const unit = unitKey(name, task)
    if (membership.holds.has(unit)) await instances.restart([{ connector: name, task }])
    else throw new NotLeader(membership.leads ? membership.ownerUrl(unit) : membership.leaderUrl)
  }

  putTaskConfigs(name: string, configs: readonly ConnectorConfig[], signature: Signature): Promise<void> {
    return this.#change(async () => {
      const { membership, configs: store, config } = this.#parts
      if (membership.sessioned) verify(signature, store.sessionKey, config['inter.worker.verification.algorithms'])
      this.#lead()
      await this.#publish(name, configs)
    })
  }

  /** The leader's own way to the same: a connector that runs here wants these tasks. */
  publishTasks(name: string, configs: readonly ConnectorConfig[]): Promise<void> {
    return this.#change(async () => {
      this.#lead()
      await this.#publish(name, configs)
    })
  }

  async #publish(name: string, tasks: readonly ConnectorConfig[]): Promise<void> {
    const { configs } = this.#parts
    if (!configs.has(name)) throw new ConnectError(404, `Connector ${name} not found`)
    if (configs.target(name) === 'STOPPED') return
    const before = configs.tasks(name)
    const same = !configs.isTorn(name) && before.length === tasks.length && before.every((one, task) => sameConfig(one, tasks[task]))
    if (!same) await configs.putTasks(name, tasks)
  }

  topics(name: string): string[] {
    if (!this.#parts.config['topic.tracking.enable']) throw new ConnectError(403, 'Topic tracking is disabled.')
    return this.#parts.status.topics(name)
  }

  resetTopics(name: string): void {
    if (!this.#parts.config['topic.tracking.enable']) throw new ConnectError(403, 'Topic tracking is disabled.')
    if (!this.#parts.config['topic.tracking.allow.reset']) throw new ConnectError(403, 'Topic tracking reset is disabled.')
    this.#parts.status.removeTopics(name).catch((error) => {
      this.#parts.system.logger.warn({ err: error, connector: name }, 'the topics of a connector could not be forgotten')
    })
  }

  #offsetTarget(name: string): OffsetTarget {
    const config = this.config(name)
    const plugin: ConnectorPlugin = this.#parts.plugins.connector(config['connector.class'] ?? '')
    return { name, config, plugin }
  }

  async offsets(name: string): Promise<ConnectorOffset[]> {
    return await this.#offsetCommands.list(this.#offsetTarget(name))
  }

  #stopped(name: string): OffsetTarget {
    const target = this.#offsetTarget(name)
    this.#lead()
    const { configs } = this.#parts
    if (configs.target(name) !== 'STOPPED' || configs.tasks(name).length > 0)
      throw new ConnectError(
        400,
        'Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified connector by issuing ' +
          `a 'PUT' request to the '/connectors/${name}/stop' endpoint`,
      )
    return target
  }

  /** A task that ends stores its last position: what a user sets comes behind it. One that does not end in time stores nothing. */
  async #tasksEnded(name: string): Promise<void> {
    const { status, system, config } = this.#parts
    const deadline = system.clock.monotonic() + config['task.shutdown.graceful.timeout.ms'] + ENDING_MS
    const live = () => [...status.tasks(name).values()].some(({ state }) => LIVE.includes(state))
    while (live() && system.clock.monotonic() < deadline) await system.clock.sleep(ENDED_POLL_MS)
  }

  alterOffsets(name: string, offsets: readonly ConnectorOffset[]): Promise<{ message: string }> {
    return this.#change(async () => {
      if (offsets.length === 0) throw new ConnectError(400, 'Partitions / offsets need to be provided for an alter offsets request')
      const target = this.#stopped(name)
      await this.#tasksEnded(name)
      await this.#offsetCommands.alter(target, offsets)
      return { message: 'The offsets for this connector have been altered successfully' }
    })
  }

  resetOffsets(name: string): Promise<{ message: string }> {
    return this.#change(async () => {
      const target = this.#stopped(name)
      await this.#tasksEnded(name)
      await this.#offsetCommands.reset(target)
      return { message: 'The offsets for this connector have been reset successfully' }
    })
  }

  plugins = (connectorsOnly: boolean): PluginInfo[] => this.#parts.plugins.list(connectorsOnly)

  pluginConfig(name: string): ConfigKeyInfo[] {
    const found = this.#parts.plugins.settingsOf(name)
    if (!found) throw new ConnectError(404, `Unknown plugin ${name}.`)
    const settings =
      found.kind === 'connector' ? { ...found.plugin.settings, ...settingsOf(this.#parts.plugins, found.plugin) } : found.settings
    return Object.entries(settings).map(([key, declared]) => keyInfo(key, declared))
  }

  async validate(plugin: string, config: ConnectorConfig): Promise<ConfigInfos> {
    const named = config['connector.class']
    const { plugins } = this.#parts
    if (named !== undefined) {
      const same = plugins.findConnector(named)
      const asked = plugins.findConnector(plugin)
      if (same && asked ? same !== asked : !ending(named).endsWith(ending(plugin)))
        throw new ConnectError(400, `Included connector type ${named} does not match request type ${plugin}`)
    }
    return this.#infos(config)
  }
}

const ending = (name: string) => name.replace(/Connector$/, '')

function shown(status: Status): InstanceStatus {
  return {
    state: status.state as InstanceStatus['state'],
    worker_id: status.workerId,
    ...(status.trace ? { trace: status.trace } : {}),
    ...(status.version ? { version: status.version } : {}),
  }
}
