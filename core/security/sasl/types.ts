/**
 * One SASL authentication, from the side of the client and of the server, and who is authenticated at its end. An exchange holds no socket:
 * its owner carries the bytes in SaslAuthenticate requests, and limits their size.
 */
import type { Clock } from '../../system/clock.ts'
import type { Disk } from '../../system/disk.ts'
import type { Logger } from '../../system/logger.ts'
import type { Random } from '../../system/random.ts'
import type { ScramCredential, ScramMechanism } from './scram-mechanism.ts'

export type SaslMechanism = 'PLAIN' | ScramMechanism | 'OAUTHBEARER'

export const saslMechanisms: readonly SaslMechanism[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']

/** What SASL uses of the system. */
export interface SaslSystem {
  readonly clock: Clock
  readonly disk: Disk
  readonly random: Random
  readonly logger: Logger
}

/**
 * Java's system properties that Kafka reads for SASL, as `javaSystemProperties` finds them in KAFKA_OPTS. They belong to the process: what
 * a connector or a client may set is never one of them.
 */
export type SystemProperties = Readonly<Record<string, string>>

/** One authentication of the client. */
export interface SaslClientExchange {
  first(): Promise<Buffer>
  /**
   * The answer to a challenge; null where the exchange is complete and nothing is to be sent. Throws SaslError where the server cannot be
   * trusted.
   */
  next(challenge: Buffer): Promise<Buffer | null>
}

export interface SaslClient {
  readonly mechanism: SaslMechanism
  exchange(): SaslClientExchange
  /** Milliseconds since the epoch when its credentials end (a token), else null. */
  credentialsEndMs(): number | null
  close(): void
}

/** Kafka's words for what an exchange is part of; they are in its messages. */
export type SaslOccasion = 'authentication' | 're-authentication'

/** One authentication on the server. */
export interface SaslServerExchange {
  /** Throws SaslAuthenticationError, and is over then. */
  respond(bytes: Buffer): Promise<{ readonly response: Buffer; readonly authenticated: Authenticated | null }>
}

export interface SaslServer {
  readonly mechanism: SaslMechanism
  exchange(occasion?: SaslOccasion): SaslServerExchange
  close(): void
}

export interface Authenticated {
  /** The name, without `User:`. */
  readonly principal: string
  readonly lifetimeEndMs: number | null
  readonly isDelegationToken: boolean
}

/** Who may log in by SCRAM. */
export interface ScramUsers {
  credential(mechanism: ScramMechanism, user: string): ScramCredential | null
  /** A delegation token by its id. */
  token(tokenId: string): ScramToken | null
}

export interface ScramToken {
  /** Its HMAC in base64. */
  readonly password: string
  /** The name, without `User:`. */
  readonly owner: string
  readonly expiryMs: number
}
