/**
 * What a config would fail at in its Redis: a refused login, a replica, a missing module or right. Each is reported at the setting to
 * change; nothing is written.
 */
import type { SettingProblem } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'
import { redisConnectionOptions } from '../redis-driver/connection-settings.ts'
import { redisErrorCode } from '../redis-driver/errors.ts'
import { refusedCommand } from '../redis-driver/rights.ts'
import { checkRedis } from '../redis-driver/system-check.ts'
import { isCollection, PARTITION_TOKEN, type SinkConfig, TOPIC_TOKEN } from './settings.ts'

const WRITES = {
  STREAM: ['XADD', '*', 'field', 'value'],
  HASH: ['HSET', 'field', 'value'],
  STRING: ['SET', 'value'],
  JSON: ['JSON.SET', '$', '{}'],
  LIST: ['RPUSH', 'element'],
  SET: ['SADD', 'member'],
  ZSET: ['ZADD', '0', 'member'],
} as const

export const checkSystem = (config: SinkConfig, signal: AbortSignal): Promise<readonly SettingProblem[]> =>
  checkRedis(redisConnectionOptions(config), 'redis.type', signal, async (client) => {
    if (config['redis.type'] === 'JSON' && !(await knows(client, 'JSON.SET')))
      return [
        {
          setting: 'redis.type',
          why: 'this Redis has no JSON.SET: use Redis 8, load the module RedisJSON, or set redis.type=STRING for JSON as text',
        },
      ]
    return writeProblems(client, config)
  })

async function knows(client: RedisClient, command: string): Promise<boolean> {
  try {
    const [found] = (await client.call('COMMAND', 'INFO', command)) as unknown[]
    return found !== null && found !== undefined
  } catch (error) {
    // A user without a right to ask: the first record tells.
    if (redisErrorCode(error) === 'NOPERM') return true
    throw error
  }
}

async function writeProblems(client: RedisClient, config: SinkConfig): Promise<readonly SettingProblem[]> {
  const type = config['redis.type'] as keyof typeof WRITES
  const [name, ...args] = WRITES[type]
  const keyspace = config['redis.keyspace']
  const isKeyKnown = isCollection(type) && !keyspace.includes(TOPIC_TOKEN) && !keyspace.includes(PARTITION_TOKEN)
  const refused = await refusedCommand(client, [[name, isKeyKnown ? keyspace : 'tributary-check', ...args]])
  if (refused === null) return []
  const { addressSetting, settingOf } = redisConnectionOptions(config)
  if (redisErrorCode(refused) === 'READONLY')
    return [{ setting: addressSetting, why: 'the server is a replica, which cannot be written: name the master, or use sentinels' }]
  const { message } = refused
  // Which keys the records will have is not known.
  if (/keys/.test(message) && !isKeyKnown) return []
  return [{ setting: settingOf.username, why: `the user may not write: ${message}. Give the user the right with ACL SETUSER` }]
}
