/**
 * Writes the statuses of the connectors and tasks that run on this worker. A status that cannot be written is logged and changes nothing
 * else. What is known of the system of a connector is kept from one state to the next.
 */
import type { ConfigBackingStore } from '../storage/config-backing-store.ts'
import type { Status, StatusBackingStore, StatusDetails, StatusState } from '../storage/status-backing-store.ts'
import { CONNECTOR_TASK, connectorTaskKey } from './connect-protocol.ts'
import type { WorkerServices } from './task-builder.ts'

export interface StatusWritesOptions {
  services: Pick<WorkerServices, 'metrics' | 'system'>
  configs: ConfigBackingStore
  status: StatusBackingStore
  workerId: string
  generation(): number
}

type Details = Partial<Pick<Status, 'version'>> & StatusDetails

interface Written {
  state: StatusState
  trace: string | null
  details: Details
}

export class StatusWrites {
  readonly #options: StatusWritesOptions
  /** The last write in progress, for each key. */
  readonly #writes = new Map<string, Promise<void>>()
  /** What was written last of each connector that runs here. */
  readonly #connectors = new Map<string, Written>()
  readonly #warnings = new Map<string, readonly string[]>()

  constructor(options: StatusWritesOptions) {
    this.#options = options
  }

  /** Resolves when the last write is done. Never rejects. */
  async settled(key: string): Promise<void> {
    await this.#writes.get(key)
  }

  /** Never rejects. */
  async write(connector: string, task: number, state: StatusState, trace: string | null, details: Details = {}): Promise<void> {
    const { status, workerId, services } = this.#options
    const key = connectorTaskKey(connector, task)
    services.metrics.stateChanged(connector, task, state)
    const warnings = task === CONNECTOR_TASK && state !== 'UNASSIGNED' ? this.#warnings.get(connector) : undefined
    if (task === CONNECTOR_TASK) {
      if (state === 'UNASSIGNED') this.#connectors.delete(connector)
      else this.#connectors.set(connector, { state, trace, details })
    }
    const shown = { ...details, ...(warnings ? { warnings } : {}) }
    const value = { state, trace, workerId, generation: this.#options.generation(), version: null, ...shown }
    const write = (task === CONNECTOR_TASK ? status.putConnector(connector, value) : status.putTask(connector, task, value)).catch(
      (error) => {
        services.system.logger.warn({ err: error, connector, task, state }, 'a status could not be written')
      },
    )
    this.#writes.set(key, write)
    await write
    if (this.#writes.get(key) === write) this.#writes.delete(key)
  }

  /** What is wrong in the system of a connector that runs here, instead of what was known before. */
  warn(connector: string, warnings: readonly string[]): void {
    if (warnings.length > 0) this.#warnings.set(connector, warnings)
    else this.#warnings.delete(connector)
    const last = this.#connectors.get(connector)
    if (last) void this.write(connector, CONNECTOR_TASK, last.state, last.trace, last.details)
  }

  /** The connector does not run here any more. */
  forgetWarnings(connector: string): void {
    this.#warnings.delete(connector)
  }

  /** The last status of a connector or task here. The status of what was removed from the config topic is removed too. */
  async writeStopped(connector: string, task: number, state: StatusState): Promise<void> {
    const { configs, status, services } = this.#options
    const exists = task === CONNECTOR_TASK ? configs.contains(connector) : configs.taskConfigs(connector).length > task
    if (exists) return await this.write(connector, task, state, null)
    this.#connectors.delete(connector)
    try {
      await (task === CONNECTOR_TASK ? status.removeConnector(connector) : status.removeTask(connector, task))
    } catch (error) {
      services.system.logger.warn({ err: error, connector, task }, 'the status of a deleted connector or task could not be removed')
    }
  }
}
