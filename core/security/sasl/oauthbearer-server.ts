/**
 * OAUTHBEARER on the server, as Kafka's OAuthBearerSaslServer: a token that is not accepted is answered with a JSON object, which the
 * client acknowledges before it gets the error. Where a token cannot be checked it is not accepted.
 */

import { errorChallenge, FAILURE_ACKNOWLEDGED, parseInitialResponse } from './oauthbearer-messages.ts'
import { invalidCredentials, SaslAuthenticationError } from './sasl-errors.ts'
import { decodeName } from './sasl-name.ts'
import type { Authenticated, SaslOccasion, SaslServer, SaslServerExchange } from './types.ts'
import type { Validated } from './unsecured-token.ts'

/** Checks a token. It never rejects for what a client has sent. */
export interface TokenValidator {
  validate(token: string): Promise<Validated>
  close(): void
}

export class OAuthBearerServer implements SaslServer {
  readonly mechanism = 'OAUTHBEARER'
  readonly #validator: TokenValidator

  constructor(validator: TokenValidator) {
    this.#validator = validator
  }

  exchange(occasion: SaslOccasion = 'authentication'): SaslServerExchange {
    return new OAuthBearerServerExchange(this.#validator, occasion)
  }

  close(): void {
    this.#validator.close()
  }
}

/** `refused`: the challenge was sent, and this is what it was for. */
type State = 'initial' | 'ended' | { readonly refused: string; readonly reason: string }

class OAuthBearerServerExchange implements SaslServerExchange {
  readonly #validator: TokenValidator
  readonly #occasion: SaslOccasion
  #state: State = 'initial'

  constructor(validator: TokenValidator, occasion: SaslOccasion) {
    this.#validator = validator
    this.#occasion = occasion
  }

  async respond(bytes: Buffer): Promise<{ response: Buffer; authenticated: Authenticated | null }> {
    const state = this.#state
    this.#state = 'ended'
    if (state === 'ended') throw this.#refused('the authentication exchange has already ended')
    if (state !== 'initial') {
      if (!bytes.equals(FAILURE_ACKNOWLEDGED)) throw this.#refused(`another token after one was refused: ${state.reason}`)
      throw new SaslAuthenticationError(state.refused, state.reason)
    }
    const message = parseInitialResponse(bytes)
    if ('reason' in message) throw this.#refused(message.reason)
    const validated = await this.#validator.validate(message.token)
    if ('error' in validated) {
      const { status, scope, reason } = validated.error
      const refused = errorChallenge(status, scope)
      this.#state = { refused, reason }
      return { response: Buffer.from(refused), authenticated: null }
    }
    const { principal, endMs } = validated.token
    if (message.authorizationId !== '' && decodeName(message.authorizationId) !== principal)
      throw new SaslAuthenticationError(
        "Authentication failed: Client requested an authorization id that is different from the token's principal name",
      )
    return { response: Buffer.alloc(0), authenticated: { principal, lifetimeEndMs: endMs, isDelegationToken: false } }
  }

  #refused(reason: string): SaslAuthenticationError {
    return invalidCredentials(this.#occasion, 'OAUTHBEARER', reason)
  }
}
