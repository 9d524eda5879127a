/**
 * The settings of the REST server, under Kafka Connect's names: where it listens, the address that it advertises, and which web pages may
 * call it. The commands in bin/ open the sockets.
 */
import { type ConfigOf, InvalidSetting, parseSettings, setting } from '../connect/sdk/index.ts'
import type { CrossOrigin } from './hooks/cross-origin.ts'
import { type HeaderRule, parseHeaderRules } from './hooks/response-headers.ts'

export const restSettings = {
  listeners: setting.list({
    default: ['http://:8083'],
    importance: 'LOW',
    doc: 'Where the REST API listens, as http://host:port, separated by commas. Without a host it listens on all addresses; port 0 means a free port; an empty value turns the REST API off.',
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
  'rest.advertised.listener': setting.string({ default: null, importance: 'LOW', doc: 'The protocol that other workers use; only http.' }),
  'admin.listeners': setting.list({
    default: null,
    importance: 'LOW',
    doc: 'Where /admin listens, written as `listeners`. If it is not set, /admin is served by `listeners`; an empty value turns /admin off.',
  }),
  'access.control.allow.origin': setting.string({
    default: '',
    importance: 'LOW',
    doc: 'Origins whose web pages may call the API, separated by commas; * for all.',
  }),
  'access.control.allow.methods': setting.string({
    default: '',
    importance: 'LOW',
    doc: 'Methods that these pages may use; GET, POST and HEAD by default.',
  }),
  'access.control.allow.hosts': setting.list({
    default: [],
    importance: 'LOW',
    doc: "A setting of Tributary's own: names under which browsers may call the API, besides localhost, IP addresses, this machine's host name and the hosts of `listeners` and `rest.advertised.host.name`; * for any. Clients that are not browsers may use every name, unless all listeners are on loopback.",
    check: (hosts) => {
      const [wrong] = hosts.filter((host) => host !== '' && !/^[^\s/?#@\\]+$/.test(host))
      return wrong === undefined ? undefined : `${wrong} is not a host name; write it as in http://NAME:8083, without http:// and the port`
    },
  }),
  'response.http.headers.config': setting.string({
    default: '',
    importance: 'LOW',
    doc: 'Headers of every response, as `set X-Frame-Options: DENY`, separated by commas.',
  }),
  'rest.extension.classes': setting.list({
    default: [],
    importance: 'LOW',
    doc: 'REST extensions. There are none: a value is refused, so that the API never runs without the authentication that the file requires.',
    check: (classes) => {
      const [named] = classes.filter((name) => name !== '')
      return named === undefined
        ? undefined
        : `${named} does not exist here, and without it the API would have no authentication. Remove the setting, and put a proxy that authenticates in front of the API`
    },
  }),
} as const

export interface Listener {
  /** Empty for all addresses. */
  host: string
  port: number
}

export interface RestSettings {
  /** Empty where the REST API is off. */
  listeners: readonly Listener[]
  /** Null where `listeners` serves /admin too. */
  adminListeners: readonly Listener[] | null
  advertisedHost: string | null
  advertisedPort: number | null
  crossOrigin: CrossOrigin
  /** The names of this server that are set in its settings. */
  ownHosts: readonly string[]
  /** Every listener is bound to a loopback address. */
  loopbackOnly: boolean
  headers: readonly HeaderRule[]
}

export function parseRestSettings(properties: Readonly<Record<string, string>>): RestSettings {
  const config = parseSettings(restSettings, properties)
  const usesOldNames = properties.listeners === undefined && (config['rest.host.name'] !== null || config['rest.port'] !== null)
  const listeners = usesOldNames
    ? [{ host: config['rest.host.name'] ?? '', port: config['rest.port'] ?? 8083 }]
    : config.listeners.map((text) => parseListener('listeners', text))
  const advertised = config['rest.advertised.listener']
  if (advertised !== null && advertised !== '' && advertised.toLowerCase() !== 'http') {
    throw new InvalidSetting('rest.advertised.listener', advertised, 'only http is supported; for https put a proxy in front of it')
  }
  const admin = adminListeners(config)
  return {
    listeners,
    adminListeners: admin,
    advertisedHost: config['rest.advertised.host.name'] || null,
    advertisedPort: config['rest.advertised.port'],
    ownHosts: [...listeners, ...(admin ?? [])]
      .map(({ host }) => host)
      .concat(config['rest.advertised.host.name'] ?? [], config['access.control.allow.hosts'])
      .filter((host) => host !== ''),
    loopbackOnly: [...listeners, ...(admin ?? [])].every(({ host }) => /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(host)),
    crossOrigin: { origins: config['access.control.allow.origin'], methods: config['access.control.allow.methods'] },
    headers: parseHeaderRules(config['response.http.headers.config']),
  }
}

function adminListeners(config: ConfigOf<typeof restSettings>): Listener[] | null {
  const listeners = config['admin.listeners']
  return listeners === null ? null : listeners.map((text) => parseListener('admin.listeners', text))
}

function parseListener(name: string, text: string): Listener {
  const match = /^([a-z]+):\/\/(\[[0-9a-f:.%]+\]|[^:[\]/]*):(\d{1,5})\/?$/i.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65_535) throw new InvalidSetting(name, text, 'write it as http://host:port, for example http://127.0.0.1:8083')
  if (match[1]!.toLowerCase() !== 'http')
    throw new InvalidSetting(name, text, 'only http is supported; for https put a proxy in front of it')
  const host = match[2]!.replace(/^\[|\]$/g, '')
  return { host: host === '0.0.0.0' ? '' : host, port }
}
