/**
 * The REST API of a process. Its sockets are opened before the worker starts, so that a port in use is reported at once and the other
 * workers get the real port; until the worker is ready every request gets a 503. The server itself is loaded meanwhile.
 */
import { hostname } from 'node:os'
import type { ServerOptions } from '../api/index.ts'
import {
  ADMIN_LISTENERS_TLS,
  isLoopback,
  LISTENERS_TLS,
  type Listener,
  parseRestSettings,
  type RestSettings,
  restSettings,
} from '../api/settings.ts'
import type { SystemProperties } from '../core/security/sasl/types.ts'
import { tlsSettingNames } from '../core/security/tls/tls-settings.ts'
import type { System } from '../core/system/index.ts'
import { advertisedUrlOf, bracketed, displayUrl } from './rest-addresses.ts'
import { listen, type RestSocket } from './rest-sockets.ts'

/** Those of the REST API in the file of a worker. */
export const restSettingNames: readonly string[] = [
  ...Object.keys(restSettings),
  ...[LISTENERS_TLS, ADMIN_LISTENERS_TLS].flatMap((prefix) => tlsSettingNames.map((name) => `${prefix}${name}`)),
]

/** The file says where to listen, by the old names too. */
export const namesListeners = (properties: Readonly<Record<string, string>>): boolean =>
  ['listeners', 'rest.host.name', 'rest.port'].some((name) => properties[name] !== undefined)

export interface Rest {
  /** The URL that other workers use; null where the REST API is off. */
  readonly advertisedUrl: string | null
  /** Where it listens, for people. */
  readonly urls: readonly string[]
  /** Serves the routes of these services from now on. */
  serve(services: Pick<ServerOptions, 'worker' | 'mirrors' | 'system' | 'version'>): Promise<void>
  close(): Promise<void>
}

/** `systemProperties` name the JAAS file of the login. */
export async function openRest(
  properties: Readonly<Record<string, string>>,
  system: System,
  systemProperties: SystemProperties = {},
): Promise<Rest> {
  const settings = parseRestSettings(properties)
  // Where the API is off, its code is not loaded.
  if (settings.listeners.length === 0) return { advertisedUrl: null, urls: [], serve: async () => {}, close: async () => {} }
  const loaded = import('../api/index.ts')
  const login = settings.asksForLogin ? (await import('../api/login/rest-login.ts')).openRestLogin(systemProperties, system) : undefined
  warnOfOpenListeners(settings, system)
  warnOfAdvertised(settings, system)
  const { sendParserError } = await loaded
  const main = await listen(settings.listeners, settings.tls, sendParserError, system)
  const admin = await listen(settings.adminListeners ?? [], settings.adminTls, sendParserError, system).catch(async (error: unknown) => {
    await main.close()
    throw error
  })
  const apps: { close(): Promise<void> }[] = []
  return {
    advertisedUrl: advertisedUrl(settings, main.open),
    urls: main.open.map(displayUrl),
    async serve(services) {
      const { buildServer } = await loaded
      const { crossOrigin, headers, loopbackOnly, openPaths, tls } = settings
      const ownHosts = [hostname(), ...settings.ownHosts]
      const options = { ...services, crossOrigin, headers, ownHosts, loopbackOnly, login, openPaths, tls }
      const app = buildServer({ ...options, serves: settings.adminListeners === null ? undefined : (tag) => tag !== 'Loggers' })
      apps.push(app)
      await app.ready()
      main.handleWith(app.routing)
      if (admin.open.length === 0) return
      const adminApp = buildServer({ ...options, serves: (tag) => tag === 'Loggers' })
      apps.push(adminApp)
      await adminApp.ready()
      admin.handleWith(adminApp.routing)
    },
    async close() {
      await Promise.all([main.close(), admin.close()])
      await Promise.all(apps.map((app) => app.close()))
    },
  }
}

/** A user of the network may be anybody, unless there is a login or clients show a certificate. */
function warnOfOpenListeners({ listeners, adminListeners, tls, adminTls, asksForLogin }: RestSettings, { logger }: System): void {
  const reachable = (all: readonly Listener[]) => all.filter((listener) => !isLoopback(listener))
  const [main, admin] = [reachable(listeners), reachable(adminListeners ?? [])]
  const urlsOf = (all: readonly Listener[]) =>
    all.map(({ protocol, host, port }) => `${protocol}://${bracketed(host || '0.0.0.0')}:${port}`)
  if (asksForLogin) {
    const plain = [...main, ...admin].filter(({ protocol }) => protocol === 'http')
    if (plain.length > 0)
      logger.warn({ listeners: urlsOf(plain) }, 'passwords for the REST API are sent without encryption: use https, or listen on 127.0.0.1')
    return
  }
  const open = [
    ...main.filter((listener) => !asksForCertificate(listener, tls)),
    ...admin.filter((listener) => !asksForCertificate(listener, adminTls)),
  ]
  if (open.length === 0) return
  logger.warn(
    { listeners: urlsOf(open) },
    'the REST API can be used by everyone who reaches it, without a login: set rest.extension.classes to ' +
      'org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension, or ssl.client.auth=required with https and a trust store, or listen on 127.0.0.1',
  )
}

/** Other workers may reach this one through a proxy: then it has a port of its own. */
function warnOfAdvertised({ listeners, advertisedProtocol, advertisedPort }: RestSettings, { logger }: System): void {
  if (advertisedPort !== null) return
  const advertised = listeners.find(({ protocol }) => protocol === advertisedProtocol)
  if (advertised && (!isLoopback(advertised) || listeners.every(isLoopback))) return
  if (advertised) {
    const advice =
      'other workers are told to use a listener on loopback, and cannot reach it: set rest.advertised.listener to the protocol of another one, or name that one first'
    logger.warn({ advertised: advertisedProtocol, host: advertised.host }, advice)
    return
  }
  const advice =
    'no listener has the protocol of rest.advertised.listener: other workers cannot reach this one; add one, or set rest.advertised.port'
  logger.warn({ advertised: advertisedProtocol, listeners: listeners.map(({ protocol }) => protocol) }, advice)
}

/** Without a trust store every public authority is trusted, and certificates of these are everybody's. */
const asksForCertificate = ({ protocol }: Listener, tls: RestSettings['tls']): boolean =>
  protocol === 'https' &&
  tls['ssl.client.auth']?.trim().toLowerCase() === 'required' &&
  Boolean(tls['ssl.truststore.location']?.trim() || tls['ssl.truststore.certificates']?.trim())

/** As in Kafka Connect: what is not set is that of the first listener with the advertised protocol, or of the first one. */
function advertisedUrl(
  { advertisedProtocol, advertisedHost, advertisedPort, listeners }: RestSettings,
  open: readonly RestSocket[],
): string {
  const index = Math.max(
    0,
    open.findIndex(({ protocol }) => protocol === advertisedProtocol),
  )
  return advertisedUrlOf(open[index]!, {
    protocol: advertisedProtocol,
    host: advertisedHost,
    port: advertisedPort,
    listenerHost: listeners[index]!.host,
  })
}
