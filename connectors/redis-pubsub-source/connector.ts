/**
 * The source of messages that are published to channels of Redis. Redis keeps none of them: what is published while nobody is subscribed
 * is lost, and the source says so.
 */
import { defineConnector, defineSource, type SourceBatch, type SourceContext } from '../../connect/sdk/index.ts'
import { runBatches } from '../redis-driver/run-batches.ts'
import { check, LOSS, type PubSubConfig, settings, subscribedOf } from './settings.ts'

export const redisPubSubSource = defineSource({
  class: 'tributary.redis.RedisPubSubSourceConnector',
  settings,
  check,
  async checkSystem(config, signal) {
    const [{ checkRedis }, { redisConnectionOptions }] = await Promise.all([
      import('../redis-driver/system-check.ts'),
      import('../redis-driver/connection-settings.ts'),
    ])
    const { channels, patterns } = subscribedOf(config)
    return checkRedis(redisConnectionOptions(config), 'redis.channels', signal, async (client) => {
      // Where the user has no right to a channel, Redis refuses here.
      if (channels.length > 0) await client.subscribe(...channels)
      if (patterns.length > 0) await client.psubscribe(...patterns)
      return []
    })
  },
  async observe() {
    return { metrics: {}, warnings: [LOSS] }
  },
  exactlyOnceSupport: () => 'unsupported',

  async *read(context: SourceContext<PubSubConfig>): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal } = context
    const [wrong] = check(config)
    if (wrong) throw new Error(`${wrong.setting}: ${wrong.why}`)
    const { MessageRun } = await import('./message-run.ts')
    if (signal.aborted) return
    yield* runBatches(new MessageRun(context), signal)
  },
})

export default defineConnector({
  name: 'redis-pubsub-source',
  doc: 'Reads the messages that are published to Redis channels while it is subscribed; Redis keeps none for later, and gaps are counted.',
  source: redisPubSubSource,
})
