/**
 * The connections of a client: one per node and lane. A lane keeps what may wait long (a fetch, a join) from holding up the rest, because a
 * broker answers one connection in order. Connects on demand, waits before it tries a failed node again, and drops what has been idle.
 */
import { KafkaError } from '../../errors.ts'
import { type Backoff, backoffMs } from '../../system/backoff.ts'
import type { System } from '../../system/index.ts'
import { within } from '../../system/within.ts'
import type { AnyApi, Api, RequestOf, ResponseOf } from '../../wire/api.ts'
import { clientLimits } from '../limits.ts'
import { commonVersion, negotiate } from './api-versions.ts'
import { type Address, abortError, BrokerConnection, type Connect } from './connection.ts'

export interface Node extends Address {
  /** Below zero: from the bootstrap list, its id is not known yet. */
  id: number
  rack: string | null
}

/** How a client comes through the door: the stream (TCP, later TLS), and what is said first on it (later SASL). */
export interface Transport {
  connect: Connect
  authenticate?: ((connection: BrokerConnection) => Promise<void>) | undefined
}

export interface ConnectionPoolSettings {
  clientId: string
  requestTimeoutMs: number
  connectionsMaxIdleMs: number
  reconnect: Backoff
}

export interface RequestOptions {
  lane: string
  timeoutMs?: number | undefined
  signal?: AbortSignal | undefined
  maxVersion?: number | undefined
}

interface Seat {
  node: Node
  lane: string
  connection: BrokerConnection | null
  connecting: Promise<BrokerConnection> | null
  abort: AbortController
}

export class ConnectionPool {
  /** By lane: where its answers get their memory, for lanes that use memory again. */
  readonly allocators = new Map<string, (sizeBytes: number) => Buffer>()
  readonly #settings: ConnectionPoolSettings
  readonly #system: Pick<System, 'clock' | 'random' | 'logger'>
  readonly #doors: Transport
  readonly #seats = new Map<string, Seat>()
  readonly #failed = new Map<number, { times: number; notBefore: number }>()
  readonly #sweeper
  #closed = false

  constructor(settings: ConnectionPoolSettings, system: Pick<System, 'clock' | 'random' | 'logger'>, doors: Transport) {
    this.#settings = settings
    this.#system = system
    this.#doors = doors
    this.#sweeper = system.clock.every(Math.max(1_000, settings.connectionsMaxIdleMs / 4), () => this.#sweep())
  }

  /** Whether a connection to the node is open, or may be tried now. */
  usable(id: number): boolean {
    return (this.#failed.get(id)?.notBefore ?? 0) <= this.#system.clock.monotonic()
  }

  connected(id: number): boolean {
    for (const seat of this.#seats.values()) if (seat.node.id === id && seat.connection) return true
    return false
  }

  /** One request on one connection: found or made, in the highest common version. It is not tried again. */
  async request<A extends Api>(node: Node, api: A, body: RequestOf<A>, options: RequestOptions): Promise<ResponseOf<A>> {
    const timeoutMs = options.timeoutMs ?? this.#settings.requestTimeoutMs
    const deadline = this.#system.clock.monotonic() + timeoutMs
    const connection = this.open(node, options.lane) ?? (await this.connection(node, options.lane, deadline, options.signal))
    return connection.request(api, commonVersion(connection, api as AnyApi, options.maxVersion), body, {
      timeoutMs: Math.max(1, deadline - this.#system.clock.monotonic()),
      signal: options.signal,
    })
  }

  /** An open connection that the broker does not hold back; undefined where it takes waiting. */
  open(node: Node, lane: string): BrokerConnection | undefined {
    const connection = this.#seats.get(`${node.id}/${lane}`)?.connection
    if (!connection || connection.closed || connection.address.host !== node.host || connection.address.port !== node.port) return undefined
    return connection.throttledUntil > 0 && connection.throttledUntil > this.#system.clock.monotonic() ? undefined : connection
  }

  async connection(node: Node, lane: string, deadline: number, signal?: AbortSignal): Promise<BrokerConnection> {
    const { clock } = this.#system
    for (;;) {
      if (this.#closed) throw new KafkaError('NETWORK_EXCEPTION', 'the client is closed')
      if (signal?.aborted) throw abortError(signal)
      const seat = this.#seat(node, lane)
      const { connection } = seat
      if (connection && !connection.closed) {
        const heldBackMs = connection.throttledUntil - clock.monotonic()
        if (heldBackMs <= 0) return connection
        if (clock.monotonic() >= deadline) throw new KafkaError('REQUEST_TIMED_OUT', `${node.host}:${node.port} throttles us`)
        await clock.sleep(Math.min(heldBackMs, deadline - clock.monotonic()), signal ?? seat.abort.signal)
        continue
      }
      const now = clock.monotonic()
      const notBefore = this.#failed.get(node.id)?.notBefore ?? 0
      if (!seat.connecting && notBefore > now) {
        if (now >= deadline) throw new KafkaError('NETWORK_EXCEPTION', `${node.host}:${node.port} cannot be reached`)
        await clock.sleep(Math.min(notBefore, deadline) - now, signal ?? seat.abort.signal)
        if (clock.monotonic() >= deadline) throw new KafkaError('NETWORK_EXCEPTION', `${node.host}:${node.port} cannot be reached`)
        continue
      }
      seat.connecting ??= this.#connect(seat).finally(() => {
        seat.connecting = null
      })
      const { connecting } = seat
      // What comes too late for one may come in time for another: it goes on.
      if (!(await within(clock, Math.max(0, deadline - now), connecting, signal)) && !signal?.aborted)
        throw new KafkaError('REQUEST_TIMED_OUT', `${node.host}:${node.port} takes too long to connect`)
      if (!signal?.aborted) await connecting
    }
  }

  #seat(node: Node, lane: string): Seat {
    const key = `${node.id}/${lane}`
    const known = this.#seats.get(key)
    if (known && known.node.host === node.host && known.node.port === node.port) return known
    if (known) this.#leave(key, known, new Error(`node ${node.id} has moved to ${node.host}:${node.port}`))
    const seat: Seat = { node, lane, connection: null, connecting: null, abort: new AbortController() }
    this.#seats.set(key, seat)
    return seat
  }

  async #connect(seat: Seat): Promise<BrokerConnection> {
    const { clock, random, logger } = this.#system
    const { node } = seat
    const timeoutMs = Math.min(this.#settings.requestTimeoutMs, clientLimits.connectTimeoutMs)
    const attempt = new AbortController()
    let connection: BrokerConnection | null = null
    const giveUp = () => {
      attempt.abort()
      connection?.destroy(new Error('gave up connecting'))
    }
    const timer = clock.after(timeoutMs, giveUp)
    seat.abort.signal.addEventListener('abort', giveUp, { once: true })
    try {
      const stream = await this.#doors.connect({ host: node.host, port: node.port }, attempt.signal)
      connection = new BrokerConnection(
        stream,
        { host: node.host, port: node.port },
        {
          clientId: this.#settings.clientId,
          clock,
          allocate: this.allocators.get(seat.lane),
          onClose: (error) => {
            logger.debug({ node: node.id, host: node.host, port: node.port, reason: error.message }, 'connection over')
            if (seat.connection === connection) seat.connection = null
          },
        },
      )
      await negotiate(connection, timeoutMs)
      await this.#doors.authenticate?.(connection)
      if (seat.abort.signal.aborted || connection.closed) throw new Error('closed while connecting')
      seat.connection = connection
      this.#failed.delete(node.id)
      return connection
    } catch (error) {
      connection?.destroy()
      const times = (this.#failed.get(node.id)?.times ?? 0) + 1
      this.#failed.set(node.id, { times, notBefore: clock.monotonic() + backoffMs(this.#settings.reconnect, times - 1, random) })
      if (error instanceof KafkaError && error.error !== 'NETWORK_EXCEPTION') throw error
      throw new KafkaError('NETWORK_EXCEPTION', `${node.host}:${node.port}: ${(error as Error).message}`, { cause: error })
    } finally {
      timer.cancel()
      seat.abort.signal.removeEventListener('abort', giveUp)
    }
  }

  #leave(key: string, seat: Seat, reason: Error): void {
    this.#seats.delete(key)
    seat.abort.abort()
    seat.connection?.destroy(reason)
  }

  /** Ends the connections of one lane, and what waits on them. */
  closeLane(lane: string): void {
    for (const [key, seat] of this.#seats) if (seat.lane === lane) this.#leave(key, seat, new Error('closed'))
    this.allocators.delete(lane)
  }

  #sweep(): void {
    const oldest = this.#system.clock.monotonic() - this.#settings.connectionsMaxIdleMs
    for (const [key, seat] of this.#seats) {
      if (seat.connecting) continue
      const { connection } = seat
      if (!connection || (connection.inFlight === 0 && connection.lastUsed < oldest)) this.#leave(key, seat, new Error('idle'))
    }
  }

  close(): void {
    this.#closed = true
    this.#sweeper.cancel()
    for (const [key, seat] of this.#seats) this.#leave(key, seat, new Error('the client is closed'))
  }
}
