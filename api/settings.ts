/**
 * The settings of the REST server, under Kafka Connect's names: where it listens, its TLS and its login, the address that it advertises,
 * and which web pages may call it. The commands in bin/ open the sockets.
 */
import { type ConfigOf, InvalidSetting, parseSettings, setting } from '../connect/sdk/index.ts'
import { settingsUnderOrAll } from '../connect/sdk/prefixed-settings.ts'
import type { CrossOrigin } from './hooks/cross-origin.ts'
import { type HeaderRule, parseHeaderRules } from './hooks/response-headers.ts'
import { webSettings } from './web-settings.ts'

const EXTENSION = 'BasicAuthSecurityRestExtension'
const EXTENSION_CLASS = `org.apache.kafka.connect.rest.basic.auth.extension.${EXTENSION}`
const protocols = ['http', 'https'] as const
/** What `access.control.allow.anonymous` may open. */
const openablePaths = ['/', '/health', '/metrics']

/** Settings of TLS for the listeners, and for those of /admin, in place of `ssl.` and all together. */
export const LISTENERS_TLS = 'listeners.https.'
export const ADMIN_LISTENERS_TLS = 'admin.listeners.https.'

export const restSettings = {
  listeners: setting.list({
    default: ['http://:8083'],
    importance: 'LOW',
    doc: 'Where the REST API listens, as http://host:port or https://host:port, separated by commas. Without a host it listens on all addresses; port 0 means a free port; an empty value turns the REST API off.',
  }),
  'rest.host.name': setting.string({
    default: null,
    importance: 'LOW',
    doc: 'The host to listen on if `listeners` is not set (old name).',
  }),
  'rest.port': setting.int({
    default: null,
    importance: 'LOW',
    doc: 'The port to listen on if `listeners` is not set (old name).',
    check: (port) => (port < 0 || port > 65_535 ? 'Value must be a port, 0 to 65535' : undefined),
  }),
  'rest.advertised.host.name': setting.string({
    default: null,
    importance: 'LOW',
    doc: 'The host name that other workers use to reach this one.',
  }),
  'rest.advertised.port': setting.int({ default: null, importance: 'LOW', doc: 'The port that other workers use to reach this one.' }),
  'rest.advertised.listener': setting.oneOf(protocols, {
    default: null,
    importance: 'LOW',
    doc: 'The protocol that other workers use to reach this one: http or https. By default http if one of `listeners` has it.',
  }),
  'admin.listeners': setting.list({
    default: null,
    importance: 'LOW',
    doc: 'Where /admin listens, written as `listeners`. If it is not set, /admin is served by `listeners`; an empty value turns /admin off.',
  }),
  ...webSettings(
    '`listeners` and `rest.advertised.host.name`',
    ' Clients that are not browsers may use every name, unless all listeners are on loopback.',
  ),
  'access.control.allow.anonymous': setting.list({
    default: [],
    importance: 'LOW',
    doc: `A setting of Tributary's own: what may be read without the login of \`rest.extension.classes\`, of ${openablePaths.join(', ')}. Nothing by default, as in Kafka Connect.`,
    check: (paths) => {
      const wrong = paths.find((path) => path !== '' && !openablePaths.includes(path))
      return wrong === undefined ? undefined : `${wrong} cannot be opened; it may have ${openablePaths.join(', ')}`
    },
  }),
  'rest.extension.classes': setting.list({
    default: [],
    importance: 'LOW',
    doc: `The login of the REST API: ${EXTENSION_CLASS}, with the users of the entry KafkaConnect of the JAAS file. There are no other extensions.`,
    check: (classes) => {
      const other = classes.find((name) => name !== '' && name !== EXTENSION && name !== EXTENSION_CLASS)
      return other === undefined
        ? undefined
        : `${other} does not exist here, and without it the API might have no authentication: use ${EXTENSION_CLASS}, or remove the setting and put a proxy that authenticates in front of the API`
    },
  }),
} as const

export type Protocol = (typeof protocols)[number]
type Raw = Readonly<Record<string, string>>

export interface Listener {
  protocol: Protocol
  /** Empty for all addresses. */
  host: string
  port: number
}

export interface RestSettings {
  /** Empty where the REST API is off. */
  listeners: readonly Listener[]
  /** Null where `listeners` serves /admin too. */
  adminListeners: readonly Listener[] | null
  /** The settings of TLS of the listeners with https. */
  tls: Raw
  /** The same for those of /admin. */
  adminTls: Raw
  /** Every request needs a user of the JAAS file. */
  asksForLogin: boolean
  /** Paths that may be read without a login. */
  openPaths: readonly string[]
  advertisedProtocol: Protocol
  advertisedHost: string | null
  advertisedPort: number | null
  crossOrigin: CrossOrigin
  /** The names of this server that are set in its settings. */
  ownHosts: readonly string[]
  /** Every listener is bound to a loopback address. */
  loopbackOnly: boolean
  headers: readonly HeaderRule[]
}

export function parseRestSettings(properties: Raw): RestSettings {
  const config = parseSettings(restSettings, properties)
  const usesOldNames = properties.listeners === undefined && (config['rest.host.name'] !== null || config['rest.port'] !== null)
  const listeners = usesOldNames
    ? [{ protocol: 'http' as const, host: config['rest.host.name'] ?? '', port: config['rest.port'] ?? 8083 }]
    : config.listeners.map((text) => parseListener('listeners', text))
  const admin = adminListeners(config)
  return {
    listeners,
    adminListeners: admin,
    tls: settingsUnderOrAll(LISTENERS_TLS, properties),
    adminTls: settingsUnderOrAll(ADMIN_LISTENERS_TLS, properties),
    asksForLogin: config['rest.extension.classes'].some((name) => name !== ''),
    openPaths: config['access.control.allow.anonymous'].filter((path) => path !== ''),
    advertisedProtocol: config['rest.advertised.listener'] ?? (listeners.some(({ protocol }) => protocol === 'http') ? 'http' : 'https'),
    advertisedHost: config['rest.advertised.host.name'] || null,
    advertisedPort: config['rest.advertised.port'],
    ownHosts: [...listeners, ...(admin ?? [])]
      .map(({ host }) => host)
      .concat(config['rest.advertised.host.name'] ?? [], config['access.control.allow.hosts'])
      .filter((host) => host !== ''),
    loopbackOnly: [...listeners, ...(admin ?? [])].every(isLoopback),
    crossOrigin: { origins: config['access.control.allow.origin'], methods: config['access.control.allow.methods'] },
    headers: parseHeaderRules(config['response.http.headers.config']),
  }
}

function adminListeners(config: ConfigOf<typeof restSettings>): Listener[] | null {
  const listeners = config['admin.listeners']
  return listeners === null ? null : listeners.map((text) => parseListener('admin.listeners', text))
}

/** Only this machine reaches it. */
export const isLoopback = ({ host }: Pick<Listener, 'host'>): boolean => /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(host)

export function parseListener(name: string, text: string): Listener {
  const match = /^([a-z]+):\/\/(\[[0-9a-f:.%]+\]|[^:[\]/]*):(\d{1,5})\/?$/i.exec(text)
  const port = Number(match?.[3])
  const protocol = protocols.find((known) => known === match?.[1]?.toLowerCase())
  if (!match || !protocol || port > 65_535)
    throw new InvalidSetting(name, text, 'write it as http://host:port or https://host:port, for example http://127.0.0.1:8083')
  const host = match[2]!.replace(/^\[|\]$/g, '')
  return { protocol, host: host === '0.0.0.0' ? '' : host, port }
}
