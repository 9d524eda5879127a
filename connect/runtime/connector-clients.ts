/**
 * The Kafka clients of connectors: each kind with the settings that the worker and the connector give it, as far as the override policy
 * allows, and out of the worker's pool where another connector has the same.
 */
import type { Client, ClientSettings } from '../../core/client/types.ts'
import { KafkaError } from '../../core/errors.ts'
import type { System } from '../../core/system/index.ts'
import { within } from '../../core/system/within.ts'
import { settingsUnder } from '../sdk/prefixed-settings.ts'
import type { ConnectorConfig } from '../types.ts'
import { type ClientKind, clientSetting, connectorConnection, sinkGroupId, unknownClientSetting } from './client-overrides.ts'
import type { ClientLease, ClientPool } from './client-pool.ts'
import type { OverridePolicy } from './override-policy.ts'

/** A client gives up earlier, after its request.timeout.ms, unless that is longer. */
const ACCEPT_ATTEMPT_MS = 60_000

/** Where the settings of a client come from, for messages. */
const settingsOf = (kind: ClientKind): string =>
  `see ${kind}.override.* of the connector, and ${kind}.* of the worker${kind === 'admin' ? ' or its settings without a prefix' : ''}`

export interface ConnectorClientsOptions {
  pool: ClientPool
  /** The worker's settings. */
  worker: Readonly<Record<string, string>>
  /** The connection settings of the worker's own client. */
  defaults: Omit<ClientSettings, 'security'>
  policy: OverridePolicy
  /** Throws where a `sasl.jaas.config` names a login module that clients must not have. */
  checkLoginModule(jaasConfig: string): void
}

export class ConnectorClients {
  readonly #options: ConnectorClientsOptions

  constructor(options: ConnectorClientsOptions) {
    this.#options = options
  }

  /** Why a connector must not override a client setting, or not with this value; undefined where it may. */
  refusal(kind: ClientKind, name: string, value: string): string | undefined {
    const { policy, checkLoginModule } = this.#options
    const refused = policy.refusal(name)
    if (refused !== undefined || name !== 'sasl.jaas.config') return refused
    try {
      checkLoginModule(value)
      return undefined
    } catch (error) {
      return `Invalid configuration ${kind}.override.${name}: ${(error as Error).message}`
    }
  }

  /**
   * @throws Error that names the connector's override or the worker's setting. A config that another worker has accepted is not trusted:
   * the policy is that of this worker.
   */
  acquire(kind: ClientKind, connector: ConnectorConfig): ClientLease {
    const { pool, worker, defaults } = this.#options
    const refusals = Object.entries(settingsUnder(`${kind}.override.`, connector)).flatMap(
      ([name, value]) => this.refusal(kind, name, value) ?? [],
    )
    if (refusals.length > 0) throw new Error(`Client Config Overrides not allowed: ${refusals.join(' ')}`)
    try {
      return pool.acquire(connectorConnection(kind, worker, connector, defaults))
    } catch (cause) {
      throw new Error(`Failed to construct kafka ${kind}: ${(cause as Error).message} (${settingsOf(kind)})`, { cause })
    }
  }

  /** For one request; the client is released after it. */
  async use<T>(kind: ClientKind, connector: ConnectorConfig, work: (client: Client) => Promise<T>): Promise<T> {
    const lease = this.acquire(kind, connector)
    try {
      return await work(lease.client)
    } finally {
      await lease.release()
    }
  }

  sinkGroupId(name: string, connector: ConnectorConfig): string {
    return sinkGroupId(this.#options.worker, connector, name)
  }

  /** `system` has the logger of the task. */
  ofTask(connector: ConnectorConfig, system: System): TaskClients {
    return new TaskClients(this, connector, system)
  }
}

/** The clients of one task, which releases them when it ends. */
export class TaskClients {
  readonly #clients: ConnectorClients
  readonly #connector: ConnectorConfig
  readonly #system: System
  readonly #leases = new Map<ClientKind, ClientLease>()

  constructor(clients: ConnectorClients, connector: ConnectorConfig, system: System) {
    this.#clients = clients
    this.#connector = connector
    this.#system = system
  }

  of(kind: ClientKind): Client {
    const lease = this.#leases.get(kind) ?? this.#clients.acquire(kind, this.#connector)
    this.#leases.set(kind, lease)
    return lease.client
  }

  /**
   * Resolves when the cluster has accepted each client, or when `signal` aborts: a client that it does not know must fail its task, while
   * producers and consumers would wait for a cluster that is down.
   * @throws Error that names the kind of client, with the error that no retry solves as its cause.
   */
  async accepted(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#leases].map(([kind, { client }]) => this.#accepted(kind, client, signal)))
  }

  async #accepted(kind: ClientKind, client: Client, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const described = client.clusterId
      if (!(await within(this.#system.clock, ACCEPT_ATTEMPT_MS, described, signal))) continue
      try {
        await described
        return
      } catch (error) {
        if (!(error instanceof KafkaError && error.retriable))
          throw new Error(`Failed to connect kafka ${kind}: ${(error as Error).message} (${settingsOf(kind)})`, { cause: error })
        this.#system.logger.warn({ err: error, connector: this.#connector.name }, `the cluster of the ${kind} does not respond; retrying`)
      }
    }
  }

  /** Never rejects: the task has its state already. */
  async release(): Promise<void> {
    for (const released of await Promise.allSettled([...this.#leases.values()].map((lease) => lease.release())))
      if (released.status === 'rejected')
        this.#system.logger.warn({ err: released.reason, connector: this.#connector.name }, 'a client of a task could not be closed')
  }
}

/** The setting of an override, to validate it. */
export const overrideSetting = (kind: ClientKind, name: string) => clientSetting(kind, name) ?? unknownClientSetting
