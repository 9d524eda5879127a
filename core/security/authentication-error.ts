/**
 * The peer refused this client, or cannot be trusted: Kafka's AuthenticationException. It is never retriable: the message says what to look
 * at. The name of a TLS failure is UNKNOWN_SERVER_ERROR, because Kafka's protocol has none for it.
 */
import { type ErrorName, KafkaError } from '../errors.ts'

export class AuthenticationError extends KafkaError {
  override name = 'AuthenticationError'
}

export const sslError = (message: string, cause?: unknown): AuthenticationError =>
  new AuthenticationError('UNKNOWN_SERVER_ERROR', message, { cause })

export const saslError = (error: ErrorName, message: string, cause?: unknown): AuthenticationError =>
  new AuthenticationError(error, message, { cause })
