/**
 * Rounds of zombie fencing, which the leader does before the tasks of an exactly-once source start (KIP-618): the producers of the tasks
 * that an older generation had are fenced, and a task count record says how many the next round has to fence.
 */
import { KafkaError } from '../../core/errors.ts'
import type { ConfigBackingStore } from '../storage/config-backing-store.ts'
import { PrivilegedWriteError } from '../storage/transactional-log-writer.ts'
import { ConnectError, type ConnectorConfig } from '../types.ts'
import type { ConnectorClients } from './connector-clients.ts'

/** As Kafka Connect names the producers of tasks. */
export const taskTransactionalId = (groupId: string, connector: string, task: number): string => `${groupId}-${connector}-${task}`

export type FencingDecision = 'skip' | 'record' | 'fence'

/**
 * `skip`: the last round was about the task configs of now. `record`: no task can be left that its successor does not fence by itself:
 * there was none with a transactional producer, or one, and there is one now. `fence`: as many as the last record says.
 */
export function fencingDecision(
  configs: Pick<ConfigBackingStore, 'isPendingFencing' | 'taskCountRecord' | 'taskCount'>,
  name: string,
): FencingDecision {
  if (!configs.isPendingFencing(name)) return 'skip'
  const recorded = configs.taskCountRecord(name)
  return recorded === null || (recorded === 1 && configs.taskCount(name) === 1) ? 'record' : 'fence'
}

export interface ZombieFencingOptions {
  configs: ConfigBackingStore
  clients: ConnectorClients
  groupId: string
  syncTimeoutMs: number
  /** The config of a connector with its references replaced. */
  resolve(name: string): Promise<ConnectorConfig>
  /** Throws unless this worker leads and the connector is a source. */
  check(name: string): void
}

export class ZombieFencing {
  readonly #options: ZombieFencingOptions
  /** A round in progress serves all tasks of its generation. */
  readonly #rounds = new Map<string, Promise<void>>()

  constructor(options: ZombieFencingOptions) {
    this.#options = options
  }

  /** Resolves when the tasks of the connector may start. Throws a ConnectError where they must not. */
  async fence(name: string): Promise<void> {
    const { configs, syncTimeoutMs, check } = this.#options
    try {
      // The task configs that the caller has read are in the topic now. A round that began before may be about older ones.
      await configs.refresh(syncTimeoutMs)
      check(name)
      const decision = fencingDecision(configs, name)
      if (decision === 'skip') return
      const key = `${configs.taskConfigGeneration(name)} ${name}`
      let round = this.#rounds.get(key)
      if (!round) {
        round = this.#round(name, decision).finally(() => this.#rounds.delete(key))
        this.#rounds.set(key, round)
      }
      await round
    } catch (error) {
      if (!(error instanceof PrivilegedWriteError || (error instanceof KafkaError && error.retriable))) throw error
      throw new ConnectError(503, `Zombie fencing for connector ${name} has to be tried again: ${error.message}`, { cause: error })
    }
  }

  async #round(name: string, decision: FencingDecision): Promise<void> {
    const { configs, check } = this.#options
    const generation = configs.taskConfigGeneration(name)
    const tasks = configs.taskCount(name)
    if (decision === 'fence') {
      await this.#fenceProducers(name, configs.taskCountRecord(name)!)
      check(name)
    }
    if (!(await configs.putTaskCountRecord(name, tasks, generation)))
      throw new ConnectError(409, 'Fencing failed because new task configurations were generated for the connector')
  }

  /** As the admin client of the connector: its producers are in that cluster. */
  async #fenceProducers(name: string, tasks: number): Promise<void> {
    const { clients, groupId, resolve } = this.#options
    const ids = Array.from({ length: tasks }, (_, task) => taskTransactionalId(groupId, name, task))
    const results = await clients.use('admin', await resolve(name), ({ admin }) => admin.fenceProducers(ids))
    for (const [id, error] of results) if (error) throw refused(name, id, error)
  }
}

function refused(name: string, id: string, error: Error): ConnectError {
  const denied = error instanceof KafkaError && error.error.endsWith('_AUTHORIZATION_FAILED')
  const advice = denied
    ? ` Grant Write and Describe for the transactional id ${id} to the principal of admin.override.* of the connector, or of the worker's ` +
      'own settings; then restart the tasks.'
    : ''
  return new ConnectError(500, `Failed to perform zombie fencing for connector ${name}: ${error.message}.${advice}`, { cause: error })
}
