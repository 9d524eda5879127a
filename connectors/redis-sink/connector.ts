/**
 * The Redis sink, with the settings and layouts of Redis's own connector. What writes Redis is loaded when a task starts.
 */
import { defineConnector, defineSink } from '../../connect/sdk/index.ts'
import { check, settings } from './settings.ts'

export const redisSink = defineSink({
  class: 'tributary.redis.RedisSinkConnector',
  aliases: ['com.redis.kafka.connect.RedisSinkConnector'],
  settings,
  check,
  checkSystem: async (config, signal) => (await import('./system-check.ts')).checkSystem(config, signal),
  async start(context) {
    const [wrong] = check(context.config)
    if (wrong) throw new Error(`${wrong.setting}: ${wrong.why}`)
    const { RedisSink } = await import('./sink.ts')
    return new RedisSink(context)
  },
})

export default defineConnector({
  name: 'redis-sink',
  doc: 'Writes records to Redis as streams, hashes, strings, JSON documents, lists, sets or sorted sets, in pipelines.',
  sink: redisSink,
})
