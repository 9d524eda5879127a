/**
 * The worker's interface for the REST API, with the bodies of Kafka Connect. Errors are ConnectErrors with an HTTP status and the message
 * of Kafka Connect.
 */
export class ConnectError extends Error {
  override name = 'ConnectError'
  readonly status: number

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** Only another worker, mostly the leader, can serve the request: it is forwarded to that URL. */
export class NotLeader extends Error {
  override name = 'NotLeader'
  readonly leaderUrl: string | null

  constructor(leaderUrl: string | null) {
    super('this worker is not the leader')
    this.leaderUrl = leaderUrl
  }
}

export type ConnectorConfig = Readonly<Record<string, string>>
export type ConnectorState = 'UNASSIGNED' | 'RUNNING' | 'PAUSED' | 'FAILED' | 'RESTARTING' | 'STOPPED'
export type InitialState = 'RUNNING' | 'PAUSED' | 'STOPPED'

export interface ConnectorTaskId {
  connector: string
  task: number
}

export interface ConnectorInfo {
  name: string
  config: ConnectorConfig
  tasks: ConnectorTaskId[]
  type: 'source' | 'sink' | 'unknown'
}

export interface InstanceStatus {
  state: ConnectorState
  worker_id: string
  trace?: string
  version?: string
}

export interface ConnectorStatus {
  name: string
  connector: InstanceStatus
  tasks: (InstanceStatus & { id: number })[]
  type: 'source' | 'sink' | 'unknown'
}

export interface PluginInfo {
  class: string
  type: 'source' | 'sink' | 'converter' | 'header_converter' | 'transformation' | 'predicate'
  version: string
}

export interface ConfigKeyInfo {
  name: string
  type: string
  required: boolean
  default_value: string | null
  importance: string
  documentation: string
  group: string | null
  order_in_group: number
  width: string
  display_name: string
  dependents: string[]
}

export interface ConfigInfos {
  name: string
  error_count: number
  groups: string[]
  configs: {
    definition: ConfigKeyInfo
    value: { name: string; value: string | null; recommended_values: string[]; errors: string[]; visible: boolean }
  }[]
}

export interface ConnectorOffset {
  partition: Record<string, unknown>
  offset: Record<string, unknown> | null
}

export interface Herder {
  /** `{version, commit, kafka_cluster_id}` of GET /. */
  root(): Promise<{ version: string; commit: string; kafka_cluster_id: string }>
  health(): { status: 'healthy' | 'starting' | 'unhealthy'; message: string }
  connectors(): string[]
  info(name: string): ConnectorInfo
  status(name: string): ConnectorStatus
  create(name: string, config: ConnectorConfig, initialState: InitialState): Promise<ConnectorInfo>
  /** `created` is false where the connector existed. */
  putConfig(name: string, config: ConnectorConfig): Promise<{ created: boolean; info: ConnectorInfo }>
  patchConfig(name: string, patch: Readonly<Record<string, string | null>>): Promise<ConnectorInfo>
  config(name: string): ConnectorConfig
  delete(name: string): Promise<void>
  pause(name: string): Promise<void>
  resume(name: string): Promise<void>
  stop(name: string): Promise<void>
  /** With either flag, the status with what restarts as RESTARTING (202). Without, null: only the connector itself restarts (204). */
  restart(name: string, options: { includeTasks: boolean; onlyFailed: boolean }): Promise<ConnectorStatus | null>
  tasks(name: string): { id: ConnectorTaskId; config: ConnectorConfig }[]
  taskStatus(name: string, task: number): InstanceStatus & { id: number }
  restartTask(name: string, task: number): Promise<void>
  /** Internal: a follower sends the leader new task configs. */
  putTaskConfigs(
    name: string,
    configs: readonly ConnectorConfig[],
    signature: { key: string | null; algorithm: string | null; body: Buffer },
  ): Promise<void>
  topics(name: string): string[]
  resetTopics(name: string): void
  offsets(name: string): Promise<ConnectorOffset[]>
  alterOffsets(name: string, offsets: readonly ConnectorOffset[]): Promise<{ message: string }>
  resetOffsets(name: string): Promise<{ message: string }>
  plugins(connectorsOnly: boolean): PluginInfo[]
  pluginConfig(plugin: string): ConfigKeyInfo[]
  validate(plugin: string, config: ConnectorConfig): Promise<ConfigInfos>
}
