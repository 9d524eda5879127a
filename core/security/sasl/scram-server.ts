/**
 * SCRAM on the server, as Kafka's ScramSaslServer. For a user who does not exist the exchange goes on with a made-up salt, the same one at
 * each attempt, and fails at the proof: neither the number of messages nor the time tells who exists. The keys of a delegation token are
 * derived at its first login, in a thread; its id is random, so that the time of that tells nothing that could be guessed.
 */
import { createHmac } from 'node:crypto'
import type { Random } from '../../system/random.ts'
import { invalidCredentials, SaslAuthenticationError } from './sasl-errors.ts'
import {
  constantName,
  credentialOf,
  hmac,
  isProof,
  type ScramCredential,
  type ScramMechanism,
  saltedPassword,
  scramAlgorithms,
} from './scram-mechanism.ts'
import { type ClientFirst, parseClientFinal, parseClientFirst, serverFirst } from './scram-messages.ts'
import type { Authenticated, SaslOccasion, SaslServer, SaslServerExchange, ScramToken, ScramUsers } from './types.ts'

const NONCE_BYTES = 24
const SECRET_BYTES = 32
/** As the salts of Kafka's tools: 130 bits, written with digits and letters. */
const SALT_BITS = 130
const SALT_RADIX = 36
/** Tokens whose keys are kept: those of others are derived again. */
const MAX_TOKENS = 1000

export class ScramServer implements SaslServer {
  readonly mechanism: ScramMechanism
  readonly #users: ScramUsers
  readonly #random: Random
  readonly #secret: Buffer
  /** By token id, the one that has logged in last at the end. An id has one password only. */
  readonly #tokens = new Map<string, Promise<ScramCredential>>()

  constructor(mechanism: ScramMechanism, users: ScramUsers, random: Random) {
    this.mechanism = mechanism
    this.#users = users
    this.#random = random
    this.#secret = random.bytes(SECRET_BYTES)
  }

  exchange(occasion: SaslOccasion = 'authentication'): SaslServerExchange {
    return new ScramServerExchange(this, occasion)
  }

  close(): void {}

  newNonce(): string {
    return this.#random.bytes(NONCE_BYTES).toString('base64url')
  }

  /** Null for `authenticated` where nobody can log in with what the client asked for. */
  async find({ user, extensions }: ClientFirst): Promise<{ credential: ScramCredential; authenticated: Authenticated | null }> {
    if (extensions.get('tokenauth')?.toLowerCase() === 'true') {
      const token = this.#users.token(user)
      if (!token) return { credential: this.#madeUp(user), authenticated: null }
      return {
        credential: await this.#credentialOf(user, token),
        authenticated: { principal: token.owner, lifetimeEndMs: token.expiryMs, isDelegationToken: true },
      }
    }
    const credential = this.#users.credential(this.mechanism, user)
    if (!credential) return { credential: this.#madeUp(user), authenticated: null }
    return { credential, authenticated: { principal: user, lifetimeEndMs: null, isDelegationToken: false } }
  }

  #credentialOf(tokenId: string, { password }: ScramToken): Promise<ScramCredential> {
    const kept = this.#tokens.get(tokenId)
    this.#tokens.delete(tokenId)
    const { salt, iterations } = this.#madeUp(tokenId)
    const credential =
      kept ??
      saltedPassword(this.mechanism, password, salt, iterations).then((salted) => credentialOf(this.mechanism, salted, salt, iterations))
    this.#tokens.set(tokenId, credential)
    for (const oldest of this.#tokens.keys()) {
      if (this.#tokens.size <= MAX_TOKENS) break
      this.#tokens.delete(oldest)
    }
    return credential
  }

  #madeUp(user: string): ScramCredential {
    const { bytes, minIterations } = scramAlgorithms[this.mechanism]
    const keyed = (use: string) => createHmac('sha512', this.#secret).update(`${use}:${user}`).digest()
    return {
      salt: Buffer.from(BigInt.asUintN(SALT_BITS, BigInt(`0x${keyed('salt').toString('hex')}`)).toString(SALT_RADIX)),
      storedKey: keyed('stored').subarray(0, bytes),
      serverKey: keyed('server').subarray(0, bytes),
      iterations: minIterations,
    }
  }
}

interface Challenge {
  readonly credential: ScramCredential
  readonly authenticated: Authenticated | null
  readonly bare: string
  readonly nonce: string
  readonly message: string
}

class ScramServerExchange implements SaslServerExchange {
  readonly #server: ScramServer
  readonly #occasion: SaslOccasion
  #state: 'RECEIVE_CLIENT_FIRST_MESSAGE' | 'COMPLETE' | 'FAILED' | Challenge = 'RECEIVE_CLIENT_FIRST_MESSAGE'

  constructor(server: ScramServer, occasion: SaslOccasion) {
    this.#server = server
    this.#occasion = occasion
  }

  async respond(bytes: Buffer) {
    const state = this.#state
    this.#state = 'FAILED'
    if (state === 'RECEIVE_CLIENT_FIRST_MESSAGE') return this.#challenge(bytes)
    if (typeof state === 'object') return this.#verify(bytes, state)
    throw this.#refused(`Unexpected challenge in Sasl server state ${state}`)
  }

  async #challenge(bytes: Buffer) {
    const first = parseClientFirst(bytes)
    if (!first) throw this.#refused('Invalid SCRAM client first message format')
    const { credential, authenticated } = await this.#server.find(first)
    if (first.authorizationId !== '' && first.authorizationId !== first.user)
      throw new SaslAuthenticationError('Authentication failed: Client requested an authorization id that is different from username')
    const { mechanism } = this.#server
    const { minIterations } = scramAlgorithms[mechanism]
    const { salt, iterations } = credential
    if (iterations < minIterations)
      throw this.#refused(`Iterations ${iterations} is less than the minimum ${minIterations} for ${constantName(mechanism)}`)
    const nonce = first.nonce + this.#server.newNonce()
    const message = serverFirst({ nonce, salt, iterations })
    this.#state = { credential, authenticated, bare: first.bare, nonce, message }
    return { response: Buffer.from(message), authenticated: null }
  }

  #verify(bytes: Buffer, { credential, authenticated, bare, nonce, message }: Challenge) {
    const { mechanism } = this.#server
    const final = parseClientFinal(bytes)
    if (!final) throw this.#refused('Invalid SCRAM client final message format')
    // CVE-2024-56128.
    if (final.nonce !== nonce) throw this.#refused('Invalid client nonce in the final client message.')
    const authMessage = `${bare},${message},${final.withoutProof}`
    if (!isProof(mechanism, credential, authMessage, final.proof)) throw this.#refused('Invalid client credentials')
    if (!authenticated) throw this.#refused('Authentication failed: Invalid user credentials')
    this.#state = 'COMPLETE'
    return { response: Buffer.from(`v=${hmac(mechanism, credential.serverKey, authMessage).toString('base64')}`), authenticated }
  }

  #refused(reason: string): SaslAuthenticationError {
    return invalidCredentials(this.#occasion, this.#server.mechanism, reason)
  }
}
