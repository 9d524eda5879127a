/**
 * How the parts of the client reach the cluster: one value that they share. `send` finds the node for a target and tries again what failed
 * at the connection's level; `request` tries once.
 */
import { errorCode, KafkaError } from '../../errors.ts'
import { type Backoff, backoffMs } from '../../system/backoff.ts'
import type { System } from '../../system/index.ts'
import type { AnyApi, Api, RequestOf, ResponseOf } from '../../wire/api.ts'
import { clientDefaults } from '../limits.ts'
import type { ClientSettings, SendOptions, Target } from '../types.ts'
import { commonVersion } from './api-versions.ts'
import { abortError } from './connection.ts'
import { ConnectionPool, type Node, type RequestOptions, type Transport } from './connection-pool.ts'
import { Coordinators } from './coordinators.ts'
import { Metadata } from './metadata.ts'

export type ClientSystem = Pick<System, 'clock' | 'random' | 'logger'>
export type ResolvedSettings = Required<ClientSettings>

const MOVED = [errorCode('NOT_COORDINATOR'), errorCode('COORDINATOR_NOT_AVAILABLE')]

export class RequestRouter {
  readonly settings: ResolvedSettings
  readonly system: ClientSystem
  readonly nodes: ConnectionPool
  readonly metadata: Metadata
  readonly coordinators: Coordinators
  readonly retry: Backoff
  readonly #closing = new AbortController()
  #lanes = 0

  constructor(settings: ClientSettings, system: ClientSystem, doors: Transport) {
    const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
    const resolved = { ...clientDefaults, ...given } as ResolvedSettings
    this.settings = resolved
    this.system = system
    this.retry = { baseMs: resolved.retryBackoffMs, maxMs: resolved.retryBackoffMaxMs }
    const reconnect = { baseMs: resolved.reconnectBackoffMs, maxMs: resolved.reconnectBackoffMaxMs }
    this.nodes = new ConnectionPool({ ...resolved, reconnect }, system, doors)
    this.metadata = new Metadata({ ...resolved, retry: this.retry }, system, this.nodes)
    this.coordinators = new Coordinators(this.metadata, this.nodes, system, this.retry)
  }

  get closed(): boolean {
    return this.#closing.signal.aborted
  }

  get closeSignal(): AbortSignal {
    return this.#closing.signal
  }

  /** A lane of its own for one part: its requests wait for nobody else's. */
  newLane(purpose: string): string {
    return `${purpose}-${this.#lanes++}`
  }

  backoffMs(attempt: number): number {
    return backoffMs(this.retry, attempt, this.system.random)
  }

  /** Waits; wakes at once when `signal` aborts or the client closes. */
  async sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    await this.system.clock.sleep(delayMs, signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal)
  }

  /** The node of a broker id; asks the cluster where it is unknown. */
  async node(id: number): Promise<Node> {
    const known = this.metadata.node(id)
    if (known) return known
    await this.metadata.refresh([])
    const found = this.metadata.node(id)
    if (!found) throw new KafkaError('BROKER_NOT_AVAILABLE', `the cluster has no broker ${id} now`)
    return found
  }

  async request<A extends Api>(nodeId: number, api: A, body: RequestOf<A>, options: RequestOptions): Promise<ResponseOf<A>> {
    return this.nodes.request(this.metadata.node(nodeId) ?? (await this.node(nodeId)), api, body, options)
  }

  /** Resolves once the socket has taken it: Produce with acks=0 has no answer. */
  async sendOneWay<A extends Api>(nodeId: number, api: A, body: RequestOf<A>, options: RequestOptions): Promise<void> {
    const { clock } = this.system
    const node = await this.node(nodeId)
    const deadline = clock.monotonic() + (options.timeoutMs ?? this.settings.requestTimeoutMs)
    const connection = await this.nodes.connection(node, options.lane, deadline, options.signal)
    await connection.oneWay(api, commonVersion(connection, api as AnyApi, options.maxVersion), body, {
      timeoutMs: Math.max(1, deadline - clock.monotonic()),
    })
  }

  async send<A extends Api>(
    target: Target,
    api: A,
    request: RequestOf<A>,
    options: SendOptions & { lane?: string } = {},
  ): Promise<ResponseOf<A>> {
    const { clock } = this.system
    const timeoutMs = options.timeoutMs ?? this.settings.requestTimeoutMs
    const deadline = clock.monotonic() + timeoutMs
    const lane = options.lane ?? (typeof target === 'object' && 'group' in target ? 'group' : 'send')
    for (let attempt = 0; ; attempt++) {
      if (this.closed) throw new KafkaError('NETWORK_EXCEPTION', 'the client is closed')
      if (options.signal?.aborted) throw abortError(options.signal)
      try {
        const node = await this.#find(target, deadline, options.signal)
        const left = Math.max(1, deadline - clock.monotonic())
        const answer = await this.nodes.request(node, api, request, { ...options, lane, timeoutMs: left })
        if (typeof target === 'object' && 'group' in target && MOVED.includes((answer as { errorCode?: number }).errorCode ?? 0))
          this.coordinators.forget(target.group)
        return answer
      } catch (error) {
        const again =
          error instanceof KafkaError &&
          (error.error === 'NETWORK_EXCEPTION' || error.error === 'BROKER_NOT_AVAILABLE' || error.error === 'LEADER_NOT_AVAILABLE')
        if (!again || this.closed) throw error
        if (typeof target === 'object' && 'group' in target) this.coordinators.forget(target.group)
        const waitMs = this.backoffMs(attempt)
        if (clock.monotonic() + waitMs >= deadline)
          throw new KafkaError('REQUEST_TIMED_OUT', `${api.name}: not answered within ${timeoutMs} ms: ${(error as Error).message}`, {
            cause: error,
          })
        await this.sleep(waitMs, options.signal)
        // What was refreshed too late is found out at the next try.
        if (typeof target === 'object' && !('group' in target))
          await this.metadata.refresh('leader' in target ? [target.leader.topic] : [], {
            timeoutMs: Math.max(1, deadline - clock.monotonic()),
          })
      }
    }
  }

  async #find(target: Target, deadline: number, signal?: AbortSignal): Promise<Node> {
    if (target === 'any') {
      const first = this.metadata.brokerList().length > 0 ? this.metadata.candidates()[0]! : undefined
      if (first) return first
      await this.metadata.refresh([], { timeoutMs: Math.max(1, deadline - this.system.clock.monotonic()) })
      return this.metadata.candidates()[0]!
    }
    if (target === 'controller') {
      // A KRaft broker names any broker: it forwards what only the controller does.
      const known = this.metadata.node(this.metadata.controllerId)
      if (known && this.nodes.usable(known.id)) return known
      await this.metadata.refresh([], { timeoutMs: Math.max(1, deadline - this.system.clock.monotonic()) })
      return this.metadata.node(this.metadata.controllerId) ?? this.metadata.candidates()[0]!
    }
    if ('node' in target) return this.node(target.node)
    if ('group' in target) return this.coordinators.find(target.group, deadline, signal)
    const { topic, partition } = target.leader
    const found = await this.metadata.topic(topic)
    const leader = found?.partitions[partition]?.leader ?? -1
    if (!found) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} is not there`)
    if (leader < 0) throw new KafkaError('LEADER_NOT_AVAILABLE', `${topic}-${partition} has no leader now`)
    return this.node(leader)
  }

  close(): void {
    this.#closing.abort()
    this.metadata.close()
    this.nodes.close()
  }
}
