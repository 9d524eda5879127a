/**
 * The headers with which a request says who sends it: basic authentication, a fixed bearer token, or tokens of an OAuth provider, which
 * are kept until shortly before they end. Errors have neither passwords nor tokens.
 */
import { type AccessToken, readToken } from '../../core/security/sasl/access-token.ts'
import { boundedFetch, endpointTls, withRetries } from '../../core/security/sasl/bounded-fetch.ts'
import { parseJaasConfig } from '../../core/security/sasl/index.ts'
import type { System } from '../../core/system/index.ts'
import { InvalidSetting } from '../sdk/index.ts'
import type { ClientConfig } from './registry-settings.ts'

export type Headers = Readonly<Record<string, string>>
/** The headers for a request to a URL. */
export type Credentials = (url: URL) => Promise<Headers>

const TOKEN_ENDPOINT = 'bearer.auth.issuer.endpoint.url'
const MIN_TOKEN_LIFE_MS = 1_000

const basic = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

function basicCredentials(config: ClientConfig): Headers | null {
  const source = config['basic.auth.credentials.source']
  if (source === 'USER_INFO') {
    const info = config['basic.auth.user.info']
    const colon = info?.indexOf(':') ?? -1
    if (info === null || colon < 0)
      throw InvalidSetting.saying(
        'basic.auth.user.info',
        'basic.auth.user.info must be user:password with basic.auth.credentials.source=USER_INFO',
      )
    return { authorization: basic(info.slice(0, colon), info.slice(colon + 1)) }
  }
  if (source === 'SASL_INHERIT') {
    const options = config['sasl.jaas.config'] === null ? undefined : parseJaasConfig(config['sasl.jaas.config'])[0]?.options
    const user = options?.get('username')
    const password = options?.get('password')
    if (user === undefined || password === undefined)
      throw InvalidSetting.saying(
        'sasl.jaas.config',
        'sasl.jaas.config must have a username and a password with basic.auth.credentials.source=SASL_INHERIT',
      )
    return { authorization: basic(user, password) }
  }
  return null
}

/** Throws InvalidSetting. */
export function credentials(config: ClientConfig, raw: Readonly<Record<string, string>>, system: System): Credentials {
  const fixed = basicCredentials(config)
  if (fixed) return async () => fixed
  const routing: Record<string, string> = {}
  if (config['bearer.auth.logical.cluster'] !== null) routing['target-sr-cluster'] = config['bearer.auth.logical.cluster']
  if (config['bearer.auth.identity.pool.id'] !== null) routing['Confluent-Identity-Pool-Id'] = config['bearer.auth.identity.pool.id']
  if (config['bearer.auth.credentials.source'] === 'OAUTHBEARER') {
    const token = tokens(config, raw, system)
    return async () => ({ ...routing, authorization: `Bearer ${await token()}` })
  }
  const bearer = config['bearer.auth.token']
  if (bearer !== null) return async () => ({ ...routing, authorization: `Bearer ${bearer}` })
  return async (url): Promise<Headers> => {
    if (url.username === '') return {}
    return { authorization: basic(decodeURIComponent(url.username), decodeURIComponent(url.password)) }
  }
}

function tokens(config: ClientConfig, raw: Readonly<Record<string, string>>, system: System): () => Promise<string> {
  const given = config[TOKEN_ENDPOINT]
  const url = given === null ? null : URL.parse(given)
  if (!url || !/^https?:$/.test(url.protocol))
    throw InvalidSetting.saying(
      TOKEN_ENDPOINT,
      `${TOKEN_ENDPOINT} must be a URL of http or https with bearer.auth.credentials.source=OAUTHBEARER`,
    )
  const id = config['bearer.auth.client.id']
  const secret = config['bearer.auth.client.secret']
  if (id === null || secret === null)
    throw InvalidSetting.saying(
      'bearer.auth.client.id',
      'bearer.auth.client.id and bearer.auth.client.secret are needed with bearer.auth.credentials.source=OAUTHBEARER',
    )
  const scope = config['bearer.auth.scope']
  const tls = new Map(
    Object.entries(raw)
      .filter(([name]) => name.startsWith('schema.registry.ssl.'))
      .map(([name, value]) => [name.slice('schema.registry.'.length), value]),
  )
  const request = {
    url,
    method: 'POST',
    headers: {
      accept: 'application/json',
      authorization: basic(id, secret),
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: `grant_type=client_credentials${scope === null ? '' : `&${new URLSearchParams({ scope })}`}`,
    timeoutMs: config['http.connect.timeout.ms'] + config['http.read.timeout.ms'],
    tls: endpointTls(url, tls, system),
  } as const
  const names = { scope: config['bearer.auth.scope.claim.name'], subject: config['bearer.auth.sub.claim.name'] }
  const backoff = { baseMs: config['retries.wait.ms'], maxMs: config['retries.max.wait.ms'] }
  const bufferMs = config['bearer.auth.cache.expiry.buffer.seconds'] * 1000
  let token: AccessToken | null = null
  let pending: Promise<string> | null = null
  const retrieve = async (): Promise<string> => {
    const never = new AbortController().signal
    const text = await withRetries(system, backoff, never, () => boundedFetch(system, request, never))
    token = readToken(tokenIn(text), names)
    return token.value
  }
  return () => {
    const leftMs = token === null ? 0 : token.endMs - system.clock.now()
    // A buffer that is longer than the life of a token would ask for one with each request.
    const life = token === null || token.startMs === null ? Number.POSITIVE_INFINITY : token.endMs - token.startMs
    if (token && leftMs > (bufferMs < life ? bufferMs : MIN_TOKEN_LIFE_MS)) return Promise.resolve(token.value)
    pending ??= retrieve().finally(() => {
      pending = null
    })
    return pending
  }
}

function tokenIn(response: string): string {
  try {
    const { access_token: token } = JSON.parse(response) as { access_token?: unknown }
    if (typeof token === 'string') return token.trim()
  } catch {
    // The same error: what was received may be a token.
  }
  throw new Error(`the response of ${TOKEN_ENDPOINT} has no access_token`)
}
