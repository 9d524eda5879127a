/**
 * The errors of an authentication. Neither ever has a password, a token, a salt or a proof in its message, its reason or its cause
 * (Invariant 12).
 */

/** On the client: the server cannot be trusted, it refused, or there are no credentials to send. */
export class SaslError extends Error {
  override name = 'SaslError'
  /** True where a new attempt may succeed: the token endpoint did not respond. */
  readonly retriable: boolean

  constructor(message: string, retriable = false) {
    super(message)
    this.retriable = retriable
  }
}

/** On the server. The message is what Kafka tells the client; `reason` is for the log of the broker. */
export class SaslAuthenticationError extends Error {
  override name = 'SaslAuthenticationError'
  readonly reason: string

  constructor(message: string, reason = message) {
    super(message)
    this.reason = reason
  }
}

/** What clients are told where the reason would tell too much, for example that a user does not exist. */
export const invalidCredentials = (occasion: string, mechanism: string, reason: string): SaslAuthenticationError =>
  new SaslAuthenticationError(
    `Authentication failed during ${occasion} due to invalid credentials with SASL mechanism ${mechanism}`,
    reason,
  )
