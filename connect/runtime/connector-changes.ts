/**
 * What requests change about connectors: they are created, configured, paused, resumed, stopped and deleted through the config topic. A
 * config is validated before its change, and not as a part of it: other changes must not wait for the system or the code of a connector.
 */
import type { System } from '../../core/system/index.ts'
import { type ConfigBackingStore, sameConfig } from '../storage/config-backing-store.ts'
import type { StatusBackingStore } from '../storage/status-backing-store.ts'
import { ConnectError, type ConnectorConfig, type InitialState } from '../types.ts'
import type { AppliedConfigs } from './applied-configs.ts'
import type { ConfigValidator } from './config-validator.ts'
import type { ConnectorFailures } from './connector-failures.ts'
import type { WorkerChanges } from './worker-changes.ts'

export interface ConnectorChangesOptions {
  changes: WorkerChanges
  configs: ConfigBackingStore
  status: StatusBackingStore
  failures: ConnectorFailures
  validator: ConfigValidator
  applied: AppliedConfigs
  system: System
}

/** A patch is applied again where another change came between. */
const MAX_PATCHES = 10

const initialTargetStates = { RUNNING: undefined, PAUSED: 'PAUSED', STOPPED: 'STOPPED' } as const

const writingConfig = (name: string) => `writing a config for connector ${name} to the config topic`
const writingState = (name: string) => `writing a new target state for connector ${name} to the config topic`

export class ConnectorChanges {
  readonly #options: ConnectorChangesOptions

  constructor(options: ConnectorChangesOptions) {
    this.#options = options
  }

  /** @throws ConnectError 404 */
  config(name: string): ConnectorConfig {
    const config = this.#options.configs.connectorConfig(name)
    if (!config) throw new ConnectError(404, `Connector ${name} not found`)
    return config
  }

  require(name: string, message = `Unknown connector ${name}`): void {
    if (!this.#options.configs.contains(name)) throw new ConnectError(404, message)
  }

  async #requireValid(name: string, config: ConnectorConfig): Promise<ConnectorConfig> {
    const { changes, validator } = this.#options
    await changes.awaitJoined()
    changes.requireLeader()
    return await validator.requireValid(name, config)
  }

  async create(name: string, config: ConnectorConfig, initialState: InitialState): Promise<void> {
    const { changes, configs } = this.#options
    const valid = await this.#requireValid(name, config)
    await changes.run(writingConfig(name), async () => {
      changes.requireLeader()
      if (configs.contains(name)) throw new ConnectError(409, `Connector ${name} already exists`)
      await configs.putConnectorConfig(name, valid, initialTargetStates[initialState])
    })
  }

  /** Whether it was created. */
  async putConfig(name: string, config: ConnectorConfig): Promise<boolean> {
    const { changes, configs } = this.#options
    const valid = await this.#requireValid(name, config)
    return await changes.run(writingConfig(name), async () => {
      changes.requireLeader()
      const created = !configs.contains(name)
      await configs.putConnectorConfig(name, valid)
      return created
    })
  }

  async patchConfig(name: string, patch: Readonly<Record<string, string | null>>): Promise<void> {
    const { changes, configs } = this.#options
    for (let attempt = 0; attempt < MAX_PATCHES; attempt++) {
      await changes.awaitJoined()
      changes.requireLeader()
      const before = this.config(name)
      const patched = Object.entries({ ...before, ...patch }).filter((entry): entry is [string, string] => entry[1] !== null)
      const valid = await this.#requireValid(name, Object.fromEntries(patched))
      const isWritten = await changes.run(writingConfig(name), async () => {
        changes.requireLeader()
        if (!sameConfig(before, this.config(name))) return false
        await configs.putConnectorConfig(name, valid)
        return true
      })
      if (isWritten) return
    }
    throw new ConnectError(409, `The config of connector ${name} was changed by others all the time: try the patch again.`)
  }

  delete(name: string): Promise<void> {
    const { changes, configs, applied, failures } = this.#options
    return changes.run(`removing the config for connector ${name} from the config topic`, async () => {
      changes.requireLeader()
      this.config(name)
      await configs.removeConnectorConfig(name)
      applied.forget(name)
      // A connector that is created under this name later must not show them.
      await this.removeTopics(name)
      await failures.remove(name)
    })
  }

  pause = (name: string): Promise<void> => this.#setTargetState(name, 'PAUSED')
  resume = (name: string): Promise<void> => this.#setTargetState(name, 'STARTED')

  #setTargetState(name: string, state: 'PAUSED' | 'STARTED'): Promise<void> {
    return this.#options.changes.run(writingState(name), async () => {
      this.require(name)
      await this.#options.configs.putTargetState(name, state)
    })
  }

  stop(name: string): Promise<void> {
    const { changes, configs } = this.#options
    return changes.run(writingState(name), async () => {
      this.require(name)
      changes.requireLeader()
      // The target state goes first, so that the connector does not generate its tasks again; a worker that reads only one of the two stops
      // too.
      await configs.putTargetState(name, 'STOPPED')
      if (configs.taskConfigs(name).length > 0) await configs.putTaskConfigs(name, [])
    })
  }

  /** Once the connector is known to be there, and this worker to lead. */
  async writeTaskConfigs(name: string, tasks: readonly ConnectorConfig[]): Promise<void> {
    const { configs, applied } = this.#options
    if (!configs.contains(name)) throw new ConnectError(404, `Connector ${name} not found`)
    if (configs.targetState(name) === 'STOPPED') return
    const before = configs.taskConfigs(name)
    const same =
      !configs.isInconsistent(name) && before.length === tasks.length && before.every((config, task) => sameConfig(config, tasks[task]))
    const hasNewValues = await applied.hasNewValues(name, configs.connectorConfig(name)!)
    if (!same || hasNewValues) await configs.putTaskConfigs(name, tasks)
  }

  /** Never rejects. */
  async removeTopics(name: string): Promise<void> {
    try {
      await this.#options.status.removeTopics(name)
    } catch (error) {
      this.#options.system.logger.warn({ err: error, connector: name }, 'the active topics of a connector could not be removed')
    }
  }
}
