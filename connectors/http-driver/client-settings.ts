/**
 * The settings of requests that a source and a sink have in common, with the names that Confluent's HTTP connectors give them, and what
 * they mean to a client. Nothing here loads the client.
 */
import { allowedAddressProblem } from '../../connect/sdk/address-rules.ts'
import { type ConfigOf, type SettingProblem, setting, type WorkerLimits } from '../../connect/sdk/index.ts'
import type { Authorization, HttpClientOptions, HttpProxy } from './client-options.ts'
import { headersOf, headersProblem, isHeaderValue } from './header-list.ts'

const storeType = () =>
  setting.oneOf(['PEM', 'PKCS12', 'JKS'], {
    doc: 'Accepted: what the file holds says what it is',
    default: null,
    importance: 'LOW',
    group: 'TLS',
    expected: 'stores are PEM, PKCS12 or JKS: convert another one with keytool -importkeystore -deststoretype PKCS12',
  })

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

/** A name or an address. */
const isHost = (host: string) => !/[*/]/.test(host) && allowedAddressProblem(host) === undefined

/** A proxy, under every class, with Confluent's names. */
export const proxySettings = {
  'http.proxy.host': setting.string({
    doc:
      'The host of an HTTP proxy that requests go through, also those for tokens. It resolves names, so http.allow.private.addresses is checked for ' +
      'the proxy itself and for addresses in URLs only.',
    default: '',
    group: 'Connection',
    check: (host) => (host === '' || isHost(host) ? undefined : 'It is no host: leave out http:// and the port'),
  }),
  'http.proxy.port': setting.int({
    doc: 'The port of the proxy',
    default: 0,
    group: 'Connection',
    check: (port) => (port < 0 || port > 65_535 ? 'Value must be between 0 and 65535' : undefined),
  }),
  'http.proxy.user': setting.string({ doc: 'The user at the proxy', default: '', group: 'Connection' }),
  'http.proxy.password': setting.password({ doc: 'The password at the proxy', default: null, group: 'Connection' }),
}

export type ProxyConfig = ConfigOf<typeof proxySettings>

export function checkProxy(config: ProxyConfig): SettingProblem[] {
  const needsPort = config['http.proxy.host'] !== '' && config['http.proxy.port'] === 0
  return needsPort ? [{ setting: 'http.proxy.port', why: 'http.proxy.host is set: set the port of the proxy too' }] : []
}

export function proxyOf(config: ProxyConfig): HttpProxy | null {
  const [host, user] = [config['http.proxy.host'], config['http.proxy.user']]
  if (host === '') return null
  const authorization = user === '' ? null : basicAuthorization(user, config['http.proxy.password'] ?? '')
  return { host, port: config['http.proxy.port'], authorization }
}

export const clientSettings = {
  ...addressSettings,
  ...proxySettings,
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
    doc: "A file with the certificates of the authorities that are trusted: PEM, PKCS12 or JKS. Without it Node's are.",
    default: null,
    group: 'TLS',
  }),
  'https.ssl.truststore.password': setting.password({ doc: 'The password of that file', default: null, group: 'TLS' }),
  'https.ssl.truststore.type': storeType(),
  'https.ssl.keystore.location': setting.string({
    doc: "A file with the client's certificates and its key: PEM, PKCS12 or JKS",
    default: null,
    group: 'TLS',
  }),
  'https.ssl.keystore.password': setting.password({ doc: 'The password of that file', default: null, group: 'TLS' }),
  'https.ssl.keystore.type': storeType(),
  'https.ssl.key.password': setting.password({
    doc: 'The password of the key, where it has one of its own',
    default: null,
    group: 'TLS',
  }),
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
  const problems = checkProxy(config)
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
  // Empty is Confluent's default.
  const truststore = config['https.ssl.truststore.location'] || null
  const keystore = config['https.ssl.keystore.location'] || null
  return {
    proxy: proxyOf(config),
    tls: {
      truststore: truststore === null ? null : { path: truststore, password: config['https.ssl.truststore.password'] },
      keystore:
        keystore === null
          ? null
          : { path: keystore, password: config['https.ssl.keystore.password'], keyPassword: config['https.ssl.key.password'] },
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
