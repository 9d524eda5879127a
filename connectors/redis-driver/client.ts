/**
 * Clients of Redis: a server, a cluster, or the master that sentinels name. A client never connects again by itself and repeats no command:
 * who uses it knows what was not done. Loads ioredis when a client is made.
 */
import { readFile } from 'node:fs/promises'
import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis'
import { CONNECTOR_TOKEN, type RedisConnectionOptions, type RedisTls, redisAddress, TASK_TOKEN } from './connection-settings.ts'
import { explainedRedisError, RedisRefused, redisErrorCode } from './errors.ts'

export type RedisClient = Redis | Cluster

const KEEP_ALIVE_DELAY_MS = 30_000
/** How often a command of a cluster is sent again, 100 ms apart, while its node is replaced. */
const MAX_REDIRECTIONS = 16

/** Who is connected, for CLIENT LIST. */
export interface RedisClientOwner {
  readonly connector: string
  readonly task: number | string
}

type TlsOptions = NonNullable<RedisOptions['tls']>

async function fileOf(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new RedisRefused(`${setting} cannot be read: ${(error as Error).message}`, 'login', setting, { cause: error })
  }
}

async function tlsOptions(tls: RedisTls): Promise<TlsOptions> {
  const { caFile, certificateFile, keyFile } = tls
  return {
    rejectUnauthorized: !tls.insecure,
    ...(caFile !== null && { ca: await fileOf('redis.cacert', caFile) }),
    ...(certificateFile !== null && { cert: await fileOf('redis.key.cert', certificateFile) }),
    ...(keyFile !== null && { key: await fileOf('redis.key.file', keyFile) }),
    ...(tls.keyPassword !== null && { passphrase: tls.keyPassword }),
  }
}

/** Client names have no blanks. */
const nameOf = (format: string, { connector, task }: RedisClientOwner): string =>
  format
    .replaceAll(CONNECTOR_TOKEN, connector)
    .replaceAll(TASK_TOKEN, String(task))
    .replace(/[^!-~]/g, '_')

/** The options of ioredis for one connection; `overrides` of a caller that wants another behaviour than to fail at once. */
async function nodeOptions(options: RedisConnectionOptions, owner: RedisClientOwner): Promise<RedisOptions> {
  const name = nameOf(options.clientName, owner)
  return {
    ...(options.username !== null && { username: options.username }),
    ...(options.password !== null && { password: options.password }),
    ...(name !== '' && { connectionName: name }),
    ...(options.tls && { tls: await tlsOptions(options.tls) }),
    connectTimeout: options.connectTimeoutMs,
    socketTimeout: options.commandTimeoutMs,
    keepAlive: KEEP_ALIVE_DELAY_MS,
    disableClientInfo: true,
    // It reads INFO, for which a user may have no right: LOADING is an error of the first command instead.
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    lazyConnect: true,
  }
}

/** A client that is not connected yet. `overrides` replace options of ioredis. */
export async function createRedisClient(
  options: RedisConnectionOptions,
  owner: RedisClientOwner,
  overrides: RedisOptions = {},
): Promise<RedisClient> {
  const { Redis, Cluster } = await import('ioredis')
  const node = await nodeOptions(options, owner)
  const { mode, nodes, database } = options
  const noRetry = () => null
  if (mode === 'cluster') {
    const cluster: ClusterOptions = {
      redisOptions: { ...node, ...overrides },
      lazyConnect: true,
      enableReadyCheck: false,
      clusterRetryStrategy: overrides.retryStrategy ?? noRetry,
      maxRedirections: MAX_REDIRECTIONS,
      // Whether a command was executed before its connection was lost is unknown: its owner decides.
      retryDelayOnFailover: 0,
      slotsRefreshTimeout: options.connectTimeoutMs,
      // A certificate is of a name, not of the address that it stands for.
      ...(options.tls && { dnsLookup: (address, callback) => callback(null, address) }),
    }
    return new Cluster([...nodes], cluster)
  }
  const common: RedisOptions = { ...node, db: database, enableOfflineQueue: false, retryStrategy: noRetry, ...overrides }
  if (mode === 'standalone') return new Redis({ ...common, ...nodes[0]! })
  return new Redis({
    ...common,
    sentinels: [...nodes],
    name: options.master,
    ...(options.sentinelUsername !== null && { sentinelUsername: options.sentinelUsername }),
    ...(options.sentinelPassword !== null && { sentinelPassword: options.sentinelPassword }),
    ...(node.tls && { sentinelTLS: node.tls, enableTLSForSentinelMode: true }),
    sentinelRetryStrategy: overrides.sentinelRetryStrategy ?? noRetry,
  })
}

/**
 * Connects and logs in.
 * @throws Retriable where a later attempt may succeed, RedisRefused with the setting to change where it cannot.
 */
export async function connectRedisClient(client: RedisClient, options: RedisConnectionOptions, afterMs?: number): Promise<void> {
  // What a connection fails at is an event: the promise says only that it is closed.
  const failures: Error[] = []
  const failed = (error: Error) => void failures.push(error)
  const reasons = ['error', 'sentinelError', 'node error'] as const
  for (const reason of reasons) client.on(reason, failed)
  try {
    await client.connect()
    await (client as Redis).ping()
    const [refused] = failures.filter((error) => redisErrorCode(error) !== '')
    if (refused) throw refused
  } catch (error) {
    // The user is logged in, and has no right to PING.
    if (redisErrorCode(error) === 'NOPERM' && failures.length === 0) return
    client.disconnect()
    throw connectionError([...failures, error as Error], options, afterMs)
  } finally {
    for (const reason of reasons) client.off(reason, failed)
    // Without a listener ioredis writes to the console. What is lost later fails the command that waits, or the next one.
    client.on('error', () => {})
  }
}

function connectionError(failures: readonly Error[], options: RedisConnectionOptions, afterMs: number | undefined): Error {
  const causes = failures.map((error) => (error as Error & { lastNodeError?: Error }).lastNodeError ?? error)
  const told =
    causes.find((error) => redisErrorCode(error) !== '') ?? causes.find((error) => (error as NodeJS.ErrnoException).code !== undefined)
  const unknown = causes.find(({ message }) => /got an invalid reply: null|No such master with that name/.test(message))
  if (unknown)
    return new RedisRefused(
      `The sentinels of Redis do not know the master ${options.master} (${redisAddress(options)}): check ${options.settingOf.master}.`,
      'address',
      options.settingOf.master,
      { cause: unknown },
    )
  const other = causes.find(({ message }) => /unknown command .?sentinel/i.test(message))
  if (other)
    return new RedisRefused(
      `Redis at ${redisAddress(options)}: this is no sentinel. Name the sentinels, which have the port 26379 as a rule, or set no master (${options.settingOf.master}).`,
      'address',
      options.addressSetting,
      { cause: other },
    )
  const sentinel = causes.find(({ message }) => /sentinel .*(WRONGPASS|NOAUTH)/.test(message))
  if (sentinel)
    return new RedisRefused(
      `A sentinel refuses the login: ${sentinel.message}. Check redis.sentinel.username and redis.sentinel.password.`,
      'login',
      'redis.sentinel.password',
      { cause: sentinel },
    )
  return explainedRedisError(told ?? causes[0], options, afterMs)
}
