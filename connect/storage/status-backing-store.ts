/**
 * How connectors and tasks are: Kafka Connect's status topic, and the topics that each connector has used. A worker that was left behind
 * never overwrites what a newer generation said.
 */
import type { LogEntry, RecordLog } from './record-log.ts'

export type StatusState = 'UNASSIGNED' | 'RUNNING' | 'PAUSED' | 'FAILED' | 'RESTARTING' | 'STOPPED' | 'DESTROYED'

export interface Status {
  state: StatusState
  trace: string | null
  workerId: string
  generation: number
  version: string | null
}

const connectorKey = (name: string) => `status-connector-${name}`
const taskKey = (name: string, task: number) => `status-task-${name}-${task}`
const topicKey = (topic: string, connector: string) => `status-topic-${topic}:connector-${connector}`

export class StatusStore {
  readonly #log: RecordLog
  readonly #complain: (message: string, key: string) => void
  readonly #connectors = new Map<string, Status>()
  readonly #tasksByConnector = new Map<string, Map<number, Status>>()
  readonly #topicsByConnector = new Map<string, Set<string>>()
  /** Keys of topics that were written and have not come back yet: they are not written again meanwhile. */
  readonly #noting = new Set<string>()

  constructor(log: RecordLog, complain: (message: string, key: string) => void) {
    this.#log = log
    this.#complain = complain
  }

  start = (): Promise<void> => this.#log.start((entry) => this.#apply(entry))
  refresh = (timeoutMs?: number): Promise<void> => this.#log.readToEnd(timeoutMs)
  close = (): Promise<void> => this.#log.close()

  /** Of all connectors of which anything is known. */
  names = (): string[] => [...new Set([...this.#connectors.keys(), ...this.#tasksByConnector.keys()])]
  connector = (name: string): Status | undefined => this.#connectors.get(name)
  task = (name: string, task: number): Status | undefined => this.#tasksByConnector.get(name)?.get(task)
  tasks = (name: string): ReadonlyMap<number, Status> => this.#tasksByConnector.get(name) ?? new Map()
  topics = (name: string): string[] => [...(this.#topicsByConnector.get(name) ?? [])].sort()
  hasTopic = (name: string, topic: string): boolean =>
    this.#topicsByConnector.get(name)?.has(topic) === true || this.#noting.has(topicKey(topic, name))

  putConnector = (name: string, status: Status): Promise<void> => this.#put(connectorKey(name), this.connector(name), status)
  putTask = (name: string, task: number, status: Status): Promise<void> => this.#put(taskKey(name, task), this.task(name, task), status)

  removeConnector = (name: string): Promise<void> => this.#log.append([{ key: connectorKey(name), value: null }])
  removeTask = (name: string, task: number): Promise<void> => this.#log.append([{ key: taskKey(name, task), value: null }])

  async putTopic(topic: string, connector: string, task: number, discoverTimestamp: number): Promise<void> {
    const key = topicKey(topic, connector)
    this.#noting.add(key)
    try {
      await this.#log.append([{ key, value: JSON.stringify({ topic: { name: topic, connector, task, discoverTimestamp } }) }])
    } catch (error) {
      this.#noting.delete(key)
      throw error
    }
  }

  removeTopics = (connector: string): Promise<void> => {
    const records = this.topics(connector).map((topic) => ({ key: topicKey(topic, connector), value: null }))
    return records.length > 0 ? this.#log.append(records) : Promise.resolve()
  }

  async #put(key: string, before: Status | undefined, status: Status): Promise<void> {
    // Invariant 9: what a newer generation said of it stays, whatever an old owner still has to tell
    if (before && before.workerId !== status.workerId && before.generation > status.generation) return
    const { state, trace, workerId, generation, version } = status
    await this.#log.append([{ key, value: JSON.stringify({ state, trace, worker_id: workerId, generation, version }) }])
  }

  #apply({ key, value }: LogEntry): void {
    let parsed: Record<string, unknown> | null = null
    if (value !== null) {
      try {
        parsed = JSON.parse(value) as Record<string, unknown>
      } catch {
        this.#complain('a record of the status topic is not JSON and is passed over', key)
        return
      }
    }
    const task = /^status-task-(.*)-(\d+)$/.exec(key)
    const topic = /^status-topic-(.*):connector-(.*)$/.exec(key)
    if (key.startsWith('status-connector-')) set(this.#connectors, key.slice('status-connector-'.length), statusOf(parsed))
    else if (task) {
      const tasks = within(this.#tasksByConnector, task[1]!, () => new Map<number, Status>())
      set(tasks, Number(task[2]), statusOf(parsed))
      if (tasks.size === 0) this.#tasksByConnector.delete(task[1]!)
    } else if (topic) {
      const known = within(this.#topicsByConnector, topic[2]!, () => new Set<string>())
      this.#noting.delete(key)
      if (parsed) known.add(topic[1]!)
      else known.delete(topic[1]!)
    } else this.#complain('a record of the status topic has a key that is not known and is passed over', key)
  }
}

function within<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let found = map.get(key)
  if (!found) {
    found = make()
    map.set(key, found)
  }
  return found
}

function set<K>(map: Map<K, Status>, key: K, status: Status | null): void {
  if (status) map.set(key, status)
  else map.delete(key)
}

function statusOf(parsed: Record<string, unknown> | null): Status | null {
  if (!parsed) return null
  return {
    state: parsed.state as StatusState,
    trace: (parsed.trace as string | undefined) ?? null,
    workerId: String(parsed.worker_id),
    generation: Number(parsed.generation),
    version: (parsed.version as string | undefined) ?? null,
  }
}
