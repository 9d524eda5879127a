/**
 * What the leader of the group does besides assigning: it rotates the session key (KIP-507), and removes what the status topic still has of
 * deleted connectors and tasks.
 */
import type { Timer } from '../../core/system/clock.ts'
import type { System } from '../../core/system/index.ts'
import type { ConfigBackingStore } from '../storage/config-backing-store.ts'
import type { StatusBackingStore } from '../storage/status-backing-store.ts'
import { CONNECTOR_TASK, connectorTaskId } from './connect-protocol.ts'
import type { WorkerMembership } from './worker-membership.ts'
import type { WorkerConfig } from './worker-settings.ts'

/** The length of a session key where inter.worker.key.size is not set: Java's for HmacSHA256. */
const KEY_BYTES = 32
/** How often the leader checks the age of the session key. */
const KEY_CHECK_MS = 60_000
const STATUS_REFRESH_TIMEOUT_MS = 2_000

export class Leadership {
  readonly #configs: ConfigBackingStore
  readonly #status: StatusBackingStore
  readonly #config: WorkerConfig
  readonly #system: System
  readonly #membership: () => WorkerMembership
  readonly #timer: Timer
  #rotating = false
  #closed = false

  constructor(
    configs: ConfigBackingStore,
    status: StatusBackingStore,
    config: WorkerConfig,
    system: System,
    membership: () => WorkerMembership,
  ) {
    this.#configs = configs
    this.#status = status
    this.#config = config
    this.#system = system
    this.#membership = membership
    this.#timer = system.clock.every(Math.min(KEY_CHECK_MS, config['inter.worker.key.ttl.ms']), () => void this.#rotateSessionKey())
  }

  onElected(): void {
    void this.#rotateSessionKey()
    void this.#removeOrphanedStatuses()
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
    this.#timer.cancel()
  }
}
