/**
 * How the tasks of this worker get fenced and verified before they write: the leader does a round of zombie fencing, here or over REST, and
 * the task checks that it is still the one to run. What is temporary is tried again until the task stops.
 */
import { backoffMs } from '../../core/system/backoff.ts'
import type { System } from '../../core/system/index.ts'
import { Semaphore } from '../../core/system/semaphore.ts'
import type { ConfigBackingStore } from '../storage/config-backing-store.ts'
import { ConnectError } from '../types.ts'
import { connectorTaskKey } from './connect-protocol.ts'
import type { TaskFencing } from './task-fencing.ts'
import type { WorkerMembership } from './worker-membership.ts'

/** A rebalance, a worker that starts, a leader that is away: the next attempt may find another state. */
const TEMPORARY_STATUSES: readonly number[] = [408, 409, 429, 503]
/** Requests to the leader at a time: it serves the tasks of many workers. */
const MAX_REQUESTS = 8
const BACKOFF = { baseMs: 100, maxMs: 5_000 }

export interface FencingRequestsOptions {
  membership: Pick<WorkerMembership, 'isLeader' | 'leaderUrl' | 'assigned'>
  configs: ConfigBackingStore
  /** A round of zombie fencing on this worker, which leads. */
  fenceHere(connector: string): Promise<void>
  /** Asks the leader for one. Throws a ConnectError with its status where it refuses, another error where it cannot be reached. */
  askLeader(leaderUrl: string, connector: string, signal: AbortSignal): Promise<void>
  system: System
}

export class FencingRequests {
  readonly #options: FencingRequestsOptions
  readonly #requests = new Semaphore(MAX_REQUESTS)

  constructor(options: FencingRequestsOptions) {
    this.#options = options
  }

  /** `generation`: of the task configs that the task starts with. */
  ofTask(connector: string, task: number, generation: number): TaskFencing {
    const { configs, membership } = this.#options
    return {
      fenceOlder: (signal) => this.#fence(connector, signal),
      async verify() {
        await configs.refresh()
        if (configs.taskConfigGeneration(connector) !== generation)
          throw new Error(
            `Cannot start source task ${connector}-${task} with exactly-once support as the connector has already generated a new set of task configs`,
          )
        if (!membership.assigned.has(connectorTaskKey(connector, task)))
          throw new Error(`Cannot start source task ${connector}-${task} as it has already been revoked from this worker`)
      },
    }
  }

  async #fence(connector: string, signal: AbortSignal): Promise<void> {
    const { system } = this.#options
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        return await this.#attempt(connector, signal)
      } catch (error) {
        if (signal.aborted) return
        if (!isTemporary(error)) throw new Error(`Failed to perform round of zombie fencing: ${(error as Error).message}`, { cause: error })
        const delayMs = backoffMs(BACKOFF, attempt, system.random)
        system.logger.warn({ err: error, connector, delayMs }, 'the older tasks of a connector could not be fenced; retrying')
        await system.clock.sleep(delayMs, signal)
      }
    }
  }

  #attempt(connector: string, signal: AbortSignal): Promise<void> {
    const { membership, fenceHere, askLeader } = this.#options
    if (membership.isLeader) return fenceHere(connector)
    const { leaderUrl } = membership
    if (leaderUrl === null) throw new ConnectError(409, 'no leader is known, likely because of a rebalance')
    return this.#requests.run(() => askLeader(leaderUrl, connector, signal))
  }
}

/** An error without a status is one of the way to the leader. */
const isTemporary = (error: unknown): boolean => !(error instanceof ConnectError) || TEMPORARY_STATUSES.includes(error.status)
