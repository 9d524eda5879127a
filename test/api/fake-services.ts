/**
 * Fake services for the tests of the REST routes: a herder that keeps connectors in a map and throws Kafka Connect's messages, and mirrors
 * with fixed states. Without logic of their own, so that a test of a route fails only because of the route.
 */
import type {
  ConfigInfos,
  ConnectorConfig,
  ConnectorOffset,
  ConnectorState,
  DeadLetterScan,
  Herder,
  InstanceStatus,
  ReplayRequest,
} from '../../connect/types.ts'
import { ConnectError } from '../../connect/types.ts'
import { realSystem, type System } from '../../core/system/index.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { type FailoverReport, type MirrorAdmin, MirrorError, type MirrorStatus } from '../../mirror/types.ts'

export const testSystem = (): System => ({ ...realSystem('silent'), logger: silentLogger })

interface StoredConnector {
  config: ConnectorConfig
  state: ConnectorState
  tasks: number
  offsets: ConnectorOffset[]
}

export const workerId = '127.0.0.1:8083'

export class MemoryHerder implements Herder {
  readonly stored = new Map<string, StoredConnector>()
  /** Thrown by everything that only a leader does, where it is set. */
  refusal: Error | undefined
  signatures: unknown[] = []
  state: 'healthy' | 'starting' | 'unhealthy' = 'healthy'
  topicTracking = true

  #get(name: string, sentence = `Connector ${name} not found`): StoredConnector {
    const found = this.stored.get(name)
    if (!found) throw new ConnectError(404, sentence)
    return found
  }

  async #leads(): Promise<void> {
    await Promise.resolve()
    if (this.refusal) throw this.refusal
  }

  #check(name: string, config: ConnectorConfig): void {
    const type = config['connector.class']
    if (type === undefined) {
      throw new ConnectError(400, `Connector config {${Object.entries(config).map((e) => e.join('='))}} contains no connector type`)
    }
    if (type !== 'FileStreamSource')
      throw new ConnectError(400, `Failed to find any class that implements Connector and which name matches ${type}`)
    if (name === '') throw new ConnectError(400, 'Invalid value  for configuration name: String may not be empty')
  }

  async root() {
    return { version: '4.3.1', commit: 'abc', kafka_cluster_id: 'cluster' }
  }
  stage = (): string | null => null
  health() {
    return { status: this.state, message: `It is ${this.state}.` }
  }
  connectors() {
    return [...this.stored.keys()]
  }
  info(name: string) {
    const { config, tasks } = this.#get(name)
    return { name, config, tasks: Array.from({ length: tasks }, (_, task) => ({ connector: name, task })), type: 'source' as const }
  }
  status(name: string) {
    const { state, tasks } = this.#get(name, `No status found for connector ${name}`)
    const one: InstanceStatus = { state, worker_id: workerId, version: '1' }
    return { name, connector: one, tasks: Array.from({ length: tasks }, (_, id) => ({ id, ...one })), type: 'source' as const }
  }
  async create(name: string, config: ConnectorConfig, initial: 'RUNNING' | 'PAUSED' | 'STOPPED') {
    await this.#leads()
    this.#check(name, config)
    if (this.stored.has(name)) throw new ConnectError(409, `Connector ${name} already exists`)
    this.stored.set(name, { config, state: initial, tasks: initial === 'STOPPED' ? 0 : 1, offsets: [] })
    return this.info(name)
  }
  async putConfig(name: string, config: ConnectorConfig) {
    await this.#leads()
    this.#check(name, config)
    const before = this.stored.get(name)
    this.stored.set(name, before ? { ...before, config } : { config, state: 'RUNNING', tasks: 1, offsets: [] })
    return { created: !before, info: this.info(name) }
  }
  async patchConfig(name: string, patch: Readonly<Record<string, string | null>>) {
    await this.#leads()
    const merged = Object.entries({ ...this.#get(name).config, ...patch }).filter((entry): entry is [string, string] => entry[1] !== null)
    return (await this.putConfig(name, Object.fromEntries(merged))).info
  }
  config(name: string) {
    return this.#get(name).config
  }
  async delete(name: string) {
    await this.#leads()
    this.#get(name)
    this.stored.delete(name)
  }
  async #become(name: string, state: ConnectorState, tasks: number) {
    const connector = this.#get(name, `Unknown connector ${name}`)
    this.stored.set(name, { ...connector, state, tasks })
  }
  pause = (name: string) => this.#become(name, 'PAUSED', 1)
  resume = (name: string) => this.#become(name, 'RUNNING', 1)
  stop = (name: string) => this.#become(name, 'STOPPED', 0)
  async restart(name: string, options: { includeTasks: boolean; onlyFailed: boolean }) {
    await this.#leads()
    this.#get(name, `Unknown connector: ${name}`)
    return options.includeTasks || options.onlyFailed ? this.status(name) : null
  }
  tasks(name: string) {
    const { config } = this.#get(name)
    return this.info(name).tasks.map((id) => ({ id, config }))
  }
  taskStatus(name: string, task: number) {
    const found = this.stored.has(name) ? this.status(name).tasks[task] : undefined
    if (!found) throw new ConnectError(404, `No status found for task ${name}-${task}`)
    return found
  }
  async restartTask(name: string, task: number) {
    if (!this.tasks(name)[task]) throw new ConnectError(404, `Unknown task: ${name}-${task}`)
  }
  async failures(name: string) {
    this.#get(name)
    return [{ time: '2026-01-01T00:00:00.000Z', task: 0, worker_id: workerId, trace: 'Error: no', action: 'restart', restart: null }]
  }
  async deadLetters(name: string, { since, limit }: DeadLetterScan) {
    this.#get(name)
    return { topic: `dead-${name}`, groups: [], scanned: limit ?? 0, next: since ?? null }
  }
  async replayDeadLetters(name: string, request: ReplayRequest) {
    await this.#leads()
    this.#get(name)
    const chosen = request.letters?.length ?? 0
    return { topic: `dead-${name}`, task: 0, chosen, already_replayed: 0, delivered: chosen, failed: 0, next: request.since ?? null }
  }
  /** As a worker that finds every signature right. */
  verifyInternalRequest({ key }: { key: string | null; algorithm: string | null; body: Buffer | null }) {
    if (key === null) throw new ConnectError(400, 'Internal request missing required signature')
  }
  async putTaskConfigs(
    name: string,
    configs: readonly ConnectorConfig[],
    signature: { key: string | null; algorithm: string | null; body: Buffer },
  ) {
    this.verifyInternalRequest(signature)
    this.signatures.push({ name, configs, ...signature, body: signature.body.toString() })
  }
  readonly clusterLevels = new Map<string, string>()
  async setClusterLoggerLevel(namespace: string, level: string): Promise<void> {
    this.clusterLevels.set(namespace, level)
  }
  async fenceZombies(name: string, signature: { key: string | null; algorithm: string | null; body: Buffer }) {
    this.verifyInternalRequest(signature)
    this.signatures.push({ name, ...signature, body: signature.body.toString() })
  }
  topics(name: string) {
    if (!this.topicTracking) throw new ConnectError(403, 'Topic tracking is disabled.')
    return this.stored.has(name) ? ['t1'] : []
  }
  resetTopics() {
    if (!this.topicTracking) throw new ConnectError(403, 'Topic tracking is disabled.')
  }
  async offsets(name: string) {
    return this.#get(name).offsets
  }
  async alterOffsets(name: string, offsets: readonly ConnectorOffset[]) {
    await this.#leads()
    this.stored.set(name, { ...this.#stopped(name), offsets: [...offsets] })
    return { message: 'The offsets for this connector have been altered successfully' }
  }
  async resetOffsets(name: string) {
    await this.#leads()
    this.stored.set(name, { ...this.#stopped(name), offsets: [] })
    return { message: 'The offsets for this connector have been reset successfully' }
  }
  #stopped(name: string): StoredConnector {
    const connector = this.#get(name)
    if (connector.state !== 'STOPPED')
      throw new ConnectError(400, 'Connectors must be in the STOPPED state before their offsets can be modified.')
    return connector
  }
  plugins(connectorsOnly: boolean) {
    const all = [
      { class: 'org.apache.kafka.connect.file.FileStreamSourceConnector', type: 'source' as const, version: '1' },
      { class: 'org.apache.kafka.connect.json.JsonConverter', type: 'converter' as const, version: '1' },
    ]
    return connectorsOnly ? all.slice(0, 1) : all
  }
  pluginConfig(plugin: string) {
    if (plugin !== 'FileStreamSource') throw new ConnectError(404, `Unknown plugin ${plugin}.`)
    return [key]
  }
  async validate(plugin: string, config: ConnectorConfig): Promise<ConfigInfos> {
    if (config['connector.class'] !== plugin) {
      throw new ConnectError(400, `Included connector type ${config['connector.class']} does not match request type ${plugin}`)
    }
    const value = { name: 'file', value: config.file ?? null, recommended_values: [], errors: [], visible: true }
    return { name: plugin, error_count: 0, groups: ['Common'], configs: [{ definition: key, value }] }
  }
}

const key = {
  name: 'file',
  type: 'STRING',
  required: false,
  default_value: null,
  importance: 'HIGH',
  documentation: 'A file',
  group: null,
  order_in_group: -1,
  width: 'NONE',
  display_name: 'file',
  dependents: [],
}

export class MemoryMirrors implements MirrorAdmin {
  readonly all = new Map<string, MirrorStatus>()
  readonly failovers: { name: string; groups: readonly string[] | 'all'; dryRun: boolean }[] = []

  constructor(...names: string[]) {
    for (const name of names) {
      const [source = '', target = ''] = name.split('->')
      const partition = {
        topic: 'orders',
        targetTopic: `${source}.orders`,
        partition: 0,
        sourceOffset: 8,
        sourceEndOffset: 10,
        targetEndOffset: 8,
        lagRecords: 2,
        lagMs: 40,
        lostRecords: 0,
        repeatedRecords: 0,
      }
      this.all.set(name, {
        name,
        source,
        target,
        state: 'RUNNING',
        topics: ['orders'],
        lagRecords: 2,
        lagMs: 40,
        recordsMirrored: 8,
        bytesMirrored: 800,
        lostRecords: 0,
        repeatedRecords: 0,
        partitions: [partition],
      })
    }
  }
  list() {
    return [...this.all.values()]
  }
  status(name: string) {
    const found = this.all.get(name)
    if (!found) throw new MirrorError(404, `There is no mirror ${name}; the mirrors are: ${[...this.all.keys()].join(', ')}`)
    return found
  }
  pause = async (name: string) => void this.all.set(name, { ...this.status(name), state: 'PAUSED' })
  resume = async (name: string) => void this.all.set(name, { ...this.status(name), state: 'RUNNING' })
  async failover(name: string, options: { groups: readonly string[] | 'all'; dryRun: boolean }): Promise<FailoverReport> {
    this.status(name)
    this.failovers.push({ name, ...options })
    return { mirror: name, dryRun: options.dryRun, sourceReachable: true, durationMs: 1, groups: [] }
  }
}
