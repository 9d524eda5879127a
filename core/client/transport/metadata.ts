/**
 * The cached metadata of a cluster: its brokers, its controller, and the topics in use. Concurrent refreshes share one request; when no
 * known broker responds, the bootstrap servers are tried again. It never goes back to an older leader epoch of a partition.
 */
import metadataApi from '../../apis/03-metadata.ts'
import { accessHint, errorName, KafkaError } from '../../errors.ts'
import { AuthenticationError } from '../../security/authentication-error.ts'
import { type Backoff, backoffMs } from '../../system/backoff.ts'
import type { System } from '../../system/index.ts'
import { within } from '../../system/within.ts'
import type { ResponseOf } from '../../wire/api.ts'
import { ZERO_UUID } from '../../wire/types.ts'
import { clientLimits } from '../limits.ts'
import type { TopicMetadata } from '../types.ts'
import type { ConnectionPool, Node } from './connection-pool.ts'

type MetadataResponse = ResponseOf<typeof metadataApi>

interface CachedTopic {
  topic: TopicMetadata
  /** Monotonic ms, as `usedAt`. */
  refreshedAt: number
  usedAt: number
}

/** A Metadata request in flight, or the next one. */
interface MetadataRequest {
  /** Null: all topics. */
  names: Set<string> | null
  allowCreation: boolean
  promise: Promise<void>
}

interface MetadataSettings {
  bootstrapServers: string | readonly string[]
  metadataMaxAgeMs: number
  requestTimeoutMs: number
  retry: Backoff
}

/** The timeout of a request to one broker, so that the next candidate is tried in time. */
const MAX_ATTEMPT_MS = 15_000

const reasonOf = (error: Error | null): string => (error ? `: ${error.message}` : '')

export function parseServers(servers: string | readonly string[]): Node[] {
  const list = (typeof servers === 'string' ? servers.split(',') : servers).map((server) => server.trim()).filter((server) => server !== '')
  if (list.length === 0) throw new KafkaError('INVALID_CONFIG', 'bootstrap.servers names no server: give host:port, separated by commas')
  return list.map((server, index) => {
    const match = /^(?:[A-Za-z_]+:\/\/)?\[?([^[\]]+?)\]?:(\d{1,5})$/.exec(server)
    const port = Number(match?.[2])
    if (!match || port < 1 || port > 65535) throw new KafkaError('INVALID_CONFIG', `bootstrap.servers: "${server}" is not host:port`)
    return { id: -1 - index, host: match[1]!, port }
  })
}

export class Metadata {
  clusterId: string | null = null
  controllerId = -1
  readonly #settings: MetadataSettings
  readonly #system: Pick<System, 'clock' | 'random' | 'logger'>
  readonly #pool: ConnectionPool
  readonly #bootstrap: readonly Node[]
  /** Why no broker has responded to the last request; null where one has. */
  #failure: Error | null = null
  #brokers = new Map<number, Node>()
  readonly #topics = new Map<string, CachedTopic>()
  /** Error codes of topics in the last response about them. */
  readonly #errors = new Map<string, number>()
  readonly #listeners = new Set<() => void>()
  /** The last request: it is in flight, has ended, or is one of the next. */
  #last: Promise<void> = Promise.resolve()
  /** By `allowCreation`. */
  readonly #next = new Map<boolean, MetadataRequest>()
  readonly #refreshTimer
  readonly #closing = new AbortController()

  constructor(settings: MetadataSettings, system: Pick<System, 'clock' | 'random' | 'logger'>, pool: ConnectionPool) {
    this.#settings = settings
    this.#system = system
    this.#pool = pool
    this.#bootstrap = parseServers(settings.bootstrapServers)
    this.#refreshTimer = system.clock.every(Math.max(100, settings.metadataMaxAgeMs), () => this.#refreshUsed())
  }

  /** Calls `listener` after every response. Returns a function that removes it. */
  onUpdated(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  node(id: number): Node | undefined {
    return this.#brokers.get(id)
  }

  brokers(): Node[] {
    return [...this.#brokers.values()]
  }

  /** The cached metadata of a topic, however old; it sends no request. */
  peek(name: string): TopicMetadata | undefined {
    const cached = this.#topics.get(name)
    if (!cached) return undefined
    cached.usedAt = this.#system.clock.monotonic()
    return cached.topic
  }

  #isExpired(name: string): boolean {
    const cached = this.#topics.get(name)
    return !cached || cached.refreshedAt + this.#settings.metadataMaxAgeMs <= this.#system.clock.monotonic()
  }

  /** Nodes in the order in which to try them: connected, then known, then the bootstrap servers; random among equals. */
  candidates(): Node[] {
    const rank = ({ id }: Node) => (this.#pool.isConnected(id) ? 0 : 1) + (this.#pool.isReachable(id) ? 0 : 2) + (id < 0 ? 4 : 0)
    const all = [...this.#brokers.values(), ...this.#bootstrap]
    const ranked = all.map((node) => ({ node, rank: rank(node), order: all.length > 1 ? this.#system.random.below(1 << 20) : 0 }))
    return ranked.sort((a, b) => a.rank - b.rank || a.order - b.order).map((entry) => entry.node)
  }

  /**
   * Requests `names` (null: all topics; empty: the brokers only). Resolves after a response, also one with errors of topics.
   * @throws KafkaError of the last attempt when no broker responded in time; request.timeout.ms where `timeoutMs` is not given.
   */
  async refresh(
    names: readonly string[] | null,
    options: { allowCreation?: boolean; timeoutMs?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { clock, random } = this.#system
    const deadline = clock.monotonic() + (options.timeoutMs ?? this.#settings.requestTimeoutMs)
    for (let attempt = 0; ; attempt++) {
      try {
        const refreshed = this.#enqueue(names, options.allowCreation ?? false)
        // The request continues: another caller may wait longer for it.
        if (!(await within(clock, Math.max(0, deadline - clock.monotonic()), refreshed, options.signal)))
          throw new KafkaError('REQUEST_TIMED_OUT', `no broker has answered Metadata in time${reasonOf(this.#failure)}`, {
            cause: this.#failure,
          })
        return await refreshed
      } catch (error) {
        if (error instanceof AuthenticationError) throw error
        const waitMs = backoffMs(this.#settings.retry, attempt, random)
        if (this.#closing.signal.aborted || options.signal?.aborted || clock.monotonic() + waitMs >= deadline) throw error
        await clock.sleep(waitMs, options.signal ?? this.#closing.signal)
      }
    }
  }

  /**
   * Adds to the request that is sent when those before it have ended. Callers that allow the creation of topics have one of their own: it
   * must not create what others only ask for.
   */
  #enqueue(names: readonly string[] | null, allowCreation: boolean): Promise<void> {
    let request = this.#next.get(allowCreation)
    if (!request) {
      const next: MetadataRequest = { names: new Set(), allowCreation, promise: Promise.resolve() }
      next.promise = this.#last
        .catch(() => {})
        .then(() => {
          this.#next.delete(allowCreation)
          return this.#send(next)
        })
      this.#last = next.promise
      this.#next.set(allowCreation, next)
      request = next
    }
    if (names === null) request.names = null
    else if (request.names) for (const name of names) request.names.add(name)
    return request.promise
  }

  async #send(request: MetadataRequest): Promise<void> {
    let failure: unknown = new KafkaError('NETWORK_EXCEPTION', 'no broker can be reached')
    for (const node of this.candidates()) {
      if (this.#closing.signal.aborted) throw new KafkaError('NETWORK_EXCEPTION', 'the client is closed')
      try {
        const topics = request.names && [...request.names].map((name) => ({ topicId: ZERO_UUID, name }))
        const response = await this.#pool.request(
          node,
          metadataApi,
          { topics, allowAutoTopicCreation: request.allowCreation },
          { channel: 'main', timeoutMs: Math.min(this.#settings.requestTimeoutMs, MAX_ATTEMPT_MS), signal: this.#closing.signal },
        )
        if (response.errorCode !== 0) throw new KafkaError(errorName(response.errorCode), `Metadata: ${errorName(response.errorCode)}`)
        this.#update(response, request)
        return
      } catch (error) {
        // Of all failures that of an authentication says most: it is no outage, and ends the call.
        if (!(failure instanceof AuthenticationError)) failure = error
        this.#system.logger.debug({ node: node.id, host: node.host, port: node.port, err: error }, 'Metadata request failed')
      }
    }
    this.#logUnavailable(failure as Error)
    throw failure
  }

  /** Once for each outage. */
  #logUnavailable(failure: Error): void {
    const isFirst = this.#failure === null
    this.#failure = failure
    if (!isFirst || this.#closing.signal.aborted) return
    const servers = this.#bootstrap.map(({ host, port }) => `${host}:${port}`).join(', ')
    const what =
      failure instanceof AuthenticationError
        ? 'no broker of the cluster accepts this client, or can be trusted; its requests fail until that is solved'
        : 'no broker of the cluster can be reached; the client keeps trying'
    this.#system.logger.warn({ servers, reason: failure.message }, what)
  }

  #update(response: MetadataResponse, { names }: MetadataRequest): void {
    if (this.#failure) this.#system.logger.info({ clusterId: response.clusterId }, 'the cluster can be reached again')
    this.#failure = null
    if (response.brokers.length > 0)
      this.#brokers = new Map(response.brokers.map(({ nodeId, host, port }) => [nodeId, { id: nodeId, host, port }]))
    this.clusterId = response.clusterId
    this.controllerId = response.controllerId
    const now = this.#system.clock.monotonic()
    if (names === null) {
      const existing = new Set(response.topics.map((topic) => topic.name))
      for (const name of [...this.#topics.keys()]) if (!existing.has(name)) this.#forget(name)
    }
    for (const entry of response.topics) {
      const { name } = entry
      if (name === null) continue
      if (entry.errorCode === 0) this.#store({ ...entry, name }, now)
      else if (errorName(entry.errorCode) !== 'LEADER_NOT_AVAILABLE') this.#forget(name)
      this.#errors.delete(name)
      if (entry.errorCode !== 0) this.#errors.set(name, entry.errorCode)
    }
    while (this.#topics.size > clientLimits.topics) this.#forget(this.#topics.keys().next().value as string)
    while (this.#errors.size > clientLimits.topics) this.#errors.delete(this.#errors.keys().next().value as string)
    for (const listener of [...this.#listeners]) listener()
  }

  #store(entry: MetadataResponse['topics'][number] & { name: string }, now: number): void {
    const cached = this.#topics.get(entry.name)
    const previous = cached?.topic.id === entry.topicId ? cached.topic : undefined
    const partitions = entry.partitions
      .map(({ partitionIndex, leaderId, leaderEpoch }) => {
        const cachedPartition = previous?.partitions[partitionIndex]
        // The response may come from a broker with older metadata.
        if (cachedPartition && cachedPartition.leaderEpoch > leaderEpoch && leaderEpoch >= 0) return cachedPartition
        return { index: partitionIndex, leader: leaderId, leaderEpoch }
      })
      .sort((a, b) => a.index - b.index)
    const topic: TopicMetadata = { name: entry.name, id: entry.topicId, internal: entry.isInternal, partitions }
    this.#topics.set(entry.name, { topic, refreshedAt: now, usedAt: cached?.usedAt ?? now })
  }

  #forget(name: string): void {
    this.#topics.delete(name)
    this.#errors.delete(name)
  }

  /**
   * A topic's metadata, requested where it is unknown or older than metadata.max.age.ms; undefined where the topic does not exist.
   * @throws KafkaError where the topic has an error that is not retriable, for example an invalid name.
   */
  async topic(
    name: string,
    options: { refresh?: boolean; allowCreation?: boolean; timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<TopicMetadata | undefined> {
    const { clock, random } = this.#system
    if (!options.refresh && !this.#isExpired(name)) return this.peek(name)
    const deadline = clock.monotonic() + (options.timeoutMs ?? this.#settings.requestTimeoutMs)
    for (let attempt = 0; ; attempt++) {
      this.#errors.delete(name)
      await this.refresh([name], { ...options, timeoutMs: Math.max(1, deadline - clock.monotonic()) })
      const topic = this.peek(name)
      if (topic) return topic
      const error = errorName(this.#errors.get(name) ?? 3)
      const isBeingCreated = error === 'LEADER_NOT_AVAILABLE' || (error === 'UNKNOWN_TOPIC_OR_PARTITION' && options.allowCreation)
      if (error === 'UNKNOWN_TOPIC_OR_PARTITION' && !isBeingCreated) return undefined
      if (!isBeingCreated) throw new KafkaError(error, `topic ${name}: ${error}${accessHint(error, 'DESCRIBE')}`)
      const waitMs = backoffMs(this.#settings.retry, attempt, random)
      if (clock.monotonic() + waitMs >= deadline || options.signal?.aborted || this.#closing.signal.aborted) return undefined
      await clock.sleep(waitMs, options.signal ?? this.#closing.signal)
    }
  }

  async topics(): Promise<TopicMetadata[]> {
    await this.refresh(null)
    return [...this.#topics.values()].map(({ topic }) => topic)
  }

  /** Forgets topics that were not used for twice metadata.max.age.ms, and refreshes the other topics. */
  #refreshUsed(): void {
    const oldest = this.#system.clock.monotonic() - this.#settings.metadataMaxAgeMs * 2
    const names: string[] = []
    for (const [name, { usedAt }] of [...this.#topics]) {
      if (usedAt < oldest) this.#forget(name)
      else names.push(name)
    }
    if (names.length === 0) return
    this.refresh(names).catch((error) =>
      this.#system.logger.warn({ err: error }, 'metadata could not be refreshed; it is retried after metadata.max.age.ms'),
    )
  }

  close(): void {
    this.#refreshTimer.cancel()
    this.#closing.abort()
    this.#listeners.clear()
  }
}
