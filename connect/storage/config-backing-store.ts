/**
 * What connectors there are: Kafka Connect's config topic, read into one image. Records of task configs count only from their commit record
 * on. The leader alone writes, but for target states. It knows the format; what to do about a change is the listener's.
 */
import type { ConnectorConfig } from '../types.ts'
import type { LogEntry, LogRecord, RecordLog } from './record-log.ts'

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

export interface ConfigListener {
  /** A connector is new, or its config was written again, changed or not. */
  connectorChanged(name: string): void
  connectorRemoved(name: string): void
  /** The tasks whose config is new, changed or gone. */
  tasksChanged(name: string, tasks: readonly number[]): void
  targetStateChanged(name: string): void
  restartRequested(request: RestartRequest): void
  sessionKeyChanged(key: SessionKey): void
}

const same = (a: ConnectorConfig | undefined, b: ConnectorConfig | undefined): boolean => {
  if (!a || !b) return a === b
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}
export const sameConfig = same

/** A connector's config without the keys that only nulls stand at: Kafka Connect's own JSON may hold them. */
function properties(value: unknown): ConnectorConfig | null {
  const given = (value as { properties?: unknown } | null)?.properties
  if (typeof given !== 'object' || given === null) return null
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

export class ConfigStore {
  readonly #log: RecordLog
  readonly #complain: (message: string, key: string) => void
  #listener: ConfigListener | null = null
  readonly #configs = new Map<string, ConnectorConfig>()
  readonly #targets = new Map<string, TargetState>()
  readonly #committed = new Map<string, ConnectorConfig[]>()
  /** Task configs whose commit record has not come. */
  readonly #pending = new Map<string, Map<number, ConnectorConfig>>()
  /** Connectors whose task configs are not whole: a compaction or a crash of the leader took some of them. They must be written anew. */
  readonly #torn = new Set<string>()
  #lastKey: SessionKey | null = null
  /** One past the last record that was applied, as Kafka Connect's workers compare it in a rebalance. */
  offset = -1

  constructor(log: RecordLog, complain: (message: string, key: string) => void) {
    this.#log = log
    this.#complain = complain
  }

  /** Events come to the listener from after the first reading on. */
  async start(listener: ConfigListener): Promise<void> {
    await this.#log.start((entry) => this.#apply(entry))
    this.#listener = listener
  }

  get connectors(): readonly string[] {
    return [...this.#configs.keys()].sort()
  }
  has = (name: string): boolean => this.#configs.has(name)
  config = (name: string): ConnectorConfig | undefined => this.#configs.get(name)
  target = (name: string): TargetState => this.#targets.get(name) ?? 'STARTED'
  /** None while a connector's task configs are not whole. */
  tasks = (name: string): readonly ConnectorConfig[] => (this.#torn.has(name) ? [] : (this.#committed.get(name) ?? []))
  isTorn = (name: string): boolean => this.#torn.has(name)
  get sessionKey(): SessionKey | null {
    return this.#lastKey
  }

  async putConnector(name: string, config: ConnectorConfig, target?: TargetState): Promise<void> {
    const records: LogRecord[] = target ? [targetRecord(name, target)] : []
    await this.#write([...records, { key: `connector-${name}`, value: JSON.stringify({ properties: config }) }])
  }

  async removeConnector(name: string): Promise<void> {
    await this.#write([
      { key: `connector-${name}`, value: null },
      { key: `target-state-${name}`, value: null },
    ])
  }

  /** All tasks of a connector. They count from the commit record on, which goes last. */
  async putTasks(name: string, configs: readonly ConnectorConfig[]): Promise<void> {
    if (configs.length > 0)
      await this.#log.append(
        configs.map((config, task) => ({ key: `task-${name}-${task}`, value: JSON.stringify({ properties: config }) })),
      )
    await this.#write([{ key: `commit-${name}`, value: JSON.stringify({ tasks: configs.length }) }])
  }

  putTarget = (name: string, target: TargetState): Promise<void> => this.#write([targetRecord(name, target)])

  putRestart = (request: RestartRequest): Promise<void> =>
    this.#write([
      {
        key: `restart-connector-${request.connector}`,
        value: JSON.stringify({ 'include-tasks': request.includeTasks, 'only-failed': request.onlyFailed }),
      },
    ])

  putSessionKey = (key: SessionKey): Promise<void> =>
    this.#write([
      {
        key: 'session-key',
        value: JSON.stringify({ key: key.key.toString('base64'), algorithm: key.algorithm, 'creation-timestamp': key.createdAt }),
      },
    ])

  /** Resolves when the records are durable and in the image. */
  async #write(records: readonly LogRecord[]): Promise<void> {
    await this.#log.append(records)
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
        this.#complain('a record of the config topic is not JSON and is passed over', key)
        return
      }
    }
    if (key.startsWith('connector-')) this.#applyConnector(key.slice('connector-'.length), parsed)
    else if (key.startsWith('target-state-')) this.#applyTarget(key.slice('target-state-'.length), parsed)
    else if (key.startsWith('task-')) this.#applyTask(key, parsed)
    else if (key.startsWith('commit-')) this.#applyCommit(key.slice('commit-'.length), parsed)
    else if (key.startsWith('restart-connector-')) this.#applyRestart(key.slice('restart-connector-'.length), parsed)
    else if (key === 'session-key') this.#applySessionKey(parsed)
    else if (!key.startsWith('tasks-fencing-') && !key.startsWith('logger-cluster-'))
      this.#complain('a record of the config topic has a key that is not known and is passed over', key)
  }

  #applyConnector(name: string, parsed: unknown): void {
    if (parsed === null) {
      this.#committed.delete(name)
      this.#pending.delete(name)
      this.#torn.delete(name)
      this.#targets.delete(name)
      if (this.#configs.delete(name)) this.#listener?.connectorRemoved(name)
      return
    }
    const config = properties(parsed)
    if (!config) {
      this.#complain('a connector in the config topic has no properties and is passed over', name)
      return
    }
    if (this.#listener && !this.#configs.has(name)) {
      // it is created here and now: task configs that are known under its name are a former connector's
      this.#committed.delete(name)
      this.#pending.delete(name)
      this.#torn.delete(name)
    }
    this.#configs.set(name, config)
    this.#listener?.connectorChanged(name)
  }

  #applyTarget(name: string, parsed: unknown): void {
    if (parsed === null) {
      this.#targets.delete(name)
      return
    }
    // older workers read `state`, where STOPPED is PAUSED
    const { state, 'state.v2': newer } = parsed as { state?: string; 'state.v2'?: string }
    const target = newer ?? state
    if (target !== 'STARTED' && target !== 'PAUSED' && target !== 'STOPPED') {
      this.#complain(`a target state in the config topic is ${target} and is passed over`, name)
      return
    }
    const changed = this.target(name) !== target
    this.#targets.set(name, target)
    if (changed && this.#configs.has(name)) this.#listener?.targetStateChanged(name)
  }

  #applyTask(key: string, parsed: unknown): void {
    const match = /^task-(.*)-(\d+)$/.exec(key)
    if (!match) {
      this.#complain('a task in the config topic has no number and is passed over', key)
      return
    }
    const config = properties(parsed)
    if (!config) return
    const [, name, task] = match
    const waiting = this.#pending.get(name!) ?? new Map<number, ConnectorConfig>()
    waiting.set(Number(task), config)
    this.#pending.set(name!, waiting)
  }

  #applyCommit(name: string, parsed: unknown): void {
    const count = (parsed as { tasks?: unknown } | null)?.tasks
    if (typeof count !== 'number') return
    const waiting = this.#pending.get(name) ?? new Map<number, ConnectorConfig>()
    this.#pending.delete(name)
    const before = this.#committed.get(name) ?? []
    const after: ConnectorConfig[] = []
    for (let task = 0; task < count; task++) {
      const config = waiting.get(task) ?? before[task]
      if (config) after.push(config)
    }
    if (after.length < count) {
      this.#torn.add(name)
      return
    }
    const wasTorn = this.#torn.delete(name)
    this.#committed.set(name, after)
    const changed: number[] = []
    for (let task = 0; task < Math.max(before.length, after.length); task++)
      if (wasTorn || waiting.has(task) || !same(before[task], after[task])) changed.push(task)
    if (changed.length > 0) this.#listener?.tasksChanged(name, changed)
  }

  #applyRestart(connector: string, parsed: unknown): void {
    const request = parsed as { 'include-tasks'?: unknown; 'only-failed'?: unknown } | null
    if (!request) return
    this.#listener?.restartRequested({
      connector,
      includeTasks: request['include-tasks'] === true,
      onlyFailed: request['only-failed'] === true,
    })
  }

  #applySessionKey(parsed: unknown): void {
    const { key, algorithm, 'creation-timestamp': createdAt } = (parsed ?? {}) as Record<string, unknown>
    if (typeof key !== 'string' || typeof algorithm !== 'string' || typeof createdAt !== 'number') {
      this.#complain('the session key in the config topic is not whole and is passed over', 'session-key')
      return
    }
    this.#lastKey = { key: Buffer.from(key, 'base64'), algorithm, createdAt }
    this.#listener?.sessionKeyChanged(this.#lastKey)
  }
}

const targetRecord = (name: string, target: TargetState): LogRecord => ({
  key: `target-state-${name}`,
  value: JSON.stringify({ state: target === 'STOPPED' ? 'PAUSED' : target, 'state.v2': target }),
})
