/**
 * What a config would fail at in its Redis: a key that is no stream, a right that a group needs; whether positions that a user sets would
 * have an effect; and how far the group is behind.
 */
import type { SettingProblem, SystemObservation } from '../../connect/sdk/index.ts'
import { RedisConnection } from '../redis-driver/connection.ts'
import { redisConnectionOptions } from '../redis-driver/connection-settings.ts'
import { redisErrorCode } from '../redis-driver/errors.ts'
import { refusedCommand } from '../redis-driver/rights.ts'
import { checkRedis } from '../redis-driver/system-check.ts'
import { type StreamSourceConfig, streamsOf } from './settings.ts'
import { groupState, streamState } from './stream-info.ts'
import { NO_ENTRY } from './trimming.ts'

export const checkSystem = (config: StreamSourceConfig, signal: AbortSignal): Promise<readonly SettingProblem[]> =>
  checkRedis(redisConnectionOptions(config), 'redis.stream.name', signal, async (client) => {
    const problems: SettingProblem[] = []
    for (const stream of streamsOf(config)) {
      const type = await client.type(stream)
      if (type !== 'stream' && type !== 'none')
        problems.push({ setting: 'redis.stream.name', why: `the key ${stream} is a ${type}, not a stream: name another` })
      // Reads nothing that is there, and fails where the user may not read the stream.
      else await client.xread('COUNT', 1, 'STREAMS', stream, '$')
      const refused = await refusedCommand(client, commandsOf(config, stream))
      if (refused) problems.push(refusal(refused, config))
    }
    return problems
  })

/** What a task runs on a stream. */
function commandsOf(config: StreamSourceConfig, stream: string): (readonly [string, ...string[]])[] {
  const { 'redis.stream.consumer.group': group, 'redis.stream.delivery': delivery } = config
  const info = ['XINFO', 'STREAM', stream] as const
  if (delivery === 'exactly-once') return [info]
  const isClaiming = delivery === 'at-least-once' && config['redis.stream.claim.idle.ms'] > 0
  return [
    info,
    ['XINFO', 'GROUPS', stream],
    ['XGROUP', 'CREATE', stream, group, NO_ENTRY, 'MKSTREAM'],
    ['XREADGROUP', 'GROUP', group, 'validate', 'STREAMS', stream, '>'],
    ...(delivery === 'at-least-once' ? [['XACK', stream, group, NO_ENTRY] as const] : []),
    ...(isClaiming ? [['XAUTOCLAIM', stream, group, 'validate', '1000', NO_ENTRY] as const] : []),
  ]
}

function refusal(refused: Error, config: StreamSourceConfig): SettingProblem {
  const { addressSetting, settingOf } = redisConnectionOptions(config)
  return redisErrorCode(refused) === 'READONLY'
    ? { setting: addressSetting, why: 'the server is a replica, which cannot have groups: name the master, or use sentinels' }
    : { setting: settingOf.username, why: `the user may not read as a group: ${refused.message}. Give the user the right with ACL SETUSER` }
}

/**
 * Throws where positions that a user sets would have no effect: a group has one of its own in Redis, and those of the connector count where
 * there is no group yet.
 */
export async function checkGroups(config: StreamSourceConfig, streams: readonly string[]): Promise<void> {
  const group = config['redis.stream.consumer.group']
  const connection = new RedisConnection(redisConnectionOptions(config), { connector: 'offsets', task: 0 })
  try {
    let refused: Error | null = null
    await connection.run(async (client) => {
      for (const stream of streams) {
        const found = await groupState(client, stream, group)
        if (found)
          refused ??= new Error(
            `The consumer group ${group} of the stream ${stream} keeps its position in Redis, at ${found.delivered}: move it with XGROUP SETID ${stream} ${group} and an id, or remove it with XGROUP DESTROY ${stream} ${group}, and change the offsets of the connector then.`,
          )
      }
    })
    if (refused) throw refused
  } finally {
    connection.close()
  }
}

export async function observe(config: StreamSourceConfig, signal: AbortSignal): Promise<SystemObservation> {
  const connection = new RedisConnection(redisConnectionOptions(config), { connector: 'observe', task: 0 })
  const close = () => connection.close()
  signal.addEventListener('abort', close, { once: true })
  const group = config['redis.stream.consumer.group']
  const isGroup = config['redis.stream.delivery'] !== 'exactly-once'
  let length = 0
  let pending = 0
  let lag: number | null = 0
  const warnings: string[] = []
  try {
    await connection.run(async (client) => {
      for (const stream of streamsOf(config)) {
        const state = await streamState(client, stream)
        if (!state) {
          warnings.push(`The stream ${stream} does not exist: nothing is read until an entry is added, or its name is corrected.`)
          continue
        }
        length += state.length
        const found = isGroup ? await groupState(client, stream, group) : null
        if (!found) continue
        pending += found.pending
        lag = lag === null || found.lag === null ? null : lag + found.lag
      }
    })
  } finally {
    signal.removeEventListener('abort', close)
    close()
  }
  const groupMetrics = isGroup ? { 'group-pending-entries': pending, ...(lag !== null && { 'group-lag-entries': lag }) } : {}
  return { metrics: { 'stream-entries': length, ...groupMetrics }, warnings }
}
