/**
 * Sends the requests of all parts of a client. `send` finds the node for a target and retries connection errors; `request` is one attempt.
 * Neither handles the error codes of a response, except that `send` forgets a coordinator that has moved.
 */
import { type ErrorName, errorCode, KafkaError } from '../../errors.ts'
import { type Backoff, backoffMs } from '../../system/backoff.ts'
import type { System } from '../../system/index.ts'
import type { AnyApi, Api, RequestOf, ResponseOf } from '../../wire/api.ts'
import { clientDefaults } from '../limits.ts'
import type { ClientSettings, SendOptions, Target } from '../types.ts'
import { commonVersion } from './api-versions.ts'
import { abortError } from './connection.ts'
import { ConnectionPool, type Node, type RequestOptions, type Transport } from './connection-pool.ts'
import { Coordinators, type CoordinatorTarget } from './coordinators.ts'
import { Metadata } from './metadata.ts'

export type ClientSystem = Pick<System, 'clock' | 'random' | 'logger'>
type ResolvedSettings = Required<Omit<ClientSettings, 'security'>>

const COORDINATOR_MOVED = [errorCode('NOT_COORDINATOR'), errorCode('COORDINATOR_NOT_AVAILABLE')]
const NODE_UNAVAILABLE: readonly ErrorName[] = ['NETWORK_EXCEPTION', 'BROKER_NOT_AVAILABLE', 'LEADER_NOT_AVAILABLE']

const coordinatorOf = (target: Target): CoordinatorTarget | undefined =>
  typeof target === 'object' && ('group' in target || 'transaction' in target) ? target : undefined

export class RequestRouter {
  readonly settings: ResolvedSettings
  readonly system: ClientSystem
  readonly pool: ConnectionPool
  readonly metadata: Metadata
  readonly coordinators: Coordinators
  readonly #retry: Backoff
  readonly #closing = new AbortController()
  #channels = 0

  constructor(settings: ClientSettings, system: ClientSystem, transport: Transport) {
    const defined = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
    const resolved = { ...clientDefaults, ...defined } as ResolvedSettings
    this.settings = resolved
    this.system = system
    this.#retry = { baseMs: resolved.retryBackoffMs, maxMs: resolved.retryBackoffMaxMs }
    const reconnect = { baseMs: resolved.reconnectBackoffMs, maxMs: resolved.reconnectBackoffMaxMs }
    this.pool = new ConnectionPool({ ...resolved, reconnect }, system, transport)
    this.metadata = new Metadata({ ...resolved, retry: this.#retry }, system, this.pool)
    this.coordinators = new Coordinators(this.metadata, this.pool, system, this.#retry)
  }

  get closed(): boolean {
    return this.#closing.signal.aborted
  }

  /** The name of a channel for one part of the client: its requests do not wait for those of other parts. */
  newChannel(purpose: string): string {
    return `${purpose}-${this.#channels++}`
  }

  /** retry.backoff.ms after the first attempt (0), up to retry.backoff.max.ms. */
  backoffMs(attempt: number): number {
    return backoffMs(this.#retry, attempt, this.system.random)
  }

  /** Resolves after `delayMs`, or at once when `signal` aborts or the client closes. */
  async sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    await this.system.clock.sleep(delayMs, signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal)
  }

  async #node(id: number): Promise<Node> {
    const cached = this.metadata.node(id)
    if (cached) return cached
    await this.metadata.refresh([])
    const node = this.metadata.node(id)
    if (!node) throw new KafkaError('BROKER_NOT_AVAILABLE', `the cluster has no broker ${id} now`)
    return node
  }

  async request<A extends Api>(nodeId: number, api: A, body: RequestOf<A>, options: RequestOptions): Promise<ResponseOf<A>> {
    return this.pool.request(this.metadata.node(nodeId) ?? (await this.#node(nodeId)), api, body, options)
  }

  /** Resolves when the request is written to the socket: Produce with acks=0 has no response. */
  async sendOneWay<A extends Api>(nodeId: number, api: A, body: RequestOf<A>, options: RequestOptions): Promise<void> {
    const { clock } = this.system
    const node = await this.#node(nodeId)
    const deadline = clock.monotonic() + (options.timeoutMs ?? this.settings.requestTimeoutMs)
    const connection = await this.pool.connection(node, options.channel, deadline, options.signal)
    await connection.oneWay(api, commonVersion(connection, api as AnyApi, options.maxVersion), body, {
      timeoutMs: Math.max(1, deadline - clock.monotonic()),
    })
  }

  async send<A extends Api>(
    target: Target,
    api: A,
    request: RequestOf<A>,
    options: SendOptions & { channel?: string } = {},
  ): Promise<ResponseOf<A>> {
    const { clock } = this.system
    const timeoutMs = options.timeoutMs ?? this.settings.requestTimeoutMs
    const deadline = clock.monotonic() + timeoutMs
    const remainingMs = () => Math.max(1, deadline - clock.monotonic())
    const coordinated = coordinatorOf(target)
    const channel = options.channel ?? (coordinated ? 'group' : 'send')
    for (let attempt = 0; ; attempt++) {
      if (this.closed) throw new KafkaError('NETWORK_EXCEPTION', 'the client is closed')
      if (options.signal?.aborted) throw abortError(options.signal)
      try {
        const node = await this.#find(target, deadline, options.signal)
        const response = await this.pool.request(node, api, request, { ...options, channel, timeoutMs: remainingMs() })
        if (coordinated && COORDINATOR_MOVED.includes((response as { errorCode?: number }).errorCode ?? 0))
          this.coordinators.forget(coordinated)
        return response
      } catch (error) {
        if (!(error instanceof KafkaError) || !NODE_UNAVAILABLE.includes(error.error) || this.closed) throw error
        if (coordinated) this.coordinators.forget(coordinated)
        const waitMs = this.backoffMs(attempt)
        if (clock.monotonic() + waitMs >= deadline)
          throw new KafkaError('REQUEST_TIMED_OUT', `${api.name}: no response within ${timeoutMs} ms: ${error.message}`, { cause: error })
        await this.sleep(waitMs, options.signal)
        if (typeof target === 'object' && !coordinated)
          await this.metadata.refresh('leader' in target ? [target.leader.topic] : [], { timeoutMs: remainingMs() })
      }
    }
  }

  async #find(target: Target, deadline: number, signal?: AbortSignal): Promise<Node> {
    const refreshBrokers = () => this.metadata.refresh([], { timeoutMs: Math.max(1, deadline - this.system.clock.monotonic()) })
    if (target === 'any') {
      if (this.metadata.brokers().length === 0) await refreshBrokers()
      return this.metadata.candidates()[0]!
    }
    if (target === 'controller') {
      // A KRaft broker names any broker as the controller: it forwards the request.
      const controller = this.metadata.node(this.metadata.controllerId)
      if (controller && this.pool.isReachable(controller.id)) return controller
      await refreshBrokers()
      return this.metadata.node(this.metadata.controllerId) ?? this.metadata.candidates()[0]!
    }
    if ('node' in target) return this.#node(target.node)
    if ('group' in target || 'transaction' in target) return this.coordinators.find(target, deadline, signal)
    const { topic, partition } = target.leader
    const metadata = await this.metadata.topic(topic)
    const leader = metadata?.partitions[partition]?.leader ?? -1
    if (!metadata) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} does not exist`)
    if (leader < 0) throw new KafkaError('LEADER_NOT_AVAILABLE', `${topic}-${partition} has no leader now`)
    return this.#node(leader)
  }

  close(): void {
    this.#closing.abort()
    this.metadata.close()
    this.pool.close()
  }
}
