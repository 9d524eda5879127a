/**
 * The settings of the REST server, under Kafka Connect's names: where it listens, what it tells others to call, who may call it. The sockets
 * are opened by who starts the process.
 */
import { type ConfigOf, InvalidSetting, parseSettings, setting } from '../connect/sdk/index.ts'
import type { CrossOrigin } from './hooks/cross-origin.ts'
import { type HeaderRule, parseHeaderRules } from './hooks/response-headers.ts'

export const restSettings = {
  listeners: setting.list({
    default: ['http://:8083'],
    importance: 'LOW',
    doc: 'Where the REST API listens, as http://host:port, separated by commas. Without a host on all addresses; port 0 takes a free one; nothing at all turns it off.',
  }),
  'rest.host.name': setting.string({
    default: null,
    importance: 'LOW',
    doc: 'The host to listen on where `listeners` is not set (of old files).',
  }),
  'rest.port': setting.int({
    default: null,
    importance: 'LOW',
    doc: 'The port to listen on where `listeners` is not set (of old files).',
    check: (port) => (port < 0 || port > 65_535 ? 'Value must be a port, 0 to 65535' : undefined),
  }),
  'rest.advertised.host.name': setting.string({ default: null, importance: 'LOW', doc: 'The host that other workers reach this one by.' }),
  'rest.advertised.port': setting.int({ default: null, importance: 'LOW', doc: 'The port that other workers reach this one by.' }),
  'rest.advertised.listener': setting.string({ default: null, importance: 'LOW', doc: 'Which listener other workers use: http.' }),
  'admin.listeners': setting.list({
    default: null,
    importance: 'LOW',
    doc: 'Where /admin is served, as `listeners`; where it is not set beside the rest, where it is empty nowhere.',
  }),
  'access.control.allow.origin': setting.string({
    default: '',
    importance: 'LOW',
    doc: 'Origins whose pages may call the API; * for all.',
  }),
  'access.control.allow.methods': setting.string({
    default: '',
    importance: 'LOW',
    doc: 'Methods that they may use; GET, POST and HEAD unless it is set.',
  }),
  'access.control.allow.hosts': setting.list({
    default: [],
    importance: 'LOW',
    doc: "A setting of Tributary's own: names under which browsers may call the API, beside localhost, IP addresses, this machine's host name and the hosts of `listeners` and `rest.advertised.host.name`; * for any. Clients that are no browser may use every name.",
  }),
  'response.http.headers.config': setting.string({
    default: '',
    importance: 'LOW',
    doc: 'Headers for every answer, as `set X-Frame-Options: DENY`, separated by commas.',
  }),
  'rest.extension.classes': setting.list({
    default: [],
    importance: 'LOW',
    doc: 'Extensions of the REST API. None is built: a file that names one is refused, so that nobody runs without the authentication that he asked for.',
    check: (classes) => {
      const [named] = classes.filter((name) => name !== '')
      return named === undefined
        ? undefined
        : `${named} is not built, and without it the API would be open to everybody; take the line out and put a proxy that authenticates before the API`
    },
  }),
} as const

export interface Listener {
  /** Empty for all addresses. */
  host: string
  port: number
}

export interface RestSettings {
  /** None where the REST API is off. */
  listeners: readonly Listener[]
  /** Null: beside the rest. */
  adminListeners: readonly Listener[] | null
  advertisedHost: string | null
  advertisedPort: number | null
  crossOrigin: CrossOrigin
  /** The names of this server that its settings give. */
  ownHosts: readonly string[]
  headers: readonly HeaderRule[]
}

export function parseRestSettings(properties: Readonly<Record<string, string>>): RestSettings {
  const config = parseSettings(restSettings, properties)
  const old = properties.listeners === undefined && (config['rest.host.name'] !== null || config['rest.port'] !== null)
  const listeners = old
    ? [{ host: config['rest.host.name'] ?? '', port: config['rest.port'] ?? 8083 }]
    : config.listeners.map((text) => parseListener('listeners', text))
  const advertised = config['rest.advertised.listener']
  if (advertised !== null && advertised !== '' && advertised.toLowerCase() !== 'http') {
    throw new InvalidSetting('rest.advertised.listener', advertised, 'only http is served; put a proxy before it for https')
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
    crossOrigin: { origins: config['access.control.allow.origin'], methods: config['access.control.allow.methods'] },
    headers: parseHeaderRules(config['response.http.headers.config']),
  }
}

function adminListeners(config: ConfigOf<typeof restSettings>): Listener[] | null {
  const given = config['admin.listeners']
  return given === null ? null : given.map((text) => parseListener('admin.listeners', text))
}

function parseListener(name: string, text: string): Listener {
  const match = /^([a-z]+):\/\/(\[[0-9a-f:.%]+\]|[^:[\]/]*):(\d{1,5})\/?$/i.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65_535) throw new InvalidSetting(name, text, 'write it as http://host:port, for example http://127.0.0.1:8083')
  if (match[1]!.toLowerCase() !== 'http') throw new InvalidSetting(name, text, 'only http is served; put a proxy before it for https')
  const host = match[2]!.replace(/^\[|\]$/g, '')
  return { host: host === '0.0.0.0' ? '' : host, port }
}
