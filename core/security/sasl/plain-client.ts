/**
 * PLAIN on the client (RFC 4616): the user and the password in one message, without an authorization id.
 */
import type { SaslClientExchange } from './types.ts'

export class PlainClientExchange implements SaslClientExchange {
  readonly #message: Buffer

  constructor(user: string, password: string) {
    this.#message = Buffer.from(`\0${user}\0${password}`)
  }

  async first(): Promise<Buffer> {
    return this.#message
  }

  /** The exchange is complete with the first message. What a server sends with its consent is ignored, as by Kafka's clients. */
  async next(): Promise<null> {
    return null
  }
}
