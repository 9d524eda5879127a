/**
 * The connectors, their configs, target states and task configs: Kafka Connect's config topic, read into memory. Task configs take effect
 * with their commit record. Only the leader writes, except target states. The listener acts on changes.
 */
import { SerialQueue } from '../../core/system/serial-queue.ts'
import type { ConnectorConfig } from '../types.ts'
import type { LogEntry, LogRecord, RecordLog } from './record-log.ts'
import type { TransactionalLogWriter } from './transactional-log-writer.ts'

export type TargetState = 'STARTED' | 'PAUSED' | 'STOPPED'

export interface SessionKey {
  key: Buffer
  algorithm: string
  createdAt: number
}

export interface RestartRequest {
  connector: string
  includeTasks: boolean
  onlyFailed: boolean
}

export interface ConfigUpdateListener {
  /** A connector was created, or its config was written again, whether it has changed or not. */
  onConnectorConfigUpdate(name: string): void
  onConnectorConfigRemove(name: string): void
  /** The tasks whose config was created, changed or removed. */
  onTaskConfigUpdate(name: string, tasks: readonly number[]): void
  onTargetStateChange(name: string): void
  onRestartRequest(request: RestartRequest): void
  /** The level of loggers was changed on all workers. */
  onLoggingLevelUpdate(namespace: string, level: string): void
}

export const sameConfig = (a: ConnectorConfig | undefined, b: ConnectorConfig | undefined): boolean => {
  if (!a || !b) return a === b
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

/** The properties of a record, without null values: Kafka Connect's records may have them. */
function properties(value: unknown): ConnectorConfig | null {
  const map = (value as { properties?: unknown } | null)?.properties
  if (typeof map !== 'object' || map === null) return null
  return Object.fromEntries(Object.entries(map).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

export class ConfigBackingStore {
  readonly #log: RecordLog
  readonly #warn: (message: string, key: string) => void
  #listener: ConfigUpdateListener | null = null
  readonly #configs = new Map<string, ConnectorConfig>()
  readonly #targetStates = new Map<string, TargetState>()
  readonly #taskConfigs = new Map<string, ConnectorConfig[]>()
  /** Task configs whose commit record has not been read. */
  readonly #deferredTaskConfigs = new Map<string, Map<number, ConnectorConfig>>()
  /** Connectors with missing task configs, after a compaction or a crash of the leader: all must be written again. */
  readonly #inconsistent = new Set<string>()
  /** The number of tasks in the last commit record. */
  readonly #taskCounts = new Map<string, number>()
  /** How often task configs took effect since the start. */
  readonly #taskConfigGenerations = new Map<string, number>()
  /** The tasks of a connector that may have a transactional producer (KIP-618). Deleted connectors keep theirs. */
  readonly #taskCountRecords = new Map<string, number>()
  /** Connectors whose last commit record comes after the last task count record. */
  readonly #pendingFencing = new Set<string>()
  readonly #writer: TransactionalLogWriter | null
  /** Task configs and task count records, one after another. */
  readonly #taskWrites = new SerialQueue()
  #sessionKey: SessionKey | null = null
  /** One past the last record that was read: workers compare it in a rebalance, as Kafka Connect's do. */
  offset = -1

  /** With `writer` the leader writes through it. */
  constructor(log: RecordLog, warn: (message: string, key: string) => void, writer: TransactionalLogWriter | null = null) {
    this.#log = log
    this.#warn = warn
    this.#writer = writer
  }

  /** The listener is called for records that are appended after the start. */
  async start(listener: ConfigUpdateListener): Promise<void> {
    await this.#log.start((entry) => this.#apply(entry))
    this.#listener = listener
  }

  get connectors(): readonly string[] {
    return [...this.#configs.keys()].sort()
  }
  contains = (name: string): boolean => this.#configs.has(name)
  connectorConfig = (name: string): ConnectorConfig | undefined => this.#configs.get(name)
  targetState = (name: string): TargetState => this.#targetStates.get(name) ?? 'STARTED'
  /** Empty while they are inconsistent. */
  taskConfigs = (name: string): readonly ConnectorConfig[] => (this.#inconsistent.has(name) ? [] : (this.#taskConfigs.get(name) ?? []))
  isInconsistent = (name: string): boolean => this.#inconsistent.has(name)
  taskCount = (name: string): number => this.#taskCounts.get(name) ?? 0
  taskConfigGeneration = (name: string): number => this.#taskConfigGenerations.get(name) ?? 0
  /** How many tasks an earlier generation may have had with transactional producers; null where there was none. */
  taskCountRecord = (name: string): number | null => this.#taskCountRecords.get(name) ?? null
  /** Whether the tasks must not start as exactly-once sources before a task count record is written. */
  isPendingFencing = (name: string): boolean => this.#pendingFencing.has(name)
  get sessionKey(): SessionKey | null {
    return this.#sessionKey
  }

  async putConnectorConfig(name: string, config: ConnectorConfig, target?: TargetState): Promise<void> {
    const records: LogRecord[] = target ? [targetStateRecord(name, target)] : []
    await this.#writeAsLeader([...records, { key: `connector-${name}`, value: JSON.stringify({ properties: config }) }])
  }

  async removeConnectorConfig(name: string): Promise<void> {
    await this.#writeAsLeader([
      { key: `connector-${name}`, value: null },
      { key: `target-state-${name}`, value: null },
    ])
  }

  /** Writes all task configs of a connector, and then the commit record with which they take effect. */
  putTaskConfigs(name: string, configs: readonly ConnectorConfig[]): Promise<void> {
    return this.#taskWrites.run(() =>
      this.#writeAsLeader([
        ...configs.map((config, task) => ({ key: `task-${name}-${task}`, value: JSON.stringify({ properties: config }) })),
        { key: `commit-${name}`, value: JSON.stringify({ tasks: configs.length }) },
      ]),
    )
  }

  /**
   * The tasks before this generation are fenced, and `count` tasks may start. False where there are newer task configs: the record would
   * come after their commit record, as if it were about them.
   */
  putTaskCountRecord(name: string, count: number, generation: number): Promise<boolean> {
    return this.#taskWrites.run(async () => {
      if (this.taskConfigGeneration(name) !== generation) return false
      await this.#writeAsLeader([{ key: `tasks-fencing-${name}`, value: JSON.stringify({ 'task-count': count }) }])
      return true
    })
  }

  /** Any worker may write it. */
  async putTargetState(name: string, target: TargetState): Promise<void> {
    await this.#log.append([targetStateRecord(name, target)])
    await this.#log.readToEnd()
  }

  putRestartRequest = (request: RestartRequest): Promise<void> =>
    this.#writeAsLeader([
      {
        key: `restart-connector-${request.connector}`,
        value: JSON.stringify({ 'include-tasks': request.includeTasks, 'only-failed': request.onlyFailed }),
      },
    ])

  /** Any worker may write it. */
  async putLoggerLevel(namespace: string, level: string): Promise<void> {
    await this.#log.append([{ key: `logger-cluster-${namespace}`, value: JSON.stringify({ level }) }])
    await this.#log.readToEnd()
  }

  putSessionKey = (key: SessionKey): Promise<void> =>
    this.#writeAsLeader([
      {
        key: 'session-key',
        value: JSON.stringify({ key: key.key.toString('base64'), algorithm: key.algorithm, 'creation-timestamp': key.createdAt }),
      },
    ])

  /** Resolves when the records are durable and have been read back. */
  async #writeAsLeader(records: readonly LogRecord[]): Promise<void> {
    await (this.#writer ?? this.#log).append(records)
    await this.#log.readToEnd()
  }

  refresh = (timeoutMs?: number): Promise<void> => this.#log.readToEnd(timeoutMs)
  close = (): Promise<void> => this.#log.close()

  #apply({ key, value, offset }: LogEntry): void {
    this.offset = offset + 1
    let parsed: unknown = null
    if (value !== null) {
      try {
        parsed = JSON.parse(value)
      } catch {
        this.#warn('a record of the config topic is not JSON and is ignored', key)
        return
      }
    }
    if (key.startsWith('connector-')) this.#applyConnector(key.slice('connector-'.length), parsed)
    else if (key.startsWith('target-state-')) this.#applyTargetState(key.slice('target-state-'.length), parsed)
    else if (key.startsWith('task-')) this.#applyTask(key, parsed)
    else if (key.startsWith('commit-')) this.#applyCommit(key.slice('commit-'.length), parsed)
    else if (key.startsWith('restart-connector-')) this.#applyRestartRequest(key.slice('restart-connector-'.length), parsed)
    else if (key === 'session-key') this.#applySessionKey(parsed)
    else if (key.startsWith('tasks-fencing-')) this.#applyTaskCountRecord(key.slice('tasks-fencing-'.length), parsed)
    else if (key.startsWith('logger-cluster-')) this.#applyLoggerLevel(key.slice('logger-cluster-'.length), parsed)
    else this.#warn('a record of the config topic has an unknown key and is ignored', key)
  }

  #applyConnector(name: string, parsed: unknown): void {
    if (parsed === null) {
      this.#taskConfigs.delete(name)
      this.#taskCounts.delete(name)
      this.#deferredTaskConfigs.delete(name)
      this.#inconsistent.delete(name)
      this.#targetStates.delete(name)
      if (this.#configs.delete(name)) this.#listener?.onConnectorConfigRemove(name)
      return
    }
    const config = properties(parsed)
    if (!config) {
      this.#warn('a connector config has no properties and is ignored', name)
      return
    }
    if (this.#listener && !this.#configs.has(name)) {
      // Task configs of this name belong to a connector that was deleted before.
      this.#taskConfigs.delete(name)
      this.#deferredTaskConfigs.delete(name)
      this.#inconsistent.delete(name)
    }
    this.#configs.set(name, config)
    this.#listener?.onConnectorConfigUpdate(name)
  }

  #applyTargetState(name: string, parsed: unknown): void {
    if (parsed === null) {
      this.#targetStates.delete(name)
      return
    }
    // Workers before Kafka Connect 3.5 read `state`, which is PAUSED for STOPPED.
    const { state, 'state.v2': stateV2 } = parsed as { state?: string; 'state.v2'?: string }
    const target = stateV2 ?? state
    if (target !== 'STARTED' && target !== 'PAUSED' && target !== 'STOPPED') {
      this.#warn(`the target state ${target} is unknown and is ignored`, name)
      return
    }
    const changed = this.targetState(name) !== target
    this.#targetStates.set(name, target)
    if (changed && this.#configs.has(name)) this.#listener?.onTargetStateChange(name)
  }

  #applyTask(key: string, parsed: unknown): void {
    const match = /^task-(.*)-(\d+)$/.exec(key)
    if (!match) {
      this.#warn('the key of a task config has no task number and is ignored', key)
      return
    }
    const config = properties(parsed)
    if (!config) return
    const [, name, task] = match
    const deferred = this.#deferredTaskConfigs.get(name!) ?? new Map<number, ConnectorConfig>()
    deferred.set(Number(task), config)
    this.#deferredTaskConfigs.set(name!, deferred)
  }

  #applyCommit(name: string, parsed: unknown): void {
    const count = (parsed as { tasks?: unknown } | null)?.tasks
    if (typeof count !== 'number') return
    this.#taskCounts.set(name, count)
    this.#pendingFencing.add(name)
    this.#taskConfigGenerations.set(name, this.taskConfigGeneration(name) + 1)
    const deferred = this.#deferredTaskConfigs.get(name) ?? new Map<number, ConnectorConfig>()
    this.#deferredTaskConfigs.delete(name)
    const before = this.#taskConfigs.get(name) ?? []
    const after: ConnectorConfig[] = []
    for (let task = 0; task < count; task++) {
      const config = deferred.get(task) ?? before[task]
      if (config) after.push(config)
    }
    if (after.length < count) {
      this.#inconsistent.add(name)
      return
    }
    const wasInconsistent = this.#inconsistent.delete(name)
    this.#taskConfigs.set(name, after)
    const changed: number[] = []
    for (let task = 0; task < Math.max(before.length, after.length); task++)
      if (wasInconsistent || deferred.has(task) || !sameConfig(before[task], after[task])) changed.push(task)
    if (changed.length > 0) this.#listener?.onTaskConfigUpdate(name, changed)
  }

  #applyTaskCountRecord(name: string, parsed: unknown): void {
    const count = (parsed as { 'task-count'?: unknown } | null)?.['task-count']
    if (typeof count !== 'number' || !Number.isSafeInteger(count)) {
      this.#warn('a task count record has no number and is ignored', name)
      return
    }
    this.#taskCountRecords.set(name, count)
    this.#pendingFencing.delete(name)
  }

  #applyRestartRequest(connector: string, parsed: unknown): void {
    const request = parsed as { 'include-tasks'?: unknown; 'only-failed'?: unknown } | null
    if (!request) return
    this.#listener?.onRestartRequest({
      connector,
      includeTasks: request['include-tasks'] === true,
      onlyFailed: request['only-failed'] === true,
    })
  }

  /** As in Kafka Connect, only of workers that run: a level does not outlive a restart. */
  #applyLoggerLevel(namespace: string, parsed: unknown): void {
    const { level } = (parsed ?? {}) as { level?: unknown }
    if (typeof level === 'string') this.#listener?.onLoggingLevelUpdate(namespace, level)
  }

  #applySessionKey(parsed: unknown): void {
    const { key, algorithm, 'creation-timestamp': createdAt } = (parsed ?? {}) as Record<string, unknown>
    if (typeof key !== 'string' || typeof algorithm !== 'string' || typeof createdAt !== 'number') {
      this.#warn('a session key is incomplete and is ignored', 'session-key')
      return
    }
    this.#sessionKey = { key: Buffer.from(key, 'base64'), algorithm, createdAt }
  }
}

const targetStateRecord = (name: string, target: TargetState): LogRecord => ({
  key: `target-state-${name}`,
  value: JSON.stringify({ state: target === 'STOPPED' ? 'PAUSED' : target, 'state.v2': target }),
})
