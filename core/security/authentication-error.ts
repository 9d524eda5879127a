/**
 * The peer refused this client, or cannot be trusted: Kafka's AuthenticationException. It is never retriable: the message says what to look
 * at. A failure of TLS has the name of SASL's, because Kafka's protocol has none for it, and UNKNOWN_SERVER_ERROR is retried.
 */
import { type ErrorName, KafkaError } from '../errors.ts'

export class AuthenticationError extends KafkaError {
  override name = 'AuthenticationError'
}

export const sslError = (message: string, cause?: unknown): AuthenticationError =>
  new AuthenticationError('SASL_AUTHENTICATION_FAILED', message, { cause })

export const saslError = (error: ErrorName, message: string, cause?: unknown): AuthenticationError =>
  new AuthenticationError(error, message, { cause })
