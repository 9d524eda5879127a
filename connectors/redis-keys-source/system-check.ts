/** What a config would fail at in its Redis: a login, a right, and events that the server does not send. */
import type { SettingProblem } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'
import { redisConnectionOptions } from '../redis-driver/connection-settings.ts'
import { redisErrorKind } from '../redis-driver/errors.ts'
import { checkRedis } from '../redis-driver/system-check.ts'
import { eventPattern } from './event-channel.ts'
import type { KeysConfig } from './settings.ts'

export const checkSystem = (config: KeysConfig, signal: AbortSignal): Promise<readonly SettingProblem[]> => {
  const options = redisConnectionOptions(config)
  return checkRedis(options, 'redis.keys.pattern', signal, async (client) => {
    const flags = await eventFlags(client)
    // Where the user has no right to the channels of events, Redis refuses here.
    await client.psubscribe(eventPattern(config['redis.keys.pattern'], options.database))
    if (flags === null || (flags.includes('K') && /[A-Zg$lshzxetdm]/.test(flags.replaceAll(/[KE]/g, '')))) return []
    return [
      {
        setting: 'mode',
        why: `the server sends no keyspace events (notify-keyspace-events is "${flags}"): set it to KEA in redis.conf or with CONFIG SET`,
      },
    ]
  })
}

/** Null where the server does not tell, as managed ones do not. */
export async function eventFlags(client: RedisClient): Promise<string | null> {
  try {
    const [, flags] = (await client.config('GET', 'notify-keyspace-events')) as string[]
    return flags ?? ''
  } catch (error) {
    if (redisErrorKind(error) === 'right' || /unknown command/i.test((error as Error).message)) return null
    throw error
  }
}
