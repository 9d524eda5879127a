/**
 * The settings of the registry's REST server, under Confluent's names: where it listens, its TLS and its login, the address that it
 * advertises to other instances, and which web pages may call it.
 */
import { type ConfigOf, InvalidSetting, parseSettings, setting } from '../../connect/sdk/index.ts'
import type { RestLoginEntry } from '../../core/security/sasl/jaas-context.ts'
import type { CrossOrigin } from '../hooks/cross-origin.ts'
import { type HeaderRule, parseHeaderRules } from '../hooks/response-headers.ts'
import { BODY_LIMIT_BYTES } from '../limits.ts'
import { isLoopback, type Listener, parseListener } from '../settings.ts'
import { webSettings } from '../web-settings.ts'

const protocols = ['http', 'https'] as const
const loginModules = [
  'org.eclipse.jetty.jaas.spi.PropertyFileLoginModule',
  'org.eclipse.jetty.security.jaas.spi.PropertyFileLoginModule',
  'org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule',
]
/** Encodings of passwords that Jetty knows and this registry does not. */
const ENCODED_PASSWORD = /^(OBF|MD5|CRYPT):/
const isPort = (port: number) => (port < 0 || port > 65_535 ? 'Value must be a port, 0 to 65535' : undefined)

export const registryRestSettings = {
  listeners: setting.list({
    default: ['http://0.0.0.0:8081'],
    importance: 'HIGH',
    doc: 'Where the REST API listens, as http://host:port or https://host:port, separated by commas; port 0 means a free port.',
  }),
  'host.name': setting.string({
    default: null,
    importance: 'HIGH',
    doc: 'The host name that other instances use to reach this one.',
  }),
  'host.port': setting.int({
    default: null,
    importance: 'LOW',
    doc: 'The port that other instances use to reach this one; that of the listener by default.',
    check: isPort,
  }),
  'inter.instance.protocol': setting.oneOf(protocols, {
    default: 'http',
    importance: 'LOW',
    aliases: ['schema.registry.inter.instance.protocol'],
    doc: 'The protocol that other instances use to reach this one: http or https.',
  }),
  'inter.instance.headers.whitelist': setting.list({
    default: [],
    importance: 'LOW',
    doc: 'Headers of a request that are forwarded to the leader, besides those of the API.',
  }),
  ...webSettings('`listeners` and `host.name`'),
  'authentication.method': setting.oneOf(['NONE', 'BASIC'], {
    default: 'NONE',
    importance: 'LOW',
    doc: 'The login of the API: NONE, or BASIC with the users of the JAAS file.',
  }),
  'authentication.realm': setting.string({
    default: '',
    importance: 'LOW',
    doc: 'The entry of the JAAS file with the users, and the realm of the login.',
  }),
  'authentication.roles': setting.list({
    default: ['*'],
    importance: 'LOW',
    doc: 'Roles of which a user needs one; * for any user, with a role or without.',
  }),
  'authentication.skip.paths': setting.list({
    default: [],
    importance: 'LOW',
    doc: 'Paths that may be read without a login.',
  }),
  'size.limit.filter.enabled': setting.boolean({
    default: false,
    importance: 'LOW',
    doc: `Whether bodies are limited to size.limit.filter.max.request.body.size; without it to ${BODY_LIMIT_BYTES} bytes.`,
  }),
  'size.limit.filter.max.request.body.size': setting.int({
    default: 1_048_576,
    importance: 'LOW',
    doc: 'The length of a body, in bytes.',
    check: (bytes) => (bytes < 1 ? 'Value must be at least 1' : undefined),
  }),
} as const

/** Extensions are Java classes, which cannot run here: whoever sets one relies on what it does. */
export const extensionSettings = [
  'resource.extension.class',
  'schema.registry.resource.extension.class',
  'init.resource.extension.class',
  'rest.servlet.initializor.classes',
] as const

/** Everything that the REST server reads or refuses in the file of a registry. */
export const registryRestSettingNames: readonly string[] = [
  ...Object.keys(registryRestSettings),
  'schema.registry.inter.instance.protocol',
  ...extensionSettings,
]

type Raw = Readonly<Record<string, string>>

export interface RegistryLogin {
  readonly realm: string
  readonly entry: RestLoginEntry
  /** The password in the value of a user; null for a user without a role. */
  passwordOf(value: string, user: string): string | null
}

export interface RegistryRestSettings {
  readonly listeners: readonly Listener[]
  /** Null where nobody has to log in. */
  readonly login: RegistryLogin | null
  readonly openPaths: readonly string[]
  readonly advertisedProtocol: 'http' | 'https'
  readonly advertisedHost: string | null
  readonly advertisedPort: number | null
  readonly forwardedHeaders: readonly string[]
  readonly crossOrigin: CrossOrigin
  readonly ownHosts: readonly string[]
  readonly loopbackOnly: boolean
  readonly headers: readonly HeaderRule[]
  readonly bodyLimitBytes: number
}

export function parseRegistryRestSettings(properties: Raw): RegistryRestSettings {
  for (const name of extensionSettings)
    if (properties[name]?.trim())
      throw new InvalidSetting(name, properties[name]!, 'there are no extensions here: remove it, or put a proxy in front of the API')
  const config = parseSettings(registryRestSettings, properties)
  const listeners = config.listeners.map((text) => parseListener('listeners', text))
  if (listeners.length === 0) throw new InvalidSetting('listeners', '', 'a registry has at least one, as http://127.0.0.1:8081')
  const named = (names: readonly string[]) => names.filter((name) => name !== '')
  return {
    listeners,
    login: loginOf(config),
    openPaths: named(config['authentication.skip.paths']),
    advertisedProtocol: config['inter.instance.protocol'],
    advertisedHost: config['host.name'] || null,
    advertisedPort: config['host.port'],
    forwardedHeaders: named(config['inter.instance.headers.whitelist']),
    crossOrigin: { origins: config['access.control.allow.origin'], methods: config['access.control.allow.methods'] },
    ownHosts: named([...listeners.map(({ host }) => host), config['host.name'] ?? '', ...config['access.control.allow.hosts']]),
    loopbackOnly: listeners.every(isLoopback),
    headers: parseHeaderRules(config['response.http.headers.config']),
    bodyLimitBytes: config['size.limit.filter.enabled'] ? config['size.limit.filter.max.request.body.size'] : BODY_LIMIT_BYTES,
  }
}

function loginOf(config: ConfigOf<typeof registryRestSettings>): RegistryLogin | null {
  if (config['authentication.method'] === 'NONE') return null
  const realm = config['authentication.realm']
  if (!/^[\w .-]+$/.test(realm))
    throw new InvalidSetting('authentication.realm', realm, 'name the entry of the JAAS file that has the users, as SchemaRegistry-Props')
  const roles = config['authentication.roles']
  return {
    realm,
    entry: { entry: realm, classNames: loginModules },
    passwordOf(value, user) {
      const [password = '', ...own] = value.split(',').map((part) => part.trim())
      if (ENCODED_PASSWORD.test(password))
        throw new InvalidSetting(
          'authentication.realm',
          realm,
          `the password of ${user} is encoded, which is not supported: write it as it is`,
        )
      return roles.includes('*') || own.some((role) => roles.includes(role)) ? password : null
    },
  }
}
