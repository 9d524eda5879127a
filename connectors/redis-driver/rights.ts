/** Which commands a user may not run, found out without running them. */
import type { RedisClient } from './client.ts'
import { redisErrorCode } from './errors.ts'

/**
 * The error of the first command that Redis would refuse for a right, or because it is a replica; null where there is none. They are queued
 * in a transaction, where Redis checks that, and discarded. A user who may use no transactions is not judged.
 */
export async function refusedCommand(client: RedisClient, commands: readonly (readonly [string, ...string[]])[]): Promise<Error | null> {
  const pipeline = client.pipeline()
  pipeline.call('MULTI')
  for (const [name, ...args] of commands) pipeline.call(name, ...args)
  pipeline.call('DISCARD')
  const results = (await pipeline.exec()) ?? []
  const [began, ...queued] = results.map(([error]) => error)
  if (began) {
    if (redisErrorCode(began) === 'NOPERM') return null
    throw began
  }
  const discarded = queued.pop()
  const refused = queued.find((error) => error && ['NOPERM', 'READONLY'].includes(redisErrorCode(error)))
  if (refused) return refused
  const failed = queued.find((error) => error) ?? discarded
  if (failed) throw failed
  return null
}
