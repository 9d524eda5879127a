/**
 * The changes that a worker makes for requests: one after another, as each reads what the one before it has written, and only once the
 * worker has joined its group. It knows what the worker is in the middle of, and since when: a request that waits too long says so.
 */
import type { Clock } from '../../core/system/clock.ts'
import { SerialQueue } from '../../core/system/serial-queue.ts'
import { ConnectError, NotLeader, type WorkerHealth } from '../types.ts'
import type { WorkerMembership } from './worker-membership.ts'

/** A worker that is in one stage for so long may not handle other requests either, as Kafka Connect's health check says. */
const HEALTH_CHECK_MS = 10_000
const ENSURING_MEMBERSHIP = 'ensuring membership in the cluster'

interface Stage {
  description: string
  /** Ms since the epoch. */
  began: number
}

export class WorkerChanges {
  readonly #membership: WorkerMembership
  readonly #clock: Clock
  readonly #queue = new SerialQueue()
  #stage: Stage | null = null
  #joined = false
  #failure: Error | null = null

  constructor(membership: WorkerMembership, clock: Clock) {
    this.#membership = membership
    this.#clock = clock
    void membership.joined.then(() => {
      this.#joined = true
    })
    membership.failed.catch((error: Error) => {
      this.#failure = error
    })
  }

  /** `stage` says what the worker does: `writing a config for connector orders to the config topic`. */
  async run<T>(stage: string, work: () => Promise<T>): Promise<T> {
    return await this.#queue.run(async () => {
      try {
        this.#enter(ENSURING_MEMBERSHIP)
        await this.awaitJoined()
        this.#enter(stage)
        return await work()
      } finally {
        this.#stage = null
      }
    })
  }

  #enter(description: string): void {
    this.#stage = { description, began: this.#clock.now() }
  }

  async awaitJoined(): Promise<void> {
    const { joined, failed } = this.#membership
    // The failure is thrown right below.
    if (!this.#joined && !this.#failure) await Promise.race([joined, failed]).catch(() => {})
    if (this.#failure) throw new ConnectError(500, this.#failure.message, { cause: this.#failure })
  }

  requireLeader(): void {
    if (!this.#membership.isLeader) throw new NotLeader(this.#membership.leaderUrl)
  }

  /** In Kafka Connect's words; null where the worker is in the middle of nothing. */
  get stage(): string | null {
    const stage = this.#current
    return stage && `The worker is currently ${stage.description}, which began at ${new Date(stage.began).toISOString()}`
  }

  get #current(): Stage | null {
    const { lostAt } = this.#membership
    return this.#stage ?? (lostAt === null ? null : { description: ENSURING_MEMBERSHIP, began: lostAt })
  }

  health(): WorkerHealth {
    if (this.#failure) return { status: 'unhealthy', message: this.#failure.message }
    const stage = this.#current
    const details = stage && this.#clock.now() - stage.began >= HEALTH_CHECK_MS ? ` ${this.stage}` : ''
    if (!this.#joined) return { status: 'starting', message: `Worker is still starting up.${details}` }
    if (details === '') return { status: 'healthy', message: 'Worker has completed startup and is ready to handle requests.' }
    const message = `Worker was unable to handle this request and may be unable to handle other requests.${details}`
    return { status: 'unhealthy', message }
  }
}
