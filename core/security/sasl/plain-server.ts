/**
 * PLAIN on the server, as Kafka's PlainSaslServer: users are the `user_NAME` options of the PlainLoginModule. Passwords are compared in
 * constant time, and one is compared for a user who does not exist too.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Random } from '../../system/random.ts'
import { SaslAuthenticationError } from './sasl-errors.ts'
import type { Authenticated, SaslServer, SaslServerExchange } from './types.ts'

/** Of each of the three fields; RFC 4616 asks for 255 at least. */
const MAX_FIELD_BYTES = 64 * 1024
const SECRET_BYTES = 32

export class PlainServer implements SaslServer {
  readonly mechanism = 'PLAIN'
  readonly #passwords: ReadonlyMap<string, string>
  readonly #secret: Buffer

  constructor(passwords: ReadonlyMap<string, string>, random: Random) {
    this.#passwords = passwords
    this.#secret = random.bytes(SECRET_BYTES)
  }

  exchange(): SaslServerExchange {
    return new PlainServerExchange(this)
  }

  close(): void {}

  isPassword(user: string, password: string): boolean {
    const expected = this.#passwords.get(user)
    // Digests are equally long: the time tells nothing about the length of a password.
    const matches = timingSafeEqual(this.#digest(password), this.#digest(expected ?? ''))
    return matches && expected !== undefined
  }

  #digest(password: string): Buffer {
    return createHmac('sha256', this.#secret).update(password).digest()
  }
}

class PlainServerExchange implements SaslServerExchange {
  readonly #server: PlainServer
  #ended = false

  constructor(server: PlainServer) {
    this.#server = server
  }

  async respond(bytes: Buffer): Promise<{ response: Buffer; authenticated: Authenticated }> {
    if (this.#ended) throw new SaslAuthenticationError('Authentication failed: the authentication exchange has already ended')
    this.#ended = true
    if (bytes.length > 3 * MAX_FIELD_BYTES + 2)
      throw new SaslAuthenticationError(`Invalid SASL/PLAIN response: longer than ${3 * MAX_FIELD_BYTES + 2} bytes`)
    const tokens = bytes.toString('utf8').split('\0', 4)
    const [authorizationId, user, password] = tokens
    if (tokens.length !== 3) throw new SaslAuthenticationError(`Invalid SASL/PLAIN response: expected 3 tokens, got ${tokens.length}`)
    if (!user) throw new SaslAuthenticationError('Authentication failed: username not specified')
    if (!password) throw new SaslAuthenticationError('Authentication failed: password not specified')
    if (!this.#server.isPassword(user, password)) throw new SaslAuthenticationError('Authentication failed: Invalid username or password')
    // CVE-2017-12610.
    if (authorizationId !== '' && authorizationId !== user)
      throw new SaslAuthenticationError('Authentication failed: Client requested an authorization id that is different from username')
    return { response: Buffer.alloc(0), authenticated: { principal: user, lifetimeEndMs: null, isDelegationToken: false } }
  }
}
