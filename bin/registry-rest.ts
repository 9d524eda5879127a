/**
 * The REST API of a registry. Its sockets are opened before the registry starts, so that a port in use is reported at once and the other
 * instances get the real port; until it is ready every request gets a 503.
 */
import { hostname } from 'node:os'
import { parseRegistryRestSettings, type RegistryRestSettings } from '../api/registry/registry-rest-settings.ts'
import { isLoopback } from '../api/settings.ts'
import type { SystemProperties } from '../core/security/sasl/types.ts'
import type { System } from '../core/system/index.ts'
import type { SchemaRegistry } from '../registry/index.ts'
import { advertisedUrlOf, displayUrl } from './rest-addresses.ts'
import { listen, type RestSocket } from './rest-sockets.ts'

export interface RegistryRest {
  /** The URL that other instances use. */
  readonly advertisedUrl: string
  /** Where it listens, for people. */
  readonly urls: readonly string[]
  serve(registry: SchemaRegistry, version: string): Promise<void>
  close(): Promise<void>
}

/** `systemProperties` name the JAAS file of the login. */
export async function openRegistryRest(
  properties: Readonly<Record<string, string>>,
  system: System,
  systemProperties: SystemProperties = {},
): Promise<RegistryRest> {
  const settings = parseRegistryRestSettings(properties)
  const loaded = import('../api/registry/registry-server.ts')
  const login = settings.login
    ? (await import('../api/login/rest-login.ts')).openRestLogin(systemProperties, system, settings.login)
    : undefined
  warnOfOpenListeners(settings, properties, system)
  const { sendParserError } = await import('../api/hooks/error-envelope.ts')
  const sockets = await listen(settings.listeners, properties, sendParserError, system)
  const apps: { close(): Promise<void> }[] = []
  return {
    advertisedUrl: advertisedUrl(settings, sockets.open),
    urls: sockets.open.map(displayUrl),
    async serve(registry, version) {
      const { buildRegistryServer } = await loaded
      const { crossOrigin, headers, loopbackOnly, openPaths, bodyLimitBytes, forwardedHeaders } = settings
      const app = buildRegistryServer({
        ...{ registry, system, version, crossOrigin, headers, loopbackOnly, openPaths, bodyLimitBytes, forwardedHeaders, login },
        ownHosts: [hostname(), ...settings.ownHosts],
        realm: settings.login?.realm,
        tls: properties,
      })
      apps.push(app)
      await app.ready()
      sockets.handleWith(app.routing)
    },
    async close() {
      await sockets.close()
      await Promise.all(apps.map((app) => app.close()))
    },
  }
}

/** A user of the network may be anybody, unless there is a login or clients show a certificate. */
function warnOfOpenListeners(
  { listeners, login }: RegistryRestSettings,
  properties: Readonly<Record<string, string>>,
  { logger }: System,
): void {
  const reachable = listeners.filter((listener) => !isLoopback(listener))
  const asksForCertificate = properties['ssl.client.auth']?.trim().toLowerCase() === 'required'
  if (login) {
    if (reachable.some(({ protocol }) => protocol === 'http'))
      logger.warn({}, 'passwords for the registry are sent without encryption: use https, or listen on 127.0.0.1')
  } else if (reachable.some(({ protocol }) => protocol === 'http' || !asksForCertificate))
    logger.warn(
      {},
      'the registry can be used by everyone who reaches it, without a login: set authentication.method to BASIC, or ssl.client.auth=required with https and a trust store, or listen on 127.0.0.1',
    )
}

/** That of the last listener with the advertised protocol, as in Confluent's registry. */
function advertisedUrl(
  { advertisedProtocol, advertisedHost, advertisedPort, listeners }: RegistryRestSettings,
  open: readonly RestSocket[],
): string {
  const own = open.findLastIndex(({ protocol }) => protocol === advertisedProtocol)
  const index = own < 0 ? open.length - 1 : own
  const { protocol } = open[index]!
  return advertisedUrlOf(open[index]!, { protocol, host: advertisedHost, port: advertisedPort, listenerHost: listeners[index]!.host })
}
