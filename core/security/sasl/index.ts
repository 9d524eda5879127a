/**
 * The public interface of the room: SASL for clients and for listeners, JAAS configurations, and the keys of SCRAM.
 */

export { type LoginModule, parseJaasConfig, parseJaasFile } from './jaas-config.ts'
export { javaSystemProperties } from './java-system-properties.ts'
export { createSaslClient, saslMechanismOf } from './sasl-client.ts'
export { SaslAuthenticationError, SaslError } from './sasl-errors.ts'
export { createSaslServer, type SaslServerOptions } from './sasl-server.ts'
export type { ScramCredential, ScramMechanism } from './scram-mechanism.ts'
export type {
  Authenticated,
  SaslClient,
  SaslClientExchange,
  SaslMechanism,
  SaslOccasion,
  SaslServer,
  SaslServerExchange,
  SaslSystem,
  ScramToken,
  ScramUsers,
  SystemProperties,
} from './types.ts'
export { saslMechanisms } from './types.ts'
