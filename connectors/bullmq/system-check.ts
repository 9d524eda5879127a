/**
 * What a config would fail at in its Redis, and what is wrong with the queues while a connector runs. It changes nothing, and reads no more
 * than how many jobs there are.
 */
import type { SettingProblem, SystemObservation } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'
import { RedisConnection } from '../redis-driver/connection.ts'
import { type RedisConnectionConfig, redisAddress, redisConnectionOptions } from '../redis-driver/connection-settings.ts'
import { checkRedis } from '../redis-driver/system-check.ts'

type CheckedConfig = RedisConnectionConfig & { readonly 'queue.prefix': string }

/** What the scripts of BullMQ need, and from which version on it recommends to use it. */
const LEAST_VERSION = [5, 0] as const
const RECOMMENDED_VERSION = [6, 2] as const
/** Of redis, and of what speaks its protocol with versions of its own. */
const OWN_VERSIONS = /^(dragonfly|valkey)_version:/m

function versionOf(info: string): readonly [number, number] | null {
  // A relative says which version of Redis it is compatible with, or something of its own.
  if (OWN_VERSIONS.test(info)) return null
  const [, major, minor] = /^redis_version:(\d+)\.(\d+)/m.exec(info) ?? []
  return major === undefined ? null : [Number(major), Number(minor)]
}

const isOlder = (version: readonly [number, number], than: readonly [number, number]): boolean =>
  version[0] < than[0] || (version[0] === than[0] && version[1] < than[1])

export async function checkSystem(config: CheckedConfig, signal: AbortSignal): Promise<readonly SettingProblem[]> {
  const options = redisConnectionOptions(config)
  return checkRedis(options, options.addressSetting, signal, async (client) => {
    // A right to run scripts, and to read keys of the queues.
    await client.eval('return 1', 0)
    await client.exists(`${config['queue.prefix']}:tributary:meta`)
    const version = versionOf(await client.info('server'))
    if (version && isOlder(version, LEAST_VERSION))
      return [
        {
          setting: options.addressSetting,
          why: `Redis at ${redisAddress(options)} has version ${version.join('.')}, and BullMQ needs ${LEAST_VERSION.join('.')} or newer: upgrade it.`,
        },
      ]
    return []
  })
}

const LISTS = { 'jobs-waiting': 'wait', 'jobs-active': 'active' } as const
const SETS = {
  'jobs-prioritized': 'prioritized',
  'jobs-delayed': 'delayed',
  'jobs-waiting-for-children': 'waiting-children',
  'jobs-in-completed': 'completed',
  'jobs-in-failed': 'failed',
} as const

/** `queues` are those whose jobs are counted. */
export async function observe(config: CheckedConfig, queues: readonly string[], signal: AbortSignal): Promise<SystemObservation> {
  const connection = new RedisConnection(redisConnectionOptions(config), { connector: 'observe', task: 0 })
  const close = () => connection.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    return await connection.run(async (client) => {
      const metrics: Record<string, number> = {}
      const warnings = await warningsOf(client)
      for (const queue of queues) {
        const { counts, isPaused } = await queueState(client, `${config['queue.prefix']}:${queue}:`)
        for (const [name, count] of Object.entries(counts)) metrics[name] = (metrics[name] ?? 0) + count
        if (isPaused) warnings.push(`The queue ${queue} is paused: its jobs wait. Call resume() of BullMQ's Queue to go on.`)
      }
      return { metrics, warnings }
    })
  } finally {
    signal.removeEventListener('abort', close)
    close()
  }
}

async function queueState(client: RedisClient, prefix: string) {
  const lists = Object.entries(LISTS).map(async ([name, key]) => [name, await client.llen(`${prefix}${key}`)] as const)
  const sets = Object.entries(SETS).map(async ([name, key]) => [name, await client.zcard(`${prefix}${key}`)] as const)
  const paused = client.hexists(`${prefix}meta`, 'paused')
  return { counts: Object.fromEntries(await Promise.all([...lists, ...sets])), isPaused: (await paused) === 1 }
}

async function warningsOf(client: RedisClient): Promise<string[]> {
  const warnings: string[] = []
  const info = await client.info()
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1]
  if (policy !== undefined && policy !== 'noeviction')
    warnings.push(`Redis may evict keys of the queues (maxmemory-policy ${policy}), which loses jobs: set maxmemory-policy noeviction.`)
  const version = versionOf(info)
  if (version && isOlder(version, RECOMMENDED_VERSION))
    warnings.push(`Redis ${version.join('.')} is older than BullMQ recommends: upgrade it to ${RECOMMENDED_VERSION.join('.')} or newer.`)
  if (/^appendonly:0|^aof_enabled:0/m.test(info))
    warnings.push('Redis writes no append-only file: a crash loses the last jobs. Set appendonly yes, and appendfsync always or everysec.')
  return warnings
}
