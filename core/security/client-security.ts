/**
 * How a client secures its connections, from Kafka's settings: security.protocol, ssl.* and sasl.*. Each client has its own value, and
 * closes it. Passwords are in no message.
 */
import { KafkaError } from '../errors.ts'
import type { System } from '../system/index.ts'
import { createSaslClient } from './sasl/sasl-client.ts'
import type { SaslClient, SystemProperties } from './sasl/types.ts'
import { ClientTls } from './tls/client-tls.ts'

const protocols = {
  PLAINTEXT: { tls: false, sasl: false },
  SSL: { tls: true, sasl: false },
  SASL_PLAINTEXT: { tls: false, sasl: true },
  SASL_SSL: { tls: true, sasl: true },
} as const

export type SecurityProtocol = keyof typeof protocols

export interface ClientSecurity {
  readonly protocol: SecurityProtocol
  /** Null: without TLS. */
  readonly tls: ClientTls | null
  /** Null: without SASL. */
  readonly sasl: SaslClient | null
  close(): void
}

/**
 * `properties` are those of the process, which no client may set: where tokens may come from.
 * @throws KafkaError INVALID_CONFIG where a setting or a store is not usable.
 */
export function clientSecurity(
  settings: Readonly<Record<string, string>>,
  system: Pick<System, 'clock' | 'disk' | 'logger' | 'random'>,
  properties: SystemProperties = {},
): ClientSecurity {
  const protocol = (settings['security.protocol'] ?? 'PLAINTEXT').trim().toUpperCase()
  if (!isProtocol(protocol))
    throw new KafkaError('INVALID_CONFIG', `security.protocol: "${protocol}" is none of ${Object.keys(protocols).join(', ')}`)
  const uses = protocols[protocol]
  const tls = uses.tls ? new ClientTls(protocol, settings, system) : null
  const sasl = uses.sasl ? createSaslClient(settings, system, properties) : null
  return { protocol, tls, sasl, close: () => sasl?.close() }
}

const isProtocol = (name: string): name is SecurityProtocol => Object.hasOwn(protocols, name)
