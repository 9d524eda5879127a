/**
 * The settings of a connection to Redis, which all its connectors share: those of Redis's own connector for Kafka by their names, and what
 * sentinels, databases and bounded waits need besides. Loads no client.
 */
import { type ConfigOf, namesIn, type SettingProblem, setting } from '../../connect/sdk/index.ts'

const GROUP = 'Connection'

/** Stand for the names of the connector and the task. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the setting
export const CONNECTOR_TOKEN = '${connector}'
// biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the setting
export const TASK_TOKEN = '${task}'

export const redisConnectionSettings = {
  'redis.uri': setting.password({
    doc: 'URI of the Redis database to connect to, e.g. redis://user:password@host:6379/0; rediss:// is TLS, redis-sentinel://host:26379/0#master asks sentinels. Where it is set, redis.host and redis.port are not read.',
    default: '',
    importance: 'HIGH',
    group: GROUP,
    order: 0,
  }),
  'redis.host': setting.string({ doc: 'The Redis host to connect to', default: 'localhost', importance: 'HIGH', group: GROUP, order: 1 }),
  'redis.port': setting.int({
    doc: 'The Redis port to connect to',
    default: 6379,
    importance: 'HIGH',
    group: GROUP,
    order: 2,
    check: (port) => (port < 1 || port > 65_535 ? 'Value must be between 1 and 65535' : undefined),
  }),
  'redis.hosts': setting.string({
    doc: 'Several nodes of a cluster, or several sentinels, as host:port,host:port: any of them is asked for the others. Empty is the one host.',
    default: '',
    group: GROUP,
    order: 3,
    check: (text) =>
      namesIn(text).every((node) => nodeOf(node, 1) !== null)
        ? undefined
        : 'it must be host:port,host:port; an IPv6 address is in brackets',
  }),
  'redis.cluster': setting.boolean({ doc: 'Connect to a Redis Cluster database', default: false, group: GROUP, order: 4 }),
  'redis.sentinel.master': setting.string({
    doc: 'The name of the master that the sentinels watch: the hosts are sentinels then. Empty connects to the host itself.',
    default: '',
    group: GROUP,
    order: 5,
  }),
  'redis.username': setting.string({ doc: 'Username to use to connect to Redis: an ACL user', default: '', group: GROUP, order: 6 }),
  'redis.password': setting.password({ doc: 'Password to use to connect to Redis', default: '', group: GROUP, order: 7 }),
  'redis.sentinel.username': setting.string({ doc: 'Username to log in to the sentinels with', default: '', group: GROUP, order: 8 }),
  'redis.sentinel.password': setting.password({ doc: 'Password to log in to the sentinels with', default: '', group: GROUP, order: 9 }),
  'redis.database': setting.int({
    doc: 'The number of the database; -1 is the one of the URI, or 0. A cluster has 0 alone.',
    default: -1,
    least: -1,
    group: GROUP,
    order: 10,
  }),
  'redis.client.name': setting.string({
    doc: `The name of the connections in CLIENT LIST; ${CONNECTOR_TOKEN} and ${TASK_TOKEN} are replaced. Empty gives none.`,
    default: `tributary-${CONNECTOR_TOKEN}-${TASK_TOKEN}`,
    importance: 'LOW',
    group: GROUP,
    order: 11,
  }),
  'redis.timeout': setting.long({
    doc: 'Redis command timeout in seconds: a server that does not respond for this time counts as lost',
    default: 60,
    least: 1,
    group: GROUP,
    order: 12,
    check: (seconds) => (seconds > 86_400 ? 'Value must be at most 86400' : undefined),
  }),
  'redis.connect.timeout.ms': setting.int({
    doc: 'How long a connection may take to be opened, in ms',
    default: 10_000,
    least: 1,
    group: GROUP,
    order: 13,
  }),
  'redis.tls': setting.boolean({ doc: 'Establish a secure TLS connection', default: false, group: 'TLS', order: 0 }),
  'redis.insecure': setting.boolean({
    doc: 'Allow insecure connections (e.g. invalid certificates) to Redis when using TLS',
    default: false,
    group: 'TLS',
    order: 1,
  }),
  'redis.cacert': setting.string({
    doc: "X.509 CA certificate file to verify with (PEM format); empty is Node's own list",
    default: '',
    group: 'TLS',
    order: 2,
  }),
  'redis.key.cert': setting.string({
    doc: 'X.509 certificate chain file to authenticate with (PEM format)',
    default: '',
    group: 'TLS',
    order: 3,
  }),
  'redis.key.file': setting.string({ doc: 'Private key file to authenticate with (PEM format)', default: '', group: 'TLS', order: 4 }),
  'redis.key.password': setting.password({
    doc: 'Password of the private key file. Leave empty if key file is not password-protected',
    default: '',
    group: 'TLS',
    order: 5,
  }),
} as const

export type RedisConnectionConfig = ConfigOf<typeof redisConnectionSettings>

export interface RedisNode {
  readonly host: string
  readonly port: number
}

export interface RedisConnectionOptions {
  /** The setting that says where Redis is. */
  readonly addressSetting: 'redis.uri' | 'redis.hosts' | 'redis.host'
  readonly mode: 'standalone' | 'cluster' | 'sentinel'
  /** One of a standalone server. */
  readonly nodes: readonly RedisNode[]
  /** The name of the master; of mode sentinel. */
  readonly master: string
  readonly username: string | null
  readonly password: string | null
  readonly sentinelUsername: string | null
  readonly sentinelPassword: string | null
  readonly database: number
  /** The setting to change where one of these is wrong: what redis.uri says is in no other. */
  readonly settingOf: {
    readonly master: 'redis.uri' | 'redis.sentinel.master'
    readonly username: 'redis.uri' | 'redis.username'
    readonly password: 'redis.uri' | 'redis.password'
    readonly database: 'redis.uri' | 'redis.database'
  }
  /** With ${connector} and ${task}; empty for none. */
  readonly clientName: string
  readonly commandTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly tls: RedisTls | null
}

/** Names of files. */
export interface RedisTls {
  readonly insecure: boolean
  readonly caFile: string | null
  readonly certificateFile: string | null
  readonly keyFile: string | null
  readonly keyPassword: string | null
}

const SENTINEL_PORT = 26_379

/** Null where the text is no host, with or without a port. */
function nodeOf(text: string, defaultPort: number): RedisNode | null {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/@]+))(?::(\d{1,5}))?$/.exec(text.trim()) ?? []
  const host = bracketed ?? plain
  const number = port === undefined ? defaultPort : Number(port)
  return host === undefined || number < 1 || number > 65_535 ? null : { host, port: number }
}

interface RedisUri {
  scheme: 'redis' | 'rediss' | 'redis-sentinel' | 'rediss-sentinel'
  username: string | null
  password: string | null
  nodes: readonly RedisNode[]
  database: number | null
  master: string
}

/** @throws Error that says what is wrong with it; it never shows the password. */
function parseUri(uri: string): RedisUri {
  const [, scheme, login, hosts, path, query, fragment] =
    /^([a-z-]+):\/\/(?:(.*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?(?:#(.*))?$/i.exec(uri) ?? []
  const known = scheme?.toLowerCase()
  if (known !== 'redis' && known !== 'rediss' && known !== 'redis-sentinel' && known !== 'rediss-sentinel')
    throw new Error('it must begin with redis://, rediss://, redis-sentinel:// or rediss-sentinel://')
  const isSentinel = known.endsWith('sentinel')
  const nodes = namesIn(hosts).map((node) => nodeOf(node, isSentinel ? SENTINEL_PORT : 6379))
  if (nodes.length === 0 || nodes.includes(null)) throw new Error('it must have a host, or host:port,host:port')
  if (path && !/^\d{1,9}$/.test(path)) throw new Error('its path must be the number of a database, e.g. redis://host:6379/0')
  if (query) throw new Error('settings after the question mark have no effect: use the settings of the connector')
  if (isSentinel && !fragment) throw new Error('it must end with the name of the master, e.g. redis-sentinel://host:26379/0#master')
  let username: string | null = null
  let password: string | null = null
  if (login !== undefined) {
    const colon = login.indexOf(':')
    try {
      // As Redis's own tools read it: one part alone is the password.
      if (colon > 0) username = decodeURIComponent(login.slice(0, colon))
      password = decodeURIComponent(login.slice(colon + 1)) || null
    } catch {
      throw new Error('a percent sign in its user or password must be written as %25')
    }
  }
  return {
    scheme: known,
    username,
    password,
    nodes: nodes as RedisNode[],
    database: path ? Number(path) : null,
    master: fragment ?? '',
  }
}

/** @throws Error about the URI. */
export function redisConnectionOptions(config: RedisConnectionConfig): RedisConnectionOptions {
  const uri = config['redis.uri'] === '' ? null : parseUri(config['redis.uri'])
  const master = config['redis.sentinel.master'] || (uri?.master ?? '')
  const hosts = namesIn(config['redis.hosts']).map((node) => nodeOf(node, config['redis.port'])!)
  const nodes = uri?.nodes ?? (hosts.length > 0 ? hosts : [{ host: config['redis.host'], port: config['redis.port'] }])
  const database = config['redis.database']
  const secret = (name: 'redis.password' | 'redis.sentinel.password' | 'redis.key.password') => config[name] || null
  return {
    addressSetting: uri ? 'redis.uri' : hosts.length > 0 ? 'redis.hosts' : 'redis.host',
    mode: config['redis.cluster'] ? 'cluster' : master !== '' ? 'sentinel' : 'standalone',
    nodes,
    master,
    username: config['redis.username'] || (uri?.username ?? null),
    password: secret('redis.password') ?? uri?.password ?? null,
    sentinelUsername: config['redis.sentinel.username'] || null,
    sentinelPassword: secret('redis.sentinel.password'),
    database: database >= 0 ? database : (uri?.database ?? 0),
    settingOf: {
      master: config['redis.sentinel.master'] === '' && uri?.master ? 'redis.uri' : 'redis.sentinel.master',
      username: config['redis.username'] === '' && uri?.username ? 'redis.uri' : 'redis.username',
      password: config['redis.password'] === '' && uri?.password ? 'redis.uri' : 'redis.password',
      database: database < 0 && uri?.database ? 'redis.uri' : 'redis.database',
    },
    clientName: config['redis.client.name'],
    commandTimeoutMs: config['redis.timeout'] * 1000,
    connectTimeoutMs: config['redis.connect.timeout.ms'],
    tls:
      config['redis.tls'] || uri?.scheme.startsWith('rediss')
        ? {
            insecure: config['redis.insecure'],
            caFile: config['redis.cacert'] || null,
            certificateFile: config['redis.key.cert'] || null,
            keyFile: config['redis.key.file'] || null,
            keyPassword: secret('redis.key.password'),
          }
        : null,
  }
}

/** What several settings of a connection have wrong together. */
export function checkRedisConnection(config: RedisConnectionConfig): SettingProblem[] {
  let options: RedisConnectionOptions
  try {
    options = redisConnectionOptions(config)
  } catch (error) {
    return [{ setting: 'redis.uri', why: (error as Error).message }]
  }
  const problems: SettingProblem[] = []
  const { mode, tls } = options
  if (config['redis.uri'] !== '' && config['redis.hosts'] !== '')
    problems.push({ setting: 'redis.hosts', why: 'set either redis.uri, which may name several hosts, or redis.hosts' })
  if (mode === 'cluster' && options.master !== '')
    problems.push({
      setting: 'redis.sentinel.master',
      why: 'a cluster has no sentinels: set either redis.cluster or redis.sentinel.master',
    })
  if (mode === 'cluster' && options.database !== 0)
    problems.push({ setting: options.settingOf.database, why: 'a cluster has the database 0 alone' })
  if (mode === 'standalone' && options.nodes.length > 1)
    problems.push({
      setting: options.addressSetting,
      why: 'several hosts are those of a cluster (set redis.cluster=true) or sentinels (set redis.sentinel.master)',
    })
  if (options.username !== null && options.password === null)
    problems.push({ setting: 'redis.password', why: `the user ${options.username} needs a password` })
  if (!tls)
    for (const name of ['redis.cacert', 'redis.key.cert', 'redis.key.file'] as const)
      if (config[name] !== '') problems.push({ setting: name, why: 'it is for TLS: set redis.tls=true, or use rediss:// in redis.uri' })
  if (tls && (tls.certificateFile === null) !== (tls.keyFile === null))
    problems.push({
      setting: tls.keyFile === null ? 'redis.key.file' : 'redis.key.cert',
      why: 'a client certificate needs both redis.key.cert and redis.key.file',
    })
  return problems
}

/** The address for messages: no user, no password. */
export const redisAddress = ({ mode, nodes, master }: RedisConnectionOptions): string => {
  const hosts = nodes.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')
  return mode === 'sentinel' ? `${master} of the sentinels ${hosts}` : hosts
}
