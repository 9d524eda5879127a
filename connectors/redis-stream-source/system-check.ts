/**
 * What a config would fail at in its Redis, and how far the group is behind.
 */
import type { SettingProblem, SystemObservation } from '../../connect/sdk/index.ts'
import { RedisConnection } from '../redis-driver/connection.ts'
import { redisConnectionOptions } from '../redis-driver/connection-settings.ts'
import { checkRedis } from '../redis-driver/system-check.ts'
import { type StreamSourceConfig, streamsOf } from './settings.ts'
import { groupState, streamState } from './stream-info.ts'

export const checkSystem = (config: StreamSourceConfig, signal: AbortSignal): Promise<readonly SettingProblem[]> =>
  checkRedis(redisConnectionOptions(config), 'redis.stream.name', signal, async (client) => {
    const problems: SettingProblem[] = []
    for (const stream of streamsOf(config)) {
      const type = await client.type(stream)
      if (type !== 'stream' && type !== 'none')
        problems.push({ setting: 'redis.stream.name', why: `the key ${stream} is a ${type}, not a stream: name another` })
      // Reads nothing that is there, and fails where the user may not read the stream.
      else await client.xread('COUNT', 1, 'STREAMS', stream, '$')
    }
    return problems
  })

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
