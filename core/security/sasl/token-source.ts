/**
 * Where the OAuthBearerLoginModule gets tokens, by its settings: a token endpoint with a client id and a secret (the client_credentials
 * grant), a file, or unsecured ones that it makes itself. As Kafka's DefaultJwtRetriever, without client assertions.
 */
import { fileURLToPath } from 'node:url'
import { type ClaimNames, MAX_TOKEN_CHARACTERS, readToken } from './access-token.ts'
import { boundedFetch, DEFAULT_TIMEOUT_MS, endpointTls, withRetries } from './bounded-fetch.ts'
import type { LoginModule } from './jaas-config.ts'
import { extensionProblem } from './oauthbearer-messages.ts'
import { SaslError } from './sasl-errors.ts'
import {
  allowedUrl,
  booleanSetting,
  classSetting,
  invalidSaslConfig,
  longSetting,
  refuseSettings,
  type SaslSettings,
  textSetting,
} from './sasl-settings.ts'
import type { TokenSource } from './token-login.ts'
import type { SaslSystem, SystemProperties } from './types.ts'
import { hasUnsecuredLogin, newUnsecuredToken } from './unsecured-token.ts'

const PACKAGE = 'org.apache.kafka.common.security.oauthbearer'
const UNSECURED_LOGIN = `${PACKAGE}.internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler`
/** The second is the name that it had before Kafka 4.0. */
const securedLogins = [`${PACKAGE}.OAuthBearerLoginCallbackHandler`, `${PACKAGE}.secured.OAuthBearerLoginCallbackHandler`]
const retrievers = ['DefaultJwtRetriever', 'ClientCredentialsJwtRetriever', 'FileJwtRetriever'].map((name) => `${PACKAGE}.${name}`)
const validators = ['DefaultJwtValidator', 'ClientJwtValidator'].map((name) => `${PACKAGE}.${name}`)

const TOKEN_ENDPOINT = 'sasl.oauthbearer.token.endpoint.url'
const MAX_TIMEOUT_MS = 2_147_483_647

const assertions = 'set sasl.oauthbearer.client.credentials.client.id and sasl.oauthbearer.client.credentials.client.secret'
const refused = {
  'sasl.oauthbearer.assertion.file': assertions,
  'sasl.oauthbearer.assertion.private.key.file': assertions,
  'sasl.oauthbearer.assertion.template.file': assertions,
}

export interface TokenAccess {
  readonly source: TokenSource
  /** Sent beside the token: the JAAS options `extension_NAME`, `unsecuredLoginExtension_NAME`. */
  readonly extensions: ReadonlyMap<string, string>
}

export const claimNames = (settings: SaslSettings): ClaimNames => ({
  scope: textSetting(settings, 'sasl.oauthbearer.scope.claim.name') ?? 'scope',
  subject: textSetting(settings, 'sasl.oauthbearer.sub.claim.name') ?? 'sub',
})

function extensionsOf({ options }: LoginModule, prefix: string): ReadonlyMap<string, string> {
  const extensions = new Map<string, string>()
  for (const [key, value] of options) {
    if (!key.startsWith(prefix)) continue
    const name = key.slice(prefix.length)
    const problem = extensionProblem(name, value)
    if (problem) throw invalidSaslConfig(problem)
    extensions.set(name, value)
  }
  return extensions
}

/** Throws KafkaError where the settings are wrong. */
export function tokenAccess(settings: SaslSettings, login: LoginModule, system: SaslSystem, properties: SystemProperties): TokenAccess {
  const handler = classSetting(settings, 'sasl.login.callback.handler.class', [...securedLogins, UNSECURED_LOGIN])
  if (handler === null || handler === UNSECURED_LOGIN) return unsecuredAccess(login, system)
  const retriever = classSetting(settings, 'sasl.oauthbearer.jwt.retriever.class', retrievers) ?? retrievers[0]!
  classSetting(settings, 'sasl.oauthbearer.jwt.validator.class', validators)
  refuseSettings(settings, refused)
  const url = allowedUrl(settings, TOKEN_ENDPOINT, properties)
  const isFile = url.protocol === 'file:'
  const isRightClass = retriever.endsWith('DefaultJwtRetriever') || retriever.endsWith('FileJwtRetriever') === isFile
  if (!isRightClass) throw invalidSaslConfig(`${retriever} cannot read ${TOKEN_ENDPOINT}=${url.href}`)
  const source = isFile ? fileSource(url, settings, system) : endpointSource(url, settings, login, system)
  return { source, extensions: extensionsOf(login, 'extension_') }
}

function unsecuredAccess(login: LoginModule, system: SaslSystem): TokenAccess {
  if (!hasUnsecuredLogin(login.options))
    throw invalidSaslConfig(
      `OAUTHBEARER has no token: set sasl.login.callback.handler.class=${securedLogins[0]} and ${TOKEN_ENDPOINT}, or for development the JAAS option unsecuredLoginStringClaim_sub`,
    )
  const source = async () => newUnsecuredToken(login.options, system.clock.now())
  // What is wrong is told now, not at the first connection.
  newUnsecuredToken(login.options, system.clock.now())
  return { source, extensions: extensionsOf(login, 'unsecuredLoginExtension_') }
}

function fileSource(url: URL, settings: SaslSettings, system: SaslSystem): TokenSource {
  const path = fileURLToPath(url)
  const names = claimNames(settings)
  return async () => {
    const bytes = system.disk.stat(path)?.bytes
    if (bytes === undefined)
      throw new SaslError(`The OAuth configuration option ${TOKEN_ENDPOINT} contains a file (${path}) that doesn't exist`, true)
    if (bytes > MAX_TOKEN_CHARACTERS) throw new SaslError(`The file ${path} is longer than ${MAX_TOKEN_CHARACTERS} bytes`)
    return readToken((system.disk.readFile(path) ?? Buffer.alloc(0)).toString('utf8').trim(), names)
  }
}

/** Of a setting, else of the JAAS option that it replaces. */
function credential(settings: SaslSettings, login: LoginModule, setting: string, option: string): string | null {
  return textSetting(settings, setting) ?? (login.options.get(option)?.trim() || null)
}

/** As java.net.URLEncoder. */
const urlEncoded = (text: string): string => new URLSearchParams({ k: text }).toString().slice(2)

function endpointSource(url: URL, settings: SaslSettings, login: LoginModule, system: SaslSystem): TokenSource {
  const id = credential(settings, login, 'sasl.oauthbearer.client.credentials.client.id', 'clientId')
  const secret = credential(settings, login, 'sasl.oauthbearer.client.credentials.client.secret', 'clientSecret')
  if (id === null || secret === null)
    throw invalidSaslConfig(
      `The OAuth configuration option sasl.oauthbearer.client.credentials.client.${id === null ? 'id' : 'secret'} value is required`,
    )
  const scope = credential(settings, login, 'sasl.oauthbearer.scope', 'scope')
  const form = booleanSetting(settings, 'sasl.oauthbearer.header.urlencode') ? urlEncoded : (text: string) => text
  const timeout = (name: string) => longSetting(settings, name, { fallback: DEFAULT_TIMEOUT_MS, min: 1, max: MAX_TIMEOUT_MS })
  const timeoutMs = Math.min(MAX_TIMEOUT_MS, timeout('sasl.login.connect.timeout.ms') + timeout('sasl.login.read.timeout.ms'))
  const backoff = {
    baseMs: longSetting(settings, 'sasl.login.retry.backoff.ms', { fallback: 100, min: 0, max: MAX_TIMEOUT_MS }),
    maxMs: longSetting(settings, 'sasl.login.retry.backoff.max.ms', { fallback: 10_000, min: 0, max: MAX_TIMEOUT_MS }),
  }
  const headers = {
    accept: 'application/json',
    authorization: `Basic ${Buffer.from(`${form(id)}:${form(secret)}`).toString('base64')}`,
    'cache-control': 'no-cache',
    'content-type': 'application/x-www-form-urlencoded',
  }
  const body = `grant_type=client_credentials${scope === null ? '' : `&scope=${urlEncoded(scope)}`}`
  const names = claimNames(settings)
  const request = { url, method: 'POST', headers, body, timeoutMs, tls: endpointTls(url, login.options, system) } as const
  return async (signal) => {
    return readToken(tokenIn(await withRetries(system, backoff, signal, () => boundedFetch(system, request, signal))), names)
  }
}

/** `access_token` of the response, else `id_token`, as in Kafka. */
function tokenIn(response: string): string {
  try {
    const { access_token: access, id_token: id } = JSON.parse(response) as Record<string, unknown>
    const token = access ?? id
    if (typeof token === 'string' && token.trim() !== '') return token.trim()
  } catch {
    // The same error: what was received may be a token.
  }
  throw new SaslError('The token endpoint response did not contain a valid JWT')
}
