/**
 * Alters and resets the offsets of a stopped connector (KIP-875). Its tasks must have stopped, and where it is an exactly-once source no
 * older task of it may write any more: what the user sets comes after everything that they have stored.
 */
import type { System } from '../../core/system/index.ts'
import { within } from '../../core/system/within.ts'
import type { ConfigBackingStore } from '../storage/config-backing-store.ts'
import type { StatusBackingStore } from '../storage/status-backing-store.ts'
import { ConnectError, type ConnectorOffset } from '../types.ts'
import type { ConnectorOffsets, OffsetsOwner } from './connector-offsets.ts'
import type { WorkerConfig } from './worker-settings.ts'

/** How long the status of a stopped task takes at most to reach this worker. */
const STATUS_DELAY_MS = 2_000

export interface OffsetChangesOptions {
  configs: ConfigBackingStore
  status: StatusBackingStore
  config: WorkerConfig
  offsets: ConnectorOffsets
  /** A round of zombie fencing; null where sources are not exactly-once. */
  fence: ((name: string) => Promise<void>) | null
  /** Throws unless the connector exists and this worker leads. */
  check(name: string): void
  /** Hands `work` the connector with its references replaced. */
  withOwner<T>(name: string, work: (owner: OffsetsOwner) => Promise<T>): Promise<T>
  system: System
}

export class OffsetChanges {
  readonly #options: OffsetChangesOptions

  constructor(options: OffsetChangesOptions) {
    this.#options = options
  }

  async alter(name: string, offsets: readonly ConnectorOffset[]): Promise<{ message: string }> {
    if (offsets.length === 0) throw new ConnectError(400, 'Partitions / offsets need to be provided for an alter offsets request')
    await this.#change(name, (owner) => this.#options.offsets.alter(owner, offsets))
    return { message: 'The offsets for this connector have been altered successfully' }
  }

  async reset(name: string): Promise<{ message: string }> {
    await this.#change(name, (owner) => this.#options.offsets.reset(owner))
    return { message: 'The offsets for this connector have been reset successfully' }
  }

  async #change(name: string, work: (owner: OffsetsOwner) => Promise<void>): Promise<void> {
    const { fence, withOwner } = this.#options
    this.#requireStopped(name)
    await this.#tasksStopped(name)
    await withOwner(name, async (owner) => {
      if (fence && owner.plugin.kind === 'source') {
        await this.#fence(name, fence)
        this.#requireStopped(name)
      }
      await work(owner)
    })
  }

  async #fence(name: string, fence: (name: string) => Promise<void>): Promise<void> {
    try {
      await fence(name)
    } catch (cause) {
      throw new ConnectError(
        500,
        `Failed to perform zombie fencing for source connector prior to modifying offsets: ${(cause as Error).message}`,
        { cause },
      )
    }
  }

  #requireStopped(name: string): void {
    const { configs, check } = this.#options
    check(name)
    if (configs.targetState(name) !== 'STOPPED' || configs.taskConfigs(name).length > 0)
      throw new ConnectError(
        400,
        'Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified connector by issuing ' +
          `a 'PUT' request to the '/connectors/${name}/stop' endpoint`,
      )
  }

  /** A task stores its last position when it stops, and what the user sets comes after it. A task that is cancelled stores nothing. */
  async #tasksStopped(name: string): Promise<void> {
    const { status, system, config } = this.#options
    const timeout = new AbortController()
    const timeoutMs = config['task.shutdown.graceful.timeout.ms'] + STATUS_DELAY_MS
    await within(system.clock, timeoutMs, status.tasksStopped(name, timeout.signal))
    timeout.abort()
  }
}
