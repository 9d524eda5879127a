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
  /** Of a FAILED connector or task: how often it was restarted by itself, and when it is again; null where a user must do it. */
  restart?: { restarts: number; next: string | null; reason: string }
  /** Of a RUNNING task that makes no progress: where it waits, and since when. */
  stalled?: { stage: string; since: string }
  /** Of a RUNNING task: how far its work is, as the connector says, or what it tries again; with `what` it does. */
  progress?: Readonly<Record<string, string | number | boolean | null>>
}

export interface ConnectorStatus {
  name: string
  connector: InstanceStatus
  tasks: (InstanceStatus & { id: number })[]
  type: 'source' | 'sink' | 'unknown'
  /** What is wrong in the system of the connector, and what to do. */
  warnings?: readonly string[]
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
  /** Null only in a request, which is refused. */
  partition: Record<string, unknown> | null
  offset: Record<string, unknown> | null
}

/** A failure of a connector (task null) or task, with its trace. */
export interface FailureEntry {
  time: string
  task: number | null
  worker_id: string
  trace: string
  /** `restart`, or why it was not restarted by itself: `disabled`, `cannot-mend`, `exhausted`, `stopping`. */
  action: string
  /** When it was, or is, restarted by itself. */
  restart: string | null
}

/** Bytes as text, where they are UTF-8. */
export type ShownBytes = { text: string } | { base64: string } | null

export interface DeadLetterSample {
  partition: number
  offset: number
  timestamp: number
  origin: { topic: string; partition: number | null; offset: number | null }
  message: string | null
  key: ShownBytes
  value: ShownBytes
  /** Bytes of key and value together. */
  size: number
  replayed: boolean
  /** The letter whose replay has failed. */
  replay_of?: { partition: number; offset: number }
}

/** Dead letters with the same reason. The times are those of the records, in ms since the epoch. */
export interface DeadLetterGroup {
  group: string
  stage: string | null
  class_name: string | null
  exception: string | null
  message: string | null
  count: number
  replayed: number
  first: number
  last: number
  samples: DeadLetterSample[]
}

export interface DeadLetterList {
  topic: string
  groups: DeadLetterGroup[]
  /** Letters that were read for this response, those of other connectors included. */
  scanned: number
  /** To go on with, as `since`; null at the end of the topic. */
  next: string | null
}

export interface DeadLetterScan {
  /** Where the scan begins; the beginning of the topic where it is not given. */
  since?: string | undefined
  limit?: number | undefined
}

/** Which letters to replay: those of a group, those at given offsets, or all. */
export interface ReplayRequest extends DeadLetterScan {
  group?: string | undefined
  letters?: readonly { partition: number; offset: number }[] | undefined
  all?: boolean | undefined
}

export interface ReplayReport {
  topic: string
  task: number
  /** Letters that match. */
  chosen: number
  /** Of these: replayed before, so that they were left out. */
  already_replayed: number
  delivered: number
  /** Failed again: each is a new letter. */
  failed: number
  /** To go on with, as `since`; null where all of the topic was searched. */
  next: string | null
}

export interface WorkerHealth {
  status: 'healthy' | 'starting' | 'unhealthy'
  message: string
}

export interface Herder {
  /** `{version, commit, kafka_cluster_id}` of GET /. */
  root(): Promise<{ version: string; commit: string; kafka_cluster_id: string }>
  health(): WorkerHealth
  /** What the worker is in the middle of, and since when, for a request that waits too long; null where it is nothing. */
  stage(): string | null
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
  /**
   * Throws what an internal request is refused with: at first by its headers alone, with null for the body, so that it is not read in vain;
   * then by the body, before it is parsed.
   */
  verifyInternalRequest(signature: { key: string | null; algorithm: string | null; body: Buffer | null }): void
  /** Internal: a follower sends the leader new task configs. */
  putTaskConfigs(
    name: string,
    configs: readonly ConnectorConfig[],
    signature: { key: string | null; algorithm: string | null; body: Buffer },
  ): Promise<void>
  /** Changes the level of loggers on all workers (KIP-976). */
  setClusterLoggerLevel(namespace: string, level: string): Promise<void>
  /** Internal: a follower asks the leader to fence the older tasks of an exactly-once source before its tasks start. */
  fenceZombies(name: string, signature: { key: string | null; algorithm: string | null; body: Buffer }): Promise<void>
  topics(name: string): string[]
  resetTopics(name: string): void
  offsets(name: string): Promise<ConnectorOffset[]>
  alterOffsets(name: string, offsets: readonly ConnectorOffset[]): Promise<{ message: string }>
  resetOffsets(name: string): Promise<{ message: string }>
  /** The last failures, the newest first. */
  failures(name: string): Promise<FailureEntry[]>
  deadLetters(name: string, scan: DeadLetterScan): Promise<DeadLetterList>
  replayDeadLetters(name: string, request: ReplayRequest): Promise<ReplayReport>
  plugins(connectorsOnly: boolean): PluginInfo[]
  pluginConfig(plugin: string, version?: string): ConfigKeyInfo[]
  validate(plugin: string, config: ConnectorConfig): Promise<ConfigInfos>
}
