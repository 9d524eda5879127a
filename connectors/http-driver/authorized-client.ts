/**
 * Requests with their authorization: a fixed header, or an OAuth 2.0 token by client credentials (RFC 6749, section 4.4), which is kept
 * until it expires, or until a response with 401 says that it is not accepted any more.
 */

import type { Authorization, ClientCredentials, HttpClientOptions } from './client-options.ts'
import { basicAuthorization } from './client-settings.ts'
import { type ClientRequest, type ClientResponse, HttpClient } from './http-client.ts'
import { RequestFailed, RequestRefused, shownUrl } from './request-errors.ts'

/** A token is renewed this long before it expires, or earlier by a tenth of its time where that is less. */
const RENEWAL_MS = 30_000
const RENEWAL_SHARE = 0.1
/** RFC 6749 says what `error` may be. */
const OAUTH_ERROR = /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,100}$/
/** What RFC 6750 allows in the header. */
const TOKEN = /^[\w\-.~+/]+=*$/

interface Token {
  readonly header: string
  /** By performance.now(). */
  readonly renewAt: number
}

export class AuthorizedClient {
  readonly #client: HttpClient
  readonly #authorization: Authorization
  #token: Promise<Token> | null = null

  constructor(options: HttpClientOptions, authorization: Authorization) {
    this.#client = new HttpClient(options)
    this.#authorization = authorization
  }

  /** @throws RequestFailed, RequestRefused; what `signal` aborts with. */
  async send(request: ClientRequest): Promise<ClientResponse> {
    const authorization = this.#authorization
    if (authorization.type === 'none') return await this.#client.send(request)
    if (authorization.type === 'static') return await this.#client.send(withHeader(request, authorization.value))
    const { signal } = request
    const refused = await unlessAborted(this.#tokenHeader(authorization.credentials), signal)
    const response = await this.#client.send(withHeader(request, refused))
    if (response.status !== 401) return response
    await this.#forget(refused)
    return await this.#client.send(withHeader(request, await unlessAborted(this.#tokenHeader(authorization.credentials), signal)))
  }

  /** Gets a token where one is needed. */
  async authorize(): Promise<void> {
    if (this.#authorization.type === 'oauth2') await this.#tokenHeader(this.#authorization.credentials)
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  /** Not one that another request has got meanwhile: a server may end the token before it whenever it gives a new one. */
  async #forget(header: string): Promise<void> {
    const known = this.#token
    const token = await known?.catch(() => null)
    if (token?.header === header && this.#token === known) this.#token = null
  }

  /** Requests that need a token at the same time wait for one. */
  async #tokenHeader(credentials: ClientCredentials): Promise<string> {
    for (;;) {
      const asked = (this.#token ??= this.#requestToken(credentials))
      try {
        const token = await asked
        if (performance.now() < token.renewAt || this.#token !== asked) return token.header
      } catch (error) {
        if (this.#token === asked) this.#token = null
        throw error
      }
      this.#token = null
    }
  }

  async #requestToken(credentials: ClientCredentials): Promise<Token> {
    const url = new URL(credentials.tokenUrl)
    const form = new URLSearchParams({ grant_type: 'client_credentials' })
    if (credentials.scope !== null) form.set('scope', credentials.scope)
    const headers: Record<string, string> = {
      accept: 'application/json',
      ...credentials.headers,
      'content-type': 'application/x-www-form-urlencoded',
    }
    if (credentials.mode === 'header') headers.authorization = basicAuthorization(encoded(credentials.id), encoded(credentials.secret))
    else {
      form.set('client_id', credentials.id)
      form.set('client_secret', credentials.secret)
    }
    const response = await this.#client.send({ method: 'POST', url, headers, body: form.toString(), redirects: 'refuse' })
    return tokenIn(response, url, credentials)
  }
}

/** A request that is not wanted any more does not wait for the token, which others may wait for. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
    work.catch(() => {})
  }
}

/** As RFC 6749 encodes the id and the secret in the header. */
const encoded = (text: string) => new URLSearchParams([['', text]]).toString().slice(1)

const withHeader = (request: ClientRequest, authorization: string): ClientRequest => ({
  ...request,
  headers: { ...request.headers, authorization },
})

/** What the response says is not repeated: it may be a token. */
function tokenIn({ status, body }: ClientResponse, url: URL, credentials: ClientCredentials): Token {
  const where = shownUrl(url)
  let content: Record<string, unknown> = {}
  try {
    content = (JSON.parse(body.toString('utf8')) ?? {}) as Record<string, unknown>
  } catch (error) {
    if (status === 200)
      throw new RequestRefused('token-url', `${where} gives no token, since it does not answer with JSON: check this URL`, { cause: error })
  }
  if (status >= 500 || status === 408 || status === 429)
    throw new RequestFailed(`${where} responded with ${status} to a request for a token`)
  if (status < 200 || status > 299) {
    const reason = typeof content.error === 'string' && OAUTH_ERROR.test(content.error) ? ` (${content.error})` : ''
    throw new RequestRefused(
      'authorization',
      `${where} gives no token and responds with ${status}${reason}: check the URL, the client id, its secret and the scope`,
    )
  }
  const token = content[credentials.tokenProperty]
  if (typeof token !== 'string' || !TOKEN.test(token))
    throw new RequestRefused(
      'authorization',
      `The response of ${where} has no token in "${credentials.tokenProperty}": set the property that has it`,
    )
  const lifetimeMs = Number(content.expires_in) * 1000
  // Without `expires_in` a token is good until a 401.
  const renewAt =
    lifetimeMs > 0 ? performance.now() + lifetimeMs - Math.min(RENEWAL_MS, lifetimeMs * RENEWAL_SHARE) : Number.POSITIVE_INFINITY
  return { header: `Bearer ${token}`, renewAt }
}
