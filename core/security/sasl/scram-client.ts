/**
 * SCRAM on the client, as Kafka's ScramSaslClient: the server must extend our nonce, ask for enough iterations but not for too many, and
 * prove that it knows the password too.
 */
import { timingSafeEqual } from 'node:crypto'
import type { Random } from '../../system/random.ts'
import { SaslError } from './sasl-errors.ts'
import { clientProof, constantName, hmac, type ScramMechanism, saltedPassword, scramAlgorithms, serverKeyOf } from './scram-mechanism.ts'
import { clientFinalWithoutProof, clientFirstBare, parseServerFinal, parseServerFirst } from './scram-messages.ts'
import type { SaslClientExchange } from './types.ts'

/**
 * A hostile server could make a client compute for hours (CVE-2026-10143). Kafka stores 16,384 at most; other systems store more.
 */
const MAX_ITERATIONS = 1_000_000
const NONCE_BYTES = 24

export interface ScramLogin {
  readonly user: string
  readonly password: string
  /** The user is the id of a delegation token, the password its HMAC. */
  readonly isToken: boolean
}

type State =
  | { readonly at: 'SEND_CLIENT_FIRST_MESSAGE' }
  | { readonly at: 'RECEIVE_SERVER_FIRST_MESSAGE'; readonly nonce: string; readonly bare: string }
  | { readonly at: 'RECEIVE_SERVER_FINAL_MESSAGE'; readonly signature: Buffer }
  | { readonly at: 'COMPLETE' }
  | { readonly at: 'FAILED' }

const unexpectedIn = ({ at }: State): SaslError => new SaslError(`Unexpected challenge in Sasl client state ${at}`)

export class ScramClientExchange implements SaslClientExchange {
  readonly #mechanism: ScramMechanism
  readonly #login: ScramLogin
  readonly #random: Random
  #state: State = { at: 'SEND_CLIENT_FIRST_MESSAGE' }

  constructor(mechanism: ScramMechanism, login: ScramLogin, random: Random) {
    this.#mechanism = mechanism
    this.#login = login
    this.#random = random
  }

  async first(): Promise<Buffer> {
    if (this.#state.at !== 'SEND_CLIENT_FIRST_MESSAGE') throw unexpectedIn(this.#state)
    const nonce = this.#random.bytes(NONCE_BYTES).toString('base64url')
    const bare = clientFirstBare(this.#login.user, nonce, this.#login.isToken)
    this.#state = { at: 'RECEIVE_SERVER_FIRST_MESSAGE', nonce, bare }
    return Buffer.from(`n,,${bare}`)
  }

  async next(challenge: Buffer): Promise<Buffer | null> {
    const state = this.#state
    this.#state = { at: 'FAILED' }
    if (state.at === 'RECEIVE_SERVER_FIRST_MESSAGE') return this.#prove(challenge, state)
    if (state.at === 'RECEIVE_SERVER_FINAL_MESSAGE') return this.#verify(challenge, state.signature)
    throw unexpectedIn(state)
  }

  async #prove(challenge: Buffer, { nonce, bare }: { readonly nonce: string; readonly bare: string }): Promise<Buffer> {
    const mechanism = this.#mechanism
    const first = parseServerFirst(challenge)
    if (!first) throw new SaslError('Invalid SCRAM server first message format')
    // A server that adds nothing to the nonce could replay an old exchange.
    if (!first.nonce.startsWith(nonce) || first.nonce === nonce)
      throw new SaslError('Invalid server nonce: does not start with client nonce')
    const { iterations, salt } = first
    const { minIterations } = scramAlgorithms[mechanism]
    if (iterations < minIterations)
      throw new SaslError(`Requested iterations ${iterations} is less than the minimum ${minIterations} for ${constantName(mechanism)}`)
    if (iterations > MAX_ITERATIONS)
      throw new SaslError(`Requested iterations ${iterations} is more than the maximum ${MAX_ITERATIONS} for ${constantName(mechanism)}`)
    const salted = await saltedPassword(mechanism, this.#login.password, salt, iterations)
    const withoutProof = clientFinalWithoutProof(first.nonce)
    const authMessage = `${bare},${challenge.toString('utf8')},${withoutProof}`
    this.#state = { at: 'RECEIVE_SERVER_FINAL_MESSAGE', signature: hmac(mechanism, serverKeyOf(mechanism, salted), authMessage) }
    return Buffer.from(`${withoutProof},p=${clientProof(mechanism, salted, authMessage).toString('base64')}`)
  }

  #verify(challenge: Buffer, expected: Buffer): null {
    const final = parseServerFinal(challenge)
    if (!final) throw new SaslError('Invalid SCRAM server final message format')
    if ('error' in final)
      throw new SaslError(`Sasl authentication using ${constantName(this.#mechanism)} failed with error: ${final.error}`)
    if (final.signature.length !== expected.length || !timingSafeEqual(final.signature, expected))
      throw new SaslError('Invalid server signature in server final message')
    this.#state = { at: 'COMPLETE' }
    return null
  }
}
