/**
 * What a config would fail at in its Redis: a wrong password, an unknown host, a missing right, each at the setting to change.
 */
import type { SettingProblem } from '../../connect/sdk/index.ts'
import type { RedisClient } from './client.ts'
import { RedisConnection } from './connection.ts'
import type { RedisConnectionOptions } from './connection-settings.ts'
import { RedisRefused, redisErrorKind } from './errors.ts'

/** A server that does not answer the handshake of TLS is told before the time of a validation is over. */
const CONNECT_MS = 5_000

/**
 * Connects, and runs `work` for what a connector needs besides. `otherwise` is the setting of a problem that is none of the connection.
 * Rejects where nothing can be said, because the server cannot be reached.
 */
export async function checkRedis(
  options: RedisConnectionOptions,
  otherwise: string,
  signal: AbortSignal,
  work: (client: RedisClient) => Promise<readonly SettingProblem[]>,
): Promise<readonly SettingProblem[]> {
  const connection = new RedisConnection(
    { ...options, connectTimeoutMs: Math.min(options.connectTimeoutMs, CONNECT_MS) },
    { connector: 'validate', task: 0 },
  )
  const close = () => connection.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    return await connection.run(work)
  } catch (error) {
    if (error instanceof RedisRefused) return [{ setting: error.setting ?? otherwise, why: error.message }]
    const { cause, message } = error as Error
    if (cause instanceof Error && redisErrorKind(cause) === 'address') return [{ setting: options.addressSetting, why: message }]
    throw error
  } finally {
    signal.removeEventListener('abort', close)
    close()
  }
}
