/**
 * The settings of requests that a source and a sink have in common, with the names that Confluent's HTTP connectors give them, and what
 * they mean to a client. Nothing here loads the client.
 */
import { allowedAddressProblem } from '../../connect/sdk/address-rules.ts'
import { type ConfigOf, type SettingProblem, setting, type WorkerLimits } from '../../connect/sdk/index.ts'
import type { Authorization, HttpClientOptions } from './client-options.ts'
import { headersOf, headersProblem, isHeaderValue } from './header-list.ts'

const NO_PROXY = 'a proxy would resolve names itself, past the check of addresses, and is not supported: leave it out'
const PEM_ONLY = 'authorities are read as PEM only: export the certificates of the store to a file of PEM'

export function urlProblem(url: string): string | undefined {
  if (!URL.canParse(url)) return 'it is no URL: write https://host/path'
  const { protocol, username, password, hash } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') return 'the URL must begin with http:// or https://'
  if (username !== '' || password !== '')
    return 'the URL must not have a user or a password: set auth.type=BASIC, connection.user and connection.password'
  return hash === '' ? undefined : 'the URL must not have a fragment (#)'
}

/** What is wrong with a URL with placeholders. One in the host would let a record or a response choose the server. */
export function filledUrlProblem(filled: (text: string) => string): string | undefined {
  const [one, another] = [filled('0'), filled('1')]
  const isHostFixed = URL.canParse(one) && URL.canParse(another) && new URL(one).origin === new URL(another).origin
  if (!isHostFixed && one !== another) return 'placeholders are allowed in the path and the query only: name the host'
  return urlProblem(one)
}

/** That requests may go to addresses of a network, under every class. */
export const addressSettings = {
  'http.allow.private.addresses': setting.list({
    doc:
      'Networks (10.0.0.0/8), addresses and host names that requests may go to although they are not public: loopback, private, link-local. ' +
      "'*' allows all. Any other such address is refused, also behind a name, a redirect or a token URL. The worker may have a limit: " +
      'connector.private.addresses.allowlist.',
    default: [],
    group: 'Connection',
    check: (entries) => entries.map(allowedAddressProblem).find((problem) => problem !== undefined),
  }),
  'http.redirects.max': setting.int({
    doc: 'How many redirects a request follows. Credentials and headers do not go to another origin.',
    default: 0,
    importance: 'LOW',
    group: 'Connection',
    check: (count) => (count < 0 || count > 20 ? 'Value must be between 0 and 20' : undefined),
  }),
}

export const clientSettings = {
  ...addressSettings,
  'http.connect.timeout.ms': setting.int({
    doc: 'The time for a connection, with its TLS handshake',
    default: 30_000,
    group: 'Connection',
    least: 1,
  }),
  'http.request.timeout.ms': setting.int({
    doc: 'The time from a request to the end of its response',
    default: 30_000,
    group: 'Connection',
    least: 1,
  }),
  'http.proxy.host': setting.string({
    doc: `Accepted where it is empty: ${NO_PROXY}`,
    default: '',
    importance: 'LOW',
    group: 'Connection',
    check: (host) => (host === '' ? undefined : NO_PROXY),
  }),
  'auth.type': setting.oneOf(['NONE', 'BASIC', 'BEARER', 'OAUTH2'], {
    doc:
      'How requests are authorized: not at all, by connection.user and connection.password, by bearer.token, or by a token of OAuth 2.0 ' +
      'client credentials',
    default: 'NONE',
    importance: 'HIGH',
    group: 'Authorization',
  }),
  'connection.user': setting.string({ doc: 'The user, with auth.type=BASIC', default: null, group: 'Authorization' }),
  'connection.password': setting.password({ doc: 'The password, with auth.type=BASIC', default: null, group: 'Authorization' }),
  'bearer.token': setting.password({ doc: 'The token, with auth.type=BEARER', default: null, group: 'Authorization' }),
  'oauth2.token.url': setting.string({
    doc: 'The URL that gives tokens, with auth.type=OAUTH2',
    default: null,
    group: 'Authorization',
    check: urlProblem,
  }),
  'oauth2.client.id': setting.string({ doc: 'The id of the client, with auth.type=OAUTH2', default: null, group: 'Authorization' }),
  'oauth2.client.secret': setting.password({
    doc: 'The secret of the client, with auth.type=OAUTH2',
    default: null,
    group: 'Authorization',
  }),
  'oauth2.client.scope': setting.string({ doc: 'The scope of the token', default: null, importance: 'LOW', group: 'Authorization' }),
  'oauth2.client.auth.mode': setting.oneOf(['header', 'url'], {
    doc: "Where the id and the secret are sent: 'header' is the Authorization header, 'url' are fields of the form",
    default: 'header',
    importance: 'LOW',
    group: 'Authorization',
  }),
  'oauth2.token.property': setting.string({
    doc: 'The field of the response that has the token',
    default: 'access_token',
    importance: 'LOW',
    group: 'Authorization',
  }),
  'oauth2.client.headers': setting.password({
    doc: 'Headers of the request for a token, as name:value, separated by oauth2.client.header.separator',
    default: null,
    importance: 'LOW',
    group: 'Authorization',
  }),
  'oauth2.client.header.separator': setting.string({
    doc: 'What separates the headers of oauth2.client.headers',
    default: '|',
    importance: 'LOW',
    group: 'Authorization',
    check: (text) => (text === '' ? 'String must be non-empty' : undefined),
  }),
  'https.ssl.truststore.location': setting.string({
    doc: "A file with the certificates of the authorities that are trusted, as PEM. Without it Node's are.",
    default: null,
    group: 'TLS',
  }),
  'https.ssl.truststore.type': setting.string({
    doc: 'Accepted: authorities are read as PEM',
    default: 'PEM',
    importance: 'LOW',
    group: 'TLS',
    check: (type) => (type.toUpperCase() === 'PEM' ? undefined : PEM_ONLY),
  }),
  'https.ssl.keystore.location': setting.string({
    doc: "A file with the client's certificate and its key",
    default: null,
    group: 'TLS',
  }),
  'https.ssl.keystore.type': setting.oneOf(['PEM', 'PKCS12'], {
    doc: 'What that file is: PEM with the certificates and the key, or PKCS12',
    default: 'PEM',
    importance: 'LOW',
    group: 'TLS',
    expected: 'key stores are read as PEM or PKCS12: convert a JKS with keytool -importkeystore -deststoretype PKCS12',
  }),
  'https.ssl.keystore.password': setting.password({ doc: 'The password of a key store of PKCS12', default: null, group: 'TLS' }),
  'https.ssl.key.password': setting.password({ doc: 'The password of an encrypted key', default: null, group: 'TLS' }),
  'https.ssl.endpoint.identification.algorithm': setting.oneOf(['https', ''], {
    doc: "'https' checks that the certificate is for the host; nothing does not, which is safe only in a network that you trust",
    default: 'https',
    importance: 'LOW',
    group: 'TLS',
  }),
}

export type ClientConfig = ConfigOf<typeof clientSettings>

/** Checks that concern several settings. */
export function checkClient(config: ClientConfig): SettingProblem[] {
  const problems: SettingProblem[] = []
  const needs = (name: keyof ClientConfig & string) => {
    if (config[name] === null || config[name] === '') problems.push({ setting: name, why: `auth.type=${config['auth.type']} needs it` })
  }
  switch (config['auth.type']) {
    case 'BASIC':
      needs('connection.user')
      needs('connection.password')
      break
    case 'BEARER':
      needs('bearer.token')
      if (config['bearer.token'] !== null && !isHeaderValue(config['bearer.token']))
        problems.push({ setting: 'bearer.token', why: 'It has characters that no header may have' })
      break
    case 'OAUTH2':
      needs('oauth2.token.url')
      needs('oauth2.client.id')
      needs('oauth2.client.secret')
      break
  }
  const headers = headersProblem(config['oauth2.client.headers'] ?? '', config['oauth2.client.header.separator'])
  if (headers !== undefined) problems.push({ setting: 'oauth2.client.headers', why: headers })
  return problems
}

export function clientOptions(
  config: ClientConfig,
  limits: WorkerLimits | undefined,
  bounds: { maxResponseBytes: number; connections: number },
): HttpClientOptions {
  const keystore = config['https.ssl.keystore.location']
  return {
    tls: {
      authorities: config['https.ssl.truststore.location'],
      keystore: keystore === null ? null : keystoreOf(keystore, config),
      checksHostName: config['https.ssl.endpoint.identification.algorithm'] === 'https',
    },
    connectTimeoutMs: config['http.connect.timeout.ms'],
    requestTimeoutMs: config['http.request.timeout.ms'],
    maxRedirects: config['http.redirects.max'],
    allowedAddresses: config['http.allow.private.addresses'],
    addressLimit: limits?.privateAddresses,
    ...bounds,
  }
}

function keystoreOf(path: string, config: ClientConfig): HttpClientOptions['tls']['keystore'] {
  const type = config['https.ssl.keystore.type']
  return { path, type, password: config['https.ssl.key.password'] ?? config['https.ssl.keystore.password'] }
}

export function authorizationOf(config: ClientConfig): Authorization {
  switch (config['auth.type']) {
    case 'NONE':
      return { type: 'none' }
    case 'BASIC':
      return { type: 'static', value: basicAuthorization(config['connection.user']!, config['connection.password']!) }
    case 'BEARER':
      return { type: 'static', value: `Bearer ${config['bearer.token']!}` }
    case 'OAUTH2':
      return {
        type: 'oauth2',
        credentials: {
          tokenUrl: config['oauth2.token.url']!,
          id: config['oauth2.client.id']!,
          secret: config['oauth2.client.secret']!,
          scope: config['oauth2.client.scope'],
          mode: config['oauth2.client.auth.mode'],
          tokenProperty: config['oauth2.token.property'],
          headers: headersOf(config['oauth2.client.headers'] ?? '', config['oauth2.client.header.separator']),
        },
      }
  }
}

/** The value of the header for a user and a password (RFC 7617). */
export const basicAuthorization = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`
