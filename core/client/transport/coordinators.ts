/**
 * Which node coordinates a group (FindCoordinator): cached until a response shows that the coordinator has moved. While a group has no
 * coordinator, the request is retried.
 */
import findCoordinator from '../../apis/10-find-coordinator.ts'
import { errorName, KafkaError } from '../../errors.ts'
import { type Backoff, backoffMs } from '../../system/backoff.ts'
import type { System } from '../../system/index.ts'
import { abortError } from './connection.ts'
import type { ConnectionPool, Node } from './connection-pool.ts'
import type { Metadata } from './metadata.ts'

const GROUP_KEY_TYPE = 0

export class Coordinators {
  readonly #metadata: Metadata
  readonly #pool: ConnectionPool
  readonly #system: Pick<System, 'clock' | 'random'>
  readonly #retry: Backoff
  readonly #cache = new Map<string, Node>()

  constructor(metadata: Metadata, pool: ConnectionPool, system: Pick<System, 'clock' | 'random'>, retry: Backoff) {
    this.#metadata = metadata
    this.#pool = pool
    this.#system = system
    this.#retry = retry
  }

  forget(groupId: string): void {
    this.#cache.delete(groupId)
  }

  /** Retries until the group has a coordinator, or `deadline` (monotonic ms) has passed: then it throws the last error. */
  async find(groupId: string, deadline: number, signal?: AbortSignal): Promise<Node> {
    const { clock, random } = this.#system
    const cached = this.#cache.get(groupId)
    if (cached) return this.#metadata.node(cached.id) ?? cached
    for (let attempt = 0; ; attempt++) {
      let failure: unknown
      for (const node of this.#metadata.candidates()) {
        try {
          return await this.#request(node, groupId, Math.max(1, deadline - clock.monotonic()), signal)
        } catch (error) {
          failure = error
          if (error instanceof KafkaError && error.error !== 'NETWORK_EXCEPTION') break
          if (signal?.aborted || clock.monotonic() >= deadline) break
        }
      }
      if (failure instanceof KafkaError && !failure.retriable) throw failure
      const waitMs = backoffMs(this.#retry, attempt, random)
      if (signal?.aborted) throw abortError(signal)
      if (clock.monotonic() + waitMs >= deadline) throw failure
      await clock.sleep(waitMs, signal)
    }
  }

  async #request(node: Node, groupId: string, timeoutMs: number, signal?: AbortSignal): Promise<Node> {
    const response = await this.#pool.request(
      node,
      findCoordinator,
      { key: groupId, keyType: GROUP_KEY_TYPE, coordinatorKeys: [groupId] },
      { channel: 'main', timeoutMs, signal },
    )
    const result = response.coordinators[0] ?? response
    if (result.errorCode !== 0)
      throw new KafkaError(errorName(result.errorCode), result.errorMessage || `group ${groupId}: ${errorName(result.errorCode)}`)
    const coordinator = { id: result.nodeId, host: result.host, port: result.port }
    this.#cache.set(groupId, coordinator)
    return coordinator
  }
}
