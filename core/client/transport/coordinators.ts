/**
 * Which node coordinates a group: asked once, kept until somebody says that it has moved.
 */
import findCoordinator from '../../apis/10-find-coordinator.ts'
import { errorName, KafkaError } from '../../errors.ts'
import { type Backoff, backoffMs } from '../../system/backoff.ts'
import type { System } from '../../system/index.ts'
import { abortError } from './connection.ts'
import type { ConnectionPool, Node } from './connection-pool.ts'
import type { Metadata } from './metadata.ts'

const GROUP_KEY = 0

export class Coordinators {
  readonly #metadata: Metadata
  readonly #nodes: ConnectionPool
  readonly #system: Pick<System, 'clock' | 'random'>
  readonly #retry: Backoff
  readonly #known = new Map<string, Node>()

  constructor(metadata: Metadata, nodes: ConnectionPool, system: Pick<System, 'clock' | 'random'>, retry: Backoff) {
    this.#metadata = metadata
    this.#nodes = nodes
    this.#system = system
    this.#retry = retry
  }

  forget(groupId: string): void {
    this.#known.delete(groupId)
  }

  /** Tries again until there is one, or `deadline` (monotonic ms). */
  async find(groupId: string, deadline: number, signal?: AbortSignal): Promise<Node> {
    const { clock, random } = this.#system
    const known = this.#known.get(groupId)
    if (known) return this.#metadata.node(known.id) ?? known
    for (let attempt = 0; ; attempt++) {
      let failure: unknown
      for (const node of this.#metadata.candidates()) {
        try {
          return await this.#ask(node, groupId, Math.max(1, deadline - clock.monotonic()), signal)
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

  async #ask(node: Node, groupId: string, timeoutMs: number, signal?: AbortSignal): Promise<Node> {
    const answer = await this.#nodes.request(
      node,
      findCoordinator,
      { key: groupId, keyType: GROUP_KEY, coordinatorKeys: [groupId] },
      { lane: 'main', timeoutMs, signal },
    )
    const found = answer.coordinators[0] ?? answer
    if (found.errorCode !== 0)
      throw new KafkaError(errorName(found.errorCode), found.errorMessage || `group ${groupId}: ${errorName(found.errorCode)}`)
    const coordinator = { id: found.nodeId, host: found.host, port: found.port, rack: null }
    this.#known.set(groupId, coordinator)
    return coordinator
  }
}
