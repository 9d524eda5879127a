/**
 * Goal: a subscription tells that it was lost, and not that it was closed: its successor may be subscribed already. Method: a real server,
 * which is killed, and which does not respond while the subscription is closed.
 */
import { expect, onTestFinished, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { redisConnectionOptions, redisConnectionSettings } from '../../../connectors/redis-driver/connection-settings.ts'
import { RedisSubscription } from '../../../connectors/redis-driver/subscription.ts'
import { startRedisServer } from '../../services/redis.ts'
import { until } from '../../until.ts'

async function opened() {
  const server = await startRedisServer()
  onTestFinished(() => server.stop())
  const options = redisConnectionOptions(parseSettings(redisConnectionSettings, { 'redis.uri': server.url }))
  const subscription = new RedisSubscription(options, { connector: 'news', task: 0 })
  onTestFinished(() => subscription.close())
  const taken: string[] = []
  await subscription.open({ channels: ['a'], patterns: [] }, (_, message) => taken.push(String(message)))
  let lost: Error | null = null
  void subscription.lost.then((error) => {
    lost = error
  })
  return { server, subscription, taken, lost: () => lost }
}

test('a connection that is lost is told as retriable', async () => {
  const { server, taken, lost } = await opened()
  await server.client().publish('a', 'hello')
  await until(() => taken.length === 1, 'the message has come')
  await server.kill()
  await until(() => lost() !== null, 'the loss is told')
  expect(lost()).toMatchObject({ name: 'RetriableException' })
})

test('a connection that ends long after it was closed, as the server did not respond, is no loss', async () => {
  const { server, subscription, lost } = await opened()
  const subscribers = async () => ((await server.client().pubsub('NUMSUB', 'a')) as [string, number])[1]
  expect(Number(await subscribers())).toBe(1)
  await server.pause()
  subscription.close()
  await server.resume()
  await until(async () => Number(await subscribers()) === 0, 'the server has noticed')
  expect(lost()).toBeNull()
})
