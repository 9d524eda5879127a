/**
 * Which node coordinates a group or the transactions of a transactional id (FindCoordinator): cached until a response shows that the
 * coordinator has moved. While there is no coordinator, the request is retried.
 */
import findCoordinator from '../../apis/10-find-coordinator.ts'
import { accessHint, errorName, KafkaError } from '../../errors.ts'
import { type Backoff, backoffMs } from '../../system/backoff.ts'
import type { System } from '../../system/index.ts'
import { abortError } from './connection.ts'
import type { ConnectionPool, Node } from './connection-pool.ts'
import type { Metadata } from './metadata.ts'

/** What has a coordinator. */
export type CoordinatorTarget = { group: string } | { transaction: string }

const keyTypes = { group: 0, transaction: 1 } as const

const keyOf = (target: CoordinatorTarget): { key: string; keyType: number; name: string } =>
  'group' in target
    ? { key: target.group, keyType: keyTypes.group, name: `group ${target.group}` }
    : { key: target.transaction, keyType: keyTypes.transaction, name: `transactional.id ${target.transaction}` }

export class Coordinators {
  readonly #metadata: Metadata
  readonly #pool: ConnectionPool
  readonly #system: Pick<System, 'clock' | 'random'>
  readonly #retry: Backoff
  /** By the name of the target. */
  readonly #cache = new Map<string, Node>()

  constructor(metadata: Metadata, pool: ConnectionPool, system: Pick<System, 'clock' | 'random'>, retry: Backoff) {
    this.#metadata = metadata
    this.#pool = pool
    this.#system = system
    this.#retry = retry
  }

  forget(target: CoordinatorTarget): void {
    this.#cache.delete(keyOf(target).name)
  }

  /** Retries until the target has a coordinator, or `deadline` (monotonic ms) has passed: then it throws the last error. */
  async find(target: CoordinatorTarget, deadline: number, signal?: AbortSignal): Promise<Node> {
    const { clock, random } = this.#system
    const cached = this.#cache.get(keyOf(target).name)
    if (cached) return this.#metadata.node(cached.id) ?? cached
    for (let attempt = 0; ; attempt++) {
      let failure: unknown
      for (const node of this.#metadata.candidates()) {
        try {
          return await this.#request(node, target, Math.max(1, deadline - clock.monotonic()), signal)
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

  async #request(node: Node, target: CoordinatorTarget, timeoutMs: number, signal?: AbortSignal): Promise<Node> {
    const { key, keyType, name } = keyOf(target)
    const response = await this.#pool.request(
      node,
      findCoordinator,
      { key, keyType, coordinatorKeys: [key] },
      { channel: 'main', timeoutMs, signal },
    )
    const result = response.coordinators[0] ?? response
    if (result.errorCode !== 0) {
      const error = errorName(result.errorCode)
      throw new KafkaError(error, `${result.errorMessage || `${name}: ${error}`}${accessHint(error, 'DESCRIBE')}`)
    }
    const coordinator = { id: result.nodeId, host: result.host, port: result.port }
    this.#cache.set(name, coordinator)
    return coordinator
  }
}
