/**
 * OAUTHBEARER on the client: one message with the token. A challenge after it is the server's refusal, which is acknowledged, as Kafka's
 * clients do; the server then ends the exchange with its error.
 */
import { FAILURE_ACKNOWLEDGED, initialResponse } from './oauthbearer-messages.ts'
import { SaslError } from './sasl-errors.ts'
import type { SaslClientExchange } from './types.ts'

type State = 'SEND_CLIENT_FIRST_MESSAGE' | 'RECEIVE_SERVER_FIRST_MESSAGE' | 'RECEIVE_SERVER_MESSAGE_AFTER_FAILURE' | 'COMPLETE'

export class OAuthBearerClientExchange implements SaslClientExchange {
  readonly #token: () => Promise<string>
  readonly #extensions: ReadonlyMap<string, string>
  #state: State = 'SEND_CLIENT_FIRST_MESSAGE'

  constructor(token: () => Promise<string>, extensions: ReadonlyMap<string, string>) {
    this.#token = token
    this.#extensions = extensions
  }

  async first(): Promise<Buffer> {
    const token = await this.#token()
    this.#state = 'RECEIVE_SERVER_FIRST_MESSAGE'
    return initialResponse(token, this.#extensions)
  }

  async next(challenge: Buffer): Promise<Buffer | null> {
    if (this.#state !== 'RECEIVE_SERVER_FIRST_MESSAGE') throw new SaslError(`Unexpected challenge in Sasl client state ${this.#state}`)
    if (challenge.length > 0) {
      this.#state = 'RECEIVE_SERVER_MESSAGE_AFTER_FAILURE'
      return FAILURE_ACKNOWLEDGED
    }
    this.#state = 'COMPLETE'
    return null
  }
}
