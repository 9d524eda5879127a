/**
 * The source of keys and their values, told by keyspace events, with the settings and records of Redis's own connector. Events can be lost,
 * and the source says so.
 */
import { defineConnector, defineSource, type SourceBatch, type SourceContext } from '../../connect/sdk/index.ts'
import { runBatches } from '../redis-driver/run-batches.ts'
import { check, type KeysConfig, LOSS, settings } from './settings.ts'

export const redisKeysSource = defineSource({
  class: 'tributary.redis.RedisKeysSourceConnector',
  aliases: ['com.redis.kafka.connect.RedisKeysSourceConnector'],
  settings,
  check,
  checkSystem: async (config, signal) => (await import('./system-check.ts')).checkSystem(config, signal),
  async observe() {
    return { metrics: {}, warnings: [`${LOSS} Use a stream where none may be lost.`] }
  },
  exactlyOnceSupport: () => 'unsupported',

  async *read(context: SourceContext<KeysConfig>): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal } = context
    const [wrong] = check(config)
    if (wrong) throw new Error(`${wrong.setting}: ${wrong.why}`)
    const { KeysRun } = await import('./keys-run.ts')
    if (signal.aborted) return
    yield* runBatches(new KeysRun(context), signal)
  },
})

export default defineConnector({
  name: 'redis-keys-source',
  doc: 'Reads keys and their values: all that match a pattern, and those that change while it is subscribed to keyspace events, which can be lost.',
  source: redisKeysSource,
})
