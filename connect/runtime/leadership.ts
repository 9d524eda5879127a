/**
 * What the leader of the group does besides assigning: it claims to be the only one who writes to the config topic (KIP-618), rotates the
 * session key (KIP-507), and removes what the status topic still has of deleted connectors and tasks.
 */
import { backoffMs } from '../../core/system/backoff.ts'
import type { Timer } from '../../core/system/clock.ts'
import type { System } from '../../core/system/index.ts'
import type { ConfigBackingStore } from '../storage/config-backing-store.ts'
import type { StatusBackingStore } from '../storage/status-backing-store.ts'
import type { TransactionalLogWriter } from '../storage/transactional-log-writer.ts'
import { CONNECTOR_TASK, connectorTaskId } from './connect-protocol.ts'
import type { WorkerMembership } from './worker-membership.ts'
import type { WorkerConfig } from './worker-settings.ts'

/** The length of a session key where inter.worker.key.size is not set: Java's for HmacSHA256. */
const KEY_BYTES = 32
/** How often the leader checks the age of the session key. */
const KEY_CHECK_MS = 60_000
const STATUS_REFRESH_TIMEOUT_MS = 2_000
const CLAIM_BACKOFF = { baseMs: 100, maxMs: 5_000 }

export class Leadership {
  readonly #configs: ConfigBackingStore
  readonly #status: StatusBackingStore
  readonly #config: WorkerConfig
  readonly #system: System
  readonly #membership: () => WorkerMembership
  readonly #timer: Timer
  readonly #writer: TransactionalLogWriter | null
  readonly #closing = new AbortController()
  #claiming: Promise<void> | null = null
  #rotating = false
  #closed = false

  constructor(
    configs: ConfigBackingStore,
    status: StatusBackingStore,
    config: WorkerConfig,
    system: System,
    membership: () => WorkerMembership,
    writer: TransactionalLogWriter | null = null,
  ) {
    this.#configs = configs
    this.#status = status
    this.#config = config
    this.#system = system
    this.#membership = membership
    this.#writer = writer
    writer?.start(() => this.#claim())
    this.#timer = system.clock.every(Math.min(KEY_CHECK_MS, config['inter.worker.key.ttl.ms']), () => void this.#rotateSessionKey())
  }

  onElected(): void {
    this.#claim()
    void this.#rotateSessionKey()
    void this.#removeOrphanedStatuses()
  }

  /** Another worker leads, or this one is not in the group any more. */
  onFollowing(): void {
    this.#writer?.relinquish().catch((error) => {
      this.#system.logger.warn({ err: error }, 'the producer of the config topic could not be closed')
    })
  }

  /** Until it succeeds: a leader that may not write would answer every change with an error. */
  #claim(): void {
    this.#claiming ??= this.#claimWrites().finally(() => {
      this.#claiming = null
    })
  }

  /** Never rejects. */
  async #claimWrites(): Promise<void> {
    for (let attempt = 0; this.#writer && this.#membership().isLeader && !this.#closed; attempt++) {
      try {
        await this.#writer.claim()
        return
      } catch (error) {
        if (this.#closed) return
        const delayMs = backoffMs(CLAIM_BACKOFF, attempt, this.#system.random)
        this.#system.logger.error(
          { err: error, delayMs },
          'this worker leads and cannot claim to write to the config topic; retrying. With exactly.once.source.support its principal needs ' +
            'Write and Describe for the transactional id connect-cluster-<group.id>',
        )
        await this.#system.clock.sleep(delayMs, this.#closing.signal)
      }
    }
  }

  async #rotateSessionKey(): Promise<void> {
    const { isLeader, signsInternalRequests } = this.#membership()
    if (!isLeader || !signsInternalRequests || this.#rotating) return
    const current = this.#configs.sessionKey
    const now = this.#system.clock.now()
    if (current && now - current.createdAt < this.#config['inter.worker.key.ttl.ms']) return
    this.#rotating = true
    try {
      const bits = this.#config['inter.worker.key.size']
      await this.#configs.putSessionKey({
        key: this.#system.random.bytes(bits ? Math.ceil(bits / 8) : KEY_BYTES),
        algorithm: this.#config['inter.worker.key.generation.algorithm'],
        createdAt: now,
      })
    } catch (error) {
      if (!this.#closed) this.#system.logger.warn({ err: error }, 'a new session key could not be written; retrying')
    } finally {
      this.#rotating = false
    }
  }

  async #removeOrphanedStatuses(): Promise<void> {
    try {
      for (const name of this.#status.connectors()) {
        // Each condition is checked right before the removal: the connector may be created again meanwhile.
        if (!this.#configs.contains(name)) await this.#status.removeTopics(name)
        if (!this.#configs.contains(name) && this.#status.connector(name)) await this.#status.removeConnector(name)
        for (const task of [...this.#status.tasks(name).keys()])
          if (task >= this.#configs.taskConfigs(name).length) await this.#status.removeTask(name, task)
      }
    } catch (error) {
      if (!this.#closed)
        this.#system.logger.warn(
          { err: error },
          'statuses of deleted connectors and tasks could not be removed; retrying at the next rebalance',
        )
    }
  }

  /** What has no status was never started. */
  hasStopped(key: string): boolean {
    const { connector, task } = connectorTaskId(key)
    const status = task === CONNECTOR_TASK ? this.#status.connector(connector) : this.#status.task(connector, task)
    return status === undefined || status.state === 'UNASSIGNED'
  }

  /** Without the latest statuses `hasStopped` may be false for too long, which only delays an assignment. */
  async refreshStatuses(): Promise<void> {
    try {
      await this.#status.refresh(STATUS_REFRESH_TIMEOUT_MS)
    } catch (error) {
      this.#system.logger.warn({ err: error }, 'the status topic could not be read to its end before a rebalance')
    }
  }

  close(): void {
    this.#closed = true
    this.#closing.abort()
    this.#timer.cancel()
  }
}
