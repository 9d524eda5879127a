/**
 * The states of connectors and tasks, and the active topics of each connector: Kafka Connect's status topic, read into memory. A worker
 * that was removed from the group never overwrites the status that a newer generation has written.
 */
import type { TaskWork } from '../sdk/index.ts'
import type { LogEntry, RecordLog } from './record-log.ts'

export type StatusState = 'UNASSIGNED' | 'RUNNING' | 'PAUSED' | 'FAILED' | 'RESTARTING' | 'STOPPED' | 'DESTROYED'

/** What Kafka Connect does not have in a status, and its workers read over. */
export interface StatusDetails {
  /** Of a FAILED connector or task: the automatic restart to come, or why there is none. */
  restart?: { restarts: number; nextTime: number | null; reason: string }
  /** Of a RUNNING task: where it waits, and since when (ms since the epoch). */
  stalled?: { stage: string; since: number }
  /** Of a RUNNING task: how far its work is, as the connector says, or what it tries again. */
  progress?: TaskWork
  /** Of a connector: what is wrong in its system. */
  warnings?: readonly string[]
}

export interface Status extends StatusDetails {
  state: StatusState
  trace: string | null
  workerId: string
  generation: number
  version: string | null
}

/** The states of a task that may still write. */
const RUNNING_STATES: readonly StatusState[] = ['RUNNING', 'PAUSED', 'RESTARTING']

const connectorKey = (name: string) => `status-connector-${name}`
const taskKey = (name: string, task: number) => `status-task-${name}-${task}`
const topicKey = (topic: string, connector: string) => `status-topic-${topic}:connector-${connector}`

export class StatusBackingStore {
  readonly #log: RecordLog
  readonly #warn: (message: string, key: string) => void
  readonly #connectors = new Map<string, Status>()
  readonly #tasksByConnector = new Map<string, Map<number, Status>>()
  readonly #topicsByConnector = new Map<string, Set<string>>()
  /** Keys of active topics that were written and not read back yet: they are not written twice. */
  readonly #unreadTopicKeys = new Set<string>()
  /** Called after each task status that is read. */
  readonly #taskListeners = new Set<() => void>()

  constructor(log: RecordLog, warn: (message: string, key: string) => void) {
    this.#log = log
    this.#warn = warn
  }

  start = (): Promise<void> => this.#log.start((entry) => this.#apply(entry))
  refresh = (timeoutMs?: number): Promise<void> => this.#log.readToEnd(timeoutMs)
  close = (): Promise<void> => this.#log.close()

  /** The names of all connectors that have a record in the topic. */
  connectors = (): string[] => [
    ...new Set([...this.#connectors.keys(), ...this.#tasksByConnector.keys(), ...this.#topicsByConnector.keys()]),
  ]
  connector = (name: string): Status | undefined => this.#connectors.get(name)
  task = (name: string, task: number): Status | undefined => this.#tasksByConnector.get(name)?.get(task)
  tasks = (name: string): ReadonlyMap<number, Status> => this.#tasksByConnector.get(name) ?? new Map()
  topics = (name: string): string[] => [...(this.#topicsByConnector.get(name) ?? [])].sort()
  hasTopic = (name: string, topic: string): boolean =>
    this.#topicsByConnector.get(name)?.has(topic) === true || this.#unreadTopicKeys.has(topicKey(topic, name))

  /** Resolves when no task of a connector has a status of one that still runs, or when `signal` aborts. */
  async tasksStopped(name: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const check = () => {
      if (![...this.tasks(name).values()].some(({ state }) => RUNNING_STATES.includes(state))) resolve()
    }
    signal.addEventListener('abort', () => resolve(), { once: true })
    this.#taskListeners.add(check)
    check()
    await promise
    this.#taskListeners.delete(check)
  }

  putConnector = (name: string, status: Status): Promise<void> => this.#put(connectorKey(name), this.connector(name), status)
  putTask = (name: string, task: number, status: Status): Promise<void> => this.#put(taskKey(name, task), this.task(name, task), status)

  removeConnector = (name: string): Promise<void> => this.#log.append([{ key: connectorKey(name), value: null }])
  removeTask = (name: string, task: number): Promise<void> => this.#log.append([{ key: taskKey(name, task), value: null }])

  async putTopic(topic: string, connector: string, task: number, discoverTimestamp: number): Promise<void> {
    const key = topicKey(topic, connector)
    this.#unreadTopicKeys.add(key)
    try {
      await this.#log.append([{ key, value: JSON.stringify({ topic: { name: topic, connector, task, discoverTimestamp } }) }])
    } catch (error) {
      this.#unreadTopicKeys.delete(key)
      throw error
    }
  }

  removeTopics = (connector: string): Promise<void> => {
    const records = this.topics(connector).map((topic) => ({ key: topicKey(topic, connector), value: null }))
    return records.length > 0 ? this.#log.append(records) : Promise.resolve()
  }

  async #put(key: string, before: Status | undefined, status: Status): Promise<void> {
    // Invariant 9: a former owner must not overwrite the status of a newer generation.
    if (before && before.workerId !== status.workerId && before.generation > status.generation) return
    const { state, trace, workerId, generation, ...rest } = status
    await this.#log.append([{ key, value: JSON.stringify({ state, trace, worker_id: workerId, generation, ...rest }) }])
  }

  #apply({ key, value }: LogEntry): void {
    let parsed: Record<string, unknown> | null = null
    if (value !== null) {
      try {
        parsed = JSON.parse(value) as Record<string, unknown>
      } catch {
        this.#warn('a record of the status topic is not JSON and is ignored', key)
        return
      }
    }
    const task = /^status-task-(.*)-(\d+)$/.exec(key)
    const topic = /^status-topic-(.*):connector-(.*)$/.exec(key)
    if (key.startsWith('status-connector-')) setOrDelete(this.#connectors, key.slice('status-connector-'.length), statusOf(parsed))
    else if (task) this.#applyTask(task[1]!, Number(task[2]), statusOf(parsed))
    else if (topic) this.#applyTopic(key, topic[1]!, topic[2]!, parsed !== null)
    else this.#warn('a record of the status topic has an unknown key and is ignored', key)
  }

  #applyTask(connector: string, task: number, status: Status | null): void {
    const tasks = getOrCreate(this.#tasksByConnector, connector, () => new Map<number, Status>())
    setOrDelete(tasks, task, status)
    if (tasks.size === 0) this.#tasksByConnector.delete(connector)
    for (const listener of this.#taskListeners) listener()
  }

  #applyTopic(key: string, topic: string, connector: string, active: boolean): void {
    this.#unreadTopicKeys.delete(key)
    const topics = getOrCreate(this.#topicsByConnector, connector, () => new Set<string>())
    if (active) topics.add(topic)
    else topics.delete(topic)
    if (topics.size === 0) this.#topicsByConnector.delete(connector)
  }
}

function getOrCreate<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key)
  if (!value) {
    value = create()
    map.set(key, value)
  }
  return value
}

function setOrDelete<K>(map: Map<K, Status>, key: K, status: Status | null): void {
  if (status) map.set(key, status)
  else map.delete(key)
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

function statusOf(parsed: Record<string, unknown> | null): Status | null {
  if (!parsed) return null
  return {
    state: parsed.state as StatusState,
    trace: (parsed.trace as string | undefined) ?? null,
    workerId: String(parsed.worker_id),
    generation: Number(parsed.generation),
    version: (parsed.version as string | undefined) ?? null,
    ...(isObject(parsed.restart) ? { restart: parsed.restart as StatusDetails['restart'] & object } : {}),
    ...(isObject(parsed.stalled) ? { stalled: parsed.stalled as StatusDetails['stalled'] & object } : {}),
    ...(isObject(parsed.progress) ? { progress: parsed.progress as TaskWork } : {}),
    ...(Array.isArray(parsed.warnings) ? { warnings: parsed.warnings.map(String) } : {}),
  }
}
