/**
 * What the leader of the group looks after beside its decisions: the session key, and statuses of what is gone from the config.
 */
import type { Timer } from '../../core/system/clock.ts'
import type { System } from '../../core/system/index.ts'
import type { ConfigStore } from '../storage/config-backing-store.ts'
import type { StatusStore } from '../storage/status-backing-store.ts'
import { CONNECTOR, unitOf } from './connect-protocol.ts'
import type { WorkerMembership } from './worker-group-member.ts'
import type { WorkerConfig } from './worker-settings.ts'

/** Bytes of a session key, as Java makes them for HmacSHA256. */
const KEY_BYTES = 32
/** How often the leader looks whether the key is too old. */
const KEY_CHECK_MS = 60_000
/** How long a decision waits for the latest statuses. */
const STATUS_MS = 2_000

export class Leadership {
  readonly #configs: ConfigStore
  readonly #status: StatusStore
  readonly #config: WorkerConfig
  readonly #system: System
  readonly #membership: () => WorkerMembership
  readonly #timer: Timer
  #renewing = false
  #closed = false

  constructor(configs: ConfigStore, status: StatusStore, config: WorkerConfig, system: System, membership: () => WorkerMembership) {
    this.#configs = configs
    this.#status = status
    this.#config = config
    this.#system = system
    this.#membership = membership
    this.#timer = system.clock.every(Math.min(KEY_CHECK_MS, config['inter.worker.key.ttl.ms']), () => void this.#renewKey())
  }

  assume(): void {
    void this.#renewKey()
    void this.#sweep()
  }

  async #renewKey(): Promise<void> {
    const { leads, sessioned } = this.#membership()
    if (!leads || !sessioned || this.#renewing) return
    const known = this.#configs.sessionKey
    const now = this.#system.clock.now()
    if (known && now - known.createdAt < this.#config['inter.worker.key.ttl.ms']) return
    this.#renewing = true
    try {
      const bits = this.#config['inter.worker.key.size']
      await this.#configs.putSessionKey({
        key: this.#system.random.bytes(bits ? Math.ceil(bits / 8) : KEY_BYTES),
        algorithm: this.#config['inter.worker.key.generation.algorithm'],
        createdAt: now,
      })
    } catch (error) {
      if (!this.#closed) this.#system.logger.warn({ err: error }, 'a new session key could not be written; it is tried again')
    } finally {
      this.#renewing = false
    }
  }

  /** Takes away the statuses of connectors and tasks that are not there any more. */
  async #sweep(): Promise<void> {
    try {
      for (const name of this.#status.names()) {
        if (!this.#configs.has(name)) await this.#status.removeConnector(name)
        const tasks = this.#configs.has(name) ? this.#configs.tasks(name).length : 0
        for (const task of this.#status.tasks(name).keys()) if (task >= tasks) await this.#status.removeTask(name, task)
      }
    } catch (error) {
      if (!this.#closed)
        this.#system.logger.warn(
          { err: error },
          'statuses of what is gone could not be taken away; it is tried again at the next rebalance',
        )
    }
  }

  /** Whether whoever ran it said that it has ended. What has no status was never begun. */
  released(unit: string): boolean {
    const { connector, task } = unitOf(unit)
    const known = task === CONNECTOR ? this.#status.connector(connector) : this.#status.task(connector, task)
    return known === undefined || known.state === 'UNASSIGNED'
  }

  async beforeDeciding(): Promise<void> {
    try {
      await this.#status.refresh(STATUS_MS)
    } catch (error) {
      this.#system.logger.warn({ err: error }, 'the statuses could not be read to their end before a rebalance')
    }
  }

  close(): void {
    this.#closed = true
    this.#timer.cancel()
  }
}
