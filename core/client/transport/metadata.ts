/**
 * What the client knows of a cluster: its brokers, its controller, and the topics that somebody asked for. Questions of one turn go out as
 * one request; when no known broker answers, the bootstrap list is asked again. It never goes back to an older leader epoch of a partition.
 */
import metadataApi from '../../apis/03-metadata.ts'
import { errorName, KafkaError } from '../../errors.ts'
import { type Backoff, backoffMs } from '../../system/backoff.ts'
import type { System } from '../../system/index.ts'
import { within } from '../../system/within.ts'
import type { ResponseOf } from '../../wire/api.ts'
import { ZERO_UUID } from '../../wire/types.ts'
import { clientLimits } from '../limits.ts'
import type { TopicMetadata } from '../types.ts'
import type { ConnectionPool, Node } from './connection-pool.ts'

interface Known {
  topic: TopicMetadata
  /** Monotonic ms. */
  asked: number
  used: number
}

/** One question on its way, or the next one to go. */
interface Round {
  names: Set<string> | null
  allowCreation: boolean
  promise: Promise<void>
}

export interface MetadataSettings {
  bootstrapServers: string | readonly string[]
  metadataMaxAgeMs: number
  requestTimeoutMs: number
  retry: Backoff
}

export function parseServers(servers: string | readonly string[]): Node[] {
  const list = (typeof servers === 'string' ? servers.split(',') : servers).map((server) => server.trim()).filter((server) => server !== '')
  if (list.length === 0) throw new KafkaError('INVALID_CONFIG', 'bootstrap.servers names no server: give host:port, separated by commas')
  return list.map((server, index) => {
    const match = /^(?:[A-Za-z_]+:\/\/)?\[?([^[\]]+?)\]?:(\d{1,5})$/.exec(server)
    const port = Number(match?.[2])
    if (!match || port < 1 || port > 65535) throw new KafkaError('INVALID_CONFIG', `bootstrap.servers: "${server}" is not host:port`)
    return { id: -1 - index, host: match[1]!, port, rack: null }
  })
}

export class Metadata {
  clusterId: string | null = null
  controllerId = -1
  readonly #settings: MetadataSettings
  readonly #system: Pick<System, 'clock' | 'random' | 'logger'>
  readonly #nodes: ConnectionPool
  readonly #bootstrap: readonly Node[]
  /** No broker answered when they were asked last. */
  #silent = false
  #brokers = new Map<number, Node>()
  readonly #known = new Map<string, Known>()
  readonly #namesById = new Map<string, string>()
  readonly #listeners = new Set<() => void>()
  #current: Round | null = null
  #next: Round | null = null
  readonly #refresher
  readonly #closing = new AbortController()
  /** Topics whose last answer was an error, and which. */
  readonly #troubled = new Map<string, number>()

  constructor(settings: MetadataSettings, system: Pick<System, 'clock' | 'random' | 'logger'>, nodes: ConnectionPool) {
    this.#settings = settings
    this.#system = system
    this.#nodes = nodes
    this.#bootstrap = parseServers(settings.bootstrapServers)
    this.#refresher = system.clock.every(Math.max(100, settings.metadataMaxAgeMs), () => this.#refreshOld())
  }

  /** Told after every answer. Returns what takes the listener away. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  node(id: number): Node | undefined {
    return this.#brokers.get(id)
  }

  brokerList(): Node[] {
    return [...this.#brokers.values()]
  }

  /** What is known; nothing is asked. */
  peek(name: string): TopicMetadata | undefined {
    const known = this.#known.get(name)
    if (!known) return undefined
    known.used = this.#system.clock.monotonic()
    return known.topic
  }

  nameOf(topicId: string): string | undefined {
    return this.#namesById.get(topicId)
  }

  isOld(name: string): boolean {
    const known = this.#known.get(name)
    return !known || known.asked + this.#settings.metadataMaxAgeMs <= this.#system.clock.monotonic()
  }

  /** Nodes in the order in which to try them: connected, then known, then the bootstrap list. */
  candidates(): Node[] {
    const rank = (node: Node) => (this.#nodes.connected(node.id) ? 0 : 1) + (this.#nodes.usable(node.id) ? 0 : 2) + (node.id < 0 ? 4 : 0)
    const all = [...this.#brokers.values(), ...this.#bootstrap]
    const shuffled = all.map((node) => ({ node, rank: rank(node), draw: all.length > 1 ? this.#system.random.below(1 << 20) : 0 }))
    return shuffled.sort((a, b) => a.rank - b.rank || a.draw - b.draw).map((entry) => entry.node)
  }

  /** Asks for `names` (null: all topics; none: the brokers only). Resolves after an answer; rejects when no broker gave one in time. */
  async refresh(
    names: readonly string[] | null,
    options: { allowCreation?: boolean; timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<void> {
    const { clock, random } = this.#system
    const deadline = clock.monotonic() + (options.timeoutMs ?? this.#settings.requestTimeoutMs)
    for (let attempt = 0; ; attempt++) {
      try {
        const asked = this.#ask(names, options.allowCreation ?? false)
        // Others may wait longer for the same answer.
        if (!(await within(clock, Math.max(0, deadline - clock.monotonic()), asked, options.signal)))
          throw new KafkaError('REQUEST_TIMED_OUT', 'no broker has answered Metadata in time')
        return await asked
      } catch (error) {
        const waitMs = backoffMs(this.#settings.retry, attempt, random)
        if (this.#closing.signal.aborted || options.signal?.aborted || clock.monotonic() + waitMs >= deadline) throw error
        await clock.sleep(waitMs, options.signal ?? this.#closing.signal)
      }
    }
  }

  #ask(names: readonly string[] | null, allowCreation: boolean): Promise<void> {
    if (!this.#next) {
      const round: Round = { names: new Set(), allowCreation: false, promise: Promise.resolve() }
      const before = this.#current?.promise ?? Promise.resolve()
      round.promise = before
        .catch(() => {})
        .then(() => {
          this.#next = null
          this.#current = round
          return this.#askNow(round)
        })
      this.#next = round
    }
    const round = this.#next
    if (names === null) round.names = null
    else if (round.names) for (const name of names) round.names.add(name)
    if (allowCreation) round.allowCreation = true
    return round.promise
  }

  async #askNow(round: Round): Promise<void> {
    let failure: unknown = new KafkaError('NETWORK_EXCEPTION', 'no broker can be reached')
    for (const node of this.candidates()) {
      if (this.#closing.signal.aborted) throw new KafkaError('NETWORK_EXCEPTION', 'the client is closed')
      try {
        const topics = round.names && [...round.names].map((name) => ({ topicId: ZERO_UUID, name }))
        const answer = await this.#nodes.request(
          node,
          metadataApi,
          { topics, allowAutoTopicCreation: round.allowCreation },
          { lane: 'main', timeoutMs: Math.min(this.#settings.requestTimeoutMs, 15_000), signal: this.#closing.signal },
        )
        if (answer.errorCode !== 0) throw new KafkaError(errorName(answer.errorCode), `Metadata: ${errorName(answer.errorCode)}`)
        this.#take(answer, round)
        return
      } catch (error) {
        failure = error
        this.#system.logger.debug({ node: node.id, host: node.host, port: node.port, err: error }, 'metadata not answered')
      }
    }
    this.#noteSilence(failure as Error)
    throw failure
  }

  /** Told once for as long as it lasts: whoever waits for a cluster wants to know why. */
  #noteSilence({ message }: Error): void {
    if (this.#silent || this.#closing.signal.aborted) return
    this.#silent = true
    const servers = this.#bootstrap.map(({ host, port }) => `${host}:${port}`).join(', ')
    this.#system.logger.warn({ servers, reason: message }, 'no broker of the cluster answers; it is asked again and again')
  }

  #take(answer: ResponseOf<typeof metadataApi>, round: Round): void {
    if (this.#silent) this.#system.logger.info({ clusterId: answer.clusterId }, 'the cluster answers')
    this.#silent = false
    if (answer.brokers.length > 0)
      this.#brokers = new Map(answer.brokers.map(({ nodeId, host, port, rack }) => [nodeId, { id: nodeId, host, port, rack }]))
    this.clusterId = answer.clusterId
    this.controllerId = answer.controllerId
    const now = this.#system.clock.monotonic()
    if (round.names === null) {
      const there = new Set(answer.topics.map((topic) => topic.name))
      for (const name of [...this.#known.keys()]) if (!there.has(name)) this.#forget(name)
    }
    for (const entry of answer.topics) {
      if (entry.name === null) continue
      if (entry.errorCode === 0) this.#learn(entry as typeof entry & { name: string }, now)
      else if (errorName(entry.errorCode) !== 'LEADER_NOT_AVAILABLE') this.#forget(entry.name)
      this.#troubled.delete(entry.name)
      if (entry.errorCode !== 0) this.#troubled.set(entry.name, entry.errorCode)
    }
    while (this.#known.size > clientLimits.topics) this.#forget(this.#known.keys().next().value as string)
    while (this.#troubled.size > clientLimits.topics) this.#troubled.delete(this.#troubled.keys().next().value as string)
    for (const listener of [...this.#listeners]) listener()
  }

  #learn(entry: ResponseOf<typeof metadataApi>['topics'][number] & { name: string }, now: number): void {
    const before = this.#known.get(entry.name)
    const same = before && before.topic.id === entry.topicId ? before.topic : undefined
    const partitions = entry.partitions
      .map((p) => {
        const fresh = { index: p.partitionIndex, leader: p.leaderId, leaderEpoch: p.leaderEpoch, replicas: p.replicaNodes, isr: p.isrNodes }
        const old = same?.partitions[p.partitionIndex]
        return old && old.leaderEpoch > fresh.leaderEpoch && fresh.leaderEpoch >= 0 ? old : fresh
      })
      .sort((a, b) => a.index - b.index)
    if (before && !same) this.#namesById.delete(before.topic.id)
    const topic: TopicMetadata = { name: entry.name, id: entry.topicId, internal: entry.isInternal, partitions }
    this.#known.set(entry.name, { topic, asked: now, used: before?.used ?? now })
    if (entry.topicId !== ZERO_UUID) this.#namesById.set(entry.topicId, entry.name)
  }

  #forget(name: string): void {
    const known = this.#known.get(name)
    if (known) this.#namesById.delete(known.topic.id)
    this.#known.delete(name)
    this.#troubled.delete(name)
  }

  /** A topic's metadata, asked for where it is unknown or old. */
  async topic(
    name: string,
    options: { refresh?: boolean; allowCreation?: boolean; timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<TopicMetadata | undefined> {
    const { clock, random } = this.#system
    if (!options.refresh && !this.isOld(name)) return this.peek(name)
    const deadline = clock.monotonic() + (options.timeoutMs ?? this.#settings.requestTimeoutMs)
    for (let attempt = 0; ; attempt++) {
      this.#troubled.delete(name)
      await this.refresh([name], { ...options, timeoutMs: Math.max(1, deadline - clock.monotonic()) })
      const topic = this.peek(name)
      if (topic) return topic
      const trouble = errorName(this.#troubled.get(name) ?? 3)
      const comes = trouble === 'LEADER_NOT_AVAILABLE' || (trouble === 'UNKNOWN_TOPIC_OR_PARTITION' && options.allowCreation)
      if (trouble === 'UNKNOWN_TOPIC_OR_PARTITION' && !comes) return undefined
      if (!comes) throw new KafkaError(trouble, `topic ${name}: ${trouble}`)
      const waitMs = backoffMs(this.#settings.retry, attempt, random)
      if (clock.monotonic() + waitMs >= deadline || options.signal?.aborted || this.#closing.signal.aborted) return undefined
      await clock.sleep(waitMs, options.signal ?? this.#closing.signal)
    }
  }

  async topics(): Promise<TopicMetadata[]> {
    await this.refresh(null)
    return [...this.#known.values()].map((known) => known.topic)
  }

  /** What was used since the last time is asked for again; the rest is dropped. */
  #refreshOld(): void {
    const since = this.#system.clock.monotonic() - this.#settings.metadataMaxAgeMs * 2
    const names: string[] = []
    for (const [name, known] of [...this.#known]) {
      if (known.used < since) this.#forget(name)
      else names.push(name)
    }
    if (names.length === 0) return
    this.refresh(names).catch((error) => this.#system.logger.warn({ err: error }, 'metadata could not be refreshed; asked again later'))
  }

  close(): void {
    this.#refresher.cancel()
    this.#closing.abort()
    this.#listeners.clear()
  }
}
