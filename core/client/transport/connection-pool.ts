/**
 * The connections of a client: one for each node and channel. A broker responds to the requests of one connection in order, so requests
 * that may wait long (Fetch, JoinGroup) have a channel of their own. Connects on demand, waits before it connects again to a node that
 * failed (reconnect.backoff.ms), and closes idle connections (connections.max.idle.ms).
 */
import { KafkaError } from '../../errors.ts'
import { type Backoff, backoffMs } from '../../system/backoff.ts'
import type { System } from '../../system/index.ts'
import { within } from '../../system/within.ts'
import type { AnyApi, Api, RequestOf, ResponseOf } from '../../wire/api.ts'
import { limits } from '../../wire/limits.ts'
import { clientLimits } from '../limits.ts'
import { commonVersion, negotiateVersions } from './api-versions.ts'
import { type Address, abortError, BrokerConnection, type Connect } from './connection.ts'

export interface Node extends Address {
  /** Below zero for a bootstrap server: its broker id is not known yet. */
  id: number
}

/** How a connection is opened: the stream (TCP or TLS), and what authenticates it (SASL), also again while it is open. */
export interface Transport {
  connect: Connect
  authenticate?: ((connection: BrokerConnection, timeoutMs: number) => Promise<void>) | undefined
  /** What a failure means; null where the transport knows nothing about it. */
  explain?: ((error: unknown, address: Address) => Error | null) | undefined
}

interface ConnectionPoolSettings {
  clientId: string
  requestTimeoutMs: number
  connectionsMaxIdleMs: number
  reconnect: Backoff
}

export interface RequestOptions {
  channel: string
  /** request.timeout.ms where it is not given; connecting is part of it. */
  timeoutMs?: number | undefined
  signal?: AbortSignal | undefined
  maxVersion?: number | undefined
}

/** What a broker supports, and the features of the cluster as it knows them. */
export type ClusterVersions = Pick<BrokerConnection, 'versions' | 'features' | 'featuresEpoch'>

interface PoolEntry {
  node: Node
  channel: string
  connection: BrokerConnection | null
  /** Also while an open connection is authenticated again: no request is sent on it then. */
  connecting: Promise<BrokerConnection> | null
  abort: AbortController
}

export class ConnectionPool {
  readonly #settings: ConnectionPoolSettings
  readonly #system: Pick<System, 'clock' | 'random' | 'logger'>
  readonly #transport: Transport
  readonly #allocators = new Map<string, (sizeBytes: number) => Buffer>()
  readonly #entries = new Map<string, PoolEntry>()
  /** By node id: the number of failed attempts in a row, and the time of the next attempt (monotonic ms). */
  readonly #failures = new Map<number, { count: number; retryAt: number }>()
  readonly #idleTimer
  #newest: ClusterVersions = { versions: new Map(), features: new Map(), featuresEpoch: -1 }
  #closed = false

  constructor(settings: ConnectionPoolSettings, system: Pick<System, 'clock' | 'random' | 'logger'>, transport: Transport) {
    this.#settings = settings
    this.#system = system
    this.#transport = transport
    this.#idleTimer = system.clock.every(Math.max(1_000, settings.connectionsMaxIdleMs / 4), () => this.#closeIdle())
  }

  /** False while a connection to the node waits for its reconnect back-off. */
  isReachable(id: number): boolean {
    return (this.#failures.get(id)?.retryAt ?? 0) <= this.#system.clock.monotonic()
  }

  /** Of the connection with the highest epoch of features, the newest of them. Nothing before the first connection. */
  get clusterVersions(): ClusterVersions {
    return this.#newest
  }

  isConnected(id: number): boolean {
    for (const { node, connection } of this.#entries.values()) if (node.id === id && connection) return true
    return false
  }

  /** Responses on the channel get their memory from `allocate`: for a caller that reuses memory. */
  setAllocator(channel: string, allocate: (sizeBytes: number) => Buffer): void {
    this.#allocators.set(channel, allocate)
  }

  /** One request in the highest common version, on the node's connection of the channel. It is not retried. */
  async request<A extends Api>(node: Node, api: A, body: RequestOf<A>, options: RequestOptions): Promise<ResponseOf<A>> {
    const timeoutMs = options.timeoutMs ?? this.#settings.requestTimeoutMs
    const deadline = this.#system.clock.monotonic() + timeoutMs
    const connection = this.ready(node, options.channel) ?? (await this.connection(node, options.channel, deadline, options.signal))
    return connection.request(api, commonVersion(connection, api as AnyApi, options.maxVersion), body, {
      timeoutMs: Math.max(1, deadline - this.#system.clock.monotonic()),
      signal: options.signal,
    })
  }

  /** An open connection that the broker does not throttle, or undefined. */
  ready(node: Node, channel: string): BrokerConnection | undefined {
    const entry = this.#entries.get(`${node.id}/${channel}`)
    const connection = entry?.connection
    if (!connection || entry.connecting || connection.closed) return undefined
    if (connection.address.host !== node.host || connection.address.port !== node.port) return undefined
    if (connection.throttledUntil === 0 && connection.reauthenticateAt === Number.POSITIVE_INFINITY) return connection
    const now = this.#system.clock.monotonic()
    return connection.throttledUntil > now || connection.reauthenticateAt <= now ? undefined : connection
  }

  /** Connects where that is needed, and waits for back-off and throttling until `deadline` (monotonic ms). */
  async connection(node: Node, channel: string, deadline: number, signal?: AbortSignal): Promise<BrokerConnection> {
    const { clock } = this.#system
    for (;;) {
      if (this.#closed) throw new KafkaError('NETWORK_EXCEPTION', 'the client is closed')
      if (signal?.aborted) throw abortError(signal)
      const entry = this.#entry(node, channel)
      const { connection } = entry
      const isOpen = connection !== null && !connection.closed
      if (isOpen && !entry.connecting && connection.reauthenticateAt > clock.monotonic()) {
        const throttleMs = connection.throttledUntil - clock.monotonic()
        if (throttleMs <= 0) return connection
        if (clock.monotonic() >= deadline) throw new KafkaError('REQUEST_TIMED_OUT', `${node.host}:${node.port} throttles this client`)
        await clock.sleep(Math.min(throttleMs, deadline - clock.monotonic()), signal ?? entry.abort.signal)
        continue
      }
      const now = clock.monotonic()
      const retryAt = this.#failures.get(node.id)?.retryAt ?? 0
      if (!isOpen && !entry.connecting && retryAt > now) {
        if (now < deadline) await clock.sleep(Math.min(retryAt, deadline) - now, signal ?? entry.abort.signal)
        if (clock.monotonic() >= deadline) throw new KafkaError('NETWORK_EXCEPTION', `${node.host}:${node.port} cannot be reached`)
        continue
      }
      entry.connecting ??= (isOpen ? this.#reauthenticate(connection) : this.#connect(entry)).finally(() => {
        entry.connecting = null
      })
      const { connecting } = entry
      // Connecting continues after this deadline: another request may wait longer for it.
      if (!(await within(clock, Math.max(0, deadline - now), connecting, signal)) && !signal?.aborted)
        throw new KafkaError('REQUEST_TIMED_OUT', `${node.host}:${node.port}: connecting takes too long`)
      if (!signal?.aborted) await connecting
    }
  }

  #entry(node: Node, channel: string): PoolEntry {
    const key = `${node.id}/${channel}`
    const existing = this.#entries.get(key)
    if (existing && existing.node.host === node.host && existing.node.port === node.port) return existing
    if (existing) this.#remove(key, existing, new Error(`node ${node.id} has moved to ${node.host}:${node.port}`))
    const entry: PoolEntry = { node, channel, connection: null, connecting: null, abort: new AbortController() }
    this.#entries.set(key, entry)
    return entry
  }

  /** Before the session ends (KIP-368). Responses of requests in flight come before those of the authentication. */
  async #reauthenticate(connection: BrokerConnection): Promise<BrokerConnection> {
    try {
      await this.#transport.authenticate?.(connection, this.#settings.requestTimeoutMs)
      return connection
    } catch (error) {
      connection.destroy(error as Error)
      throw error
    }
  }

  async #connect(entry: PoolEntry): Promise<BrokerConnection> {
    const { clock, random, logger } = this.#system
    const { host, port, id } = entry.node
    const timeoutMs = Math.min(this.#settings.requestTimeoutMs, clientLimits.connectTimeoutMs)
    const attempt = new AbortController()
    let connection: BrokerConnection | null = null
    const abort = () => {
      attempt.abort()
      connection?.destroy(new Error('connecting was aborted'))
    }
    const timer = clock.after(timeoutMs, abort)
    entry.abort.signal.addEventListener('abort', abort, { once: true })
    try {
      const stream = await this.#transport.connect({ host, port }, attempt.signal)
      connection = new BrokerConnection(
        stream,
        { host, port },
        {
          clientId: this.#settings.clientId,
          clock,
          allocate: this.#allocators.get(entry.channel),
          onClosed: (error) => {
            logger.debug({ node: id, host, port, reason: error.message }, 'connection closed')
            if (entry.connection === connection) entry.connection = null
          },
        },
      )
      connection.frameBytes = clientLimits.unauthenticatedFrameBytes
      await negotiateVersions(connection, timeoutMs)
      if (connection.featuresEpoch >= this.#newest.featuresEpoch) {
        const { versions, features, featuresEpoch } = connection
        this.#newest = { versions, features, featuresEpoch }
      }
      await this.#transport.authenticate?.(connection, timeoutMs)
      connection.frameBytes = limits.frameBytes
      if (entry.abort.signal.aborted || connection.closed) throw new Error('closed while connecting')
      entry.connection = connection
      this.#failures.delete(id)
      return connection
    } catch (failure) {
      connection?.destroy()
      const error = this.#transport.explain?.(failure, { host, port }) ?? failure
      const count = (this.#failures.get(id)?.count ?? 0) + 1
      this.#failures.set(id, { count, retryAt: clock.monotonic() + backoffMs(this.#settings.reconnect, count - 1, random) })
      if (error instanceof KafkaError && error.error !== 'NETWORK_EXCEPTION') throw error
      throw new KafkaError('NETWORK_EXCEPTION', `${host}:${port}: ${(error as Error).message}`, { cause: error })
    } finally {
      timer.cancel()
      entry.abort.signal.removeEventListener('abort', abort)
    }
  }

  #remove(key: string, entry: PoolEntry, reason: Error): void {
    this.#entries.delete(key)
    entry.abort.abort()
    entry.connection?.destroy(reason)
  }

  /** Closes the connections of one channel; requests in flight on them fail. */
  closeChannel(channel: string): void {
    for (const [key, entry] of this.#entries) if (entry.channel === channel) this.#remove(key, entry, new Error('closed'))
    this.#allocators.delete(channel)
  }

  #closeIdle(): void {
    const oldest = this.#system.clock.monotonic() - this.#settings.connectionsMaxIdleMs
    for (const [key, entry] of this.#entries) {
      if (entry.connecting) continue
      const { connection } = entry
      if (!connection || (connection.inFlight === 0 && connection.lastUsed < oldest)) this.#remove(key, entry, new Error('idle'))
    }
  }

  close(): void {
    this.#closed = true
    this.#idleTimer.cancel()
    for (const [key, entry] of this.#entries) this.#remove(key, entry, new Error('the client is closed'))
  }
}
