/**
 * The Kafka clients of a worker: its own, and those of its connectors, out of one pool. It knows which settings of the worker's file and
 * which system properties of the process they have.
 */
import { AuthenticationError, type Client, clientSecurity, createClient } from '../../core/client/index.ts'
import { clientLoginModule } from '../../core/security/sasl/jaas-context.ts'
import type { SystemProperties } from '../../core/security/sasl/types.ts'
import type { System } from '../../core/system/index.ts'
import { workerConnection } from './client-overrides.ts'
import { ClientPool } from './client-pool.ts'
import { ConnectorClients } from './connector-clients.ts'
import { deprecation, overridePolicy, policyNamed } from './override-policy.ts'
import type { WorkerConfig } from './worker-settings.ts'

export interface WorkerClients {
  /** For the group of workers and its internal topics. */
  readonly own: Client
  readonly ofConnectors: ConnectorClients
  /** Resolves when the cluster has responded to the worker's own client; rejects with a message that names its settings. */
  connect(): Promise<void>
  close(): Promise<void>
}

export function workerClients(
  properties: Readonly<Record<string, string>>,
  config: WorkerConfig,
  workerId: string,
  systemProperties: SystemProperties,
  system: System,
): WorkerClients {
  const own = workerConnection(properties, {
    bootstrapServers: config['bootstrap.servers'],
    clientId: config['client.id'] || `connect-${workerId}`,
    requestTimeoutMs: config['request.timeout.ms'],
    metadataMaxAgeMs: config['metadata.max.age.ms'],
    connectionsMaxIdleMs: config['connections.max.idle.ms'],
    reconnectBackoffMs: config['reconnect.backoff.ms'],
    reconnectBackoffMaxMs: config['reconnect.backoff.max.ms'],
    retryBackoffMs: config['retry.backoff.ms'],
    retryBackoffMaxMs: config['retry.backoff.max.ms'],
  })
  const policyName = policyNamed(config['connector.client.config.override.policy'])!
  const deprecated = deprecation(policyName)
  if (deprecated !== undefined) system.logger.warn({}, deprecated)
  const pool = new ClientPool(({ settings, security }) =>
    createClient({ ...settings, security: clientSecurity(security, system, systemProperties) }, system),
  )
  const { client } = pool.acquire(own)
  return {
    own: client,
    ofConnectors: new ConnectorClients({
      pool,
      worker: properties,
      defaults: own.settings,
      policy: overridePolicy(policyName, config['connector.client.config.override.allowlist']),
      checkLoginModule: (jaasConfig) => void clientLoginModule(jaasConfig, system.disk, systemProperties),
    }),
    async connect() {
      try {
        await client.clusterId
      } catch (cause) {
        if (!(cause instanceof AuthenticationError)) throw cause
        const names = Object.keys(own.security).join(', ') || 'security.protocol'
        throw new Error(
          `Failed to connect to and describe Kafka cluster. Check worker's broker connection and security properties. ${cause.message}. ` +
            `The worker's own clients have the settings without a prefix: ${names}.`,
          { cause },
        )
      }
    },
    close: () => pool.close(),
  }
}
