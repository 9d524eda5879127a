/**
 * The declaration of the stream source. What reads Redis is loaded when a task reads.
 */
import { defineSource, type SourceBatch, type SourceContext } from '../../connect/sdk/index.ts'
import { isEntryId } from '../redis-driver/entry-id.ts'
import { runBatches } from '../redis-driver/run-batches.ts'
import { check, type StreamSourceConfig, settings, streamsOf, tasks } from './settings.ts'

export const redisStreamSource = defineSource({
  class: 'tributary.redis.RedisStreamSourceConnector',
  aliases: ['com.redis.kafka.connect.RedisStreamSourceConnector'],
  settings,
  check,
  checkSystem: async (config, signal) => (await import('./system-check.ts')).checkSystem(config, signal),
  observe: async (config, signal) => (await import('./system-check.ts')).observe(config, signal),
  tasks,
  readHasEffects: true,
  exactlyOnceSupport: (config) => (config['redis.stream.delivery'] === 'exactly-once' ? 'supported' : 'unsupported'),

  async checkPositions(config, positions) {
    const streams = streamsOf(config)
    for (const { partition, offset } of positions) {
      // What has no stream any more may be removed.
      if (offset === null) continue
      if (typeof partition.stream !== 'string' || !streams.includes(partition.stream))
        throw new Error(`A partition of this connector is {"stream":"${streams[0]}"}, not ${JSON.stringify(partition)}`)
      if (!isEntryId(String(offset.offset)))
        throw new Error(
          `A position is {"offset":"1526919030474-55"}, the id of the last entry that was read, not ${JSON.stringify(offset)}`,
        )
    }
    if (config['redis.stream.delivery'] === 'exactly-once') return
    const changed = streams.filter((stream) => positions.some(({ partition }) => partition.stream === stream))
    if (changed.length > 0) await (await import('./system-check.ts')).checkGroups(config, changed)
  },

  async *read(context: SourceContext<StreamSourceConfig>): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal } = context
    const [wrong] = check(config)
    if (wrong) throw new Error(`${wrong.setting}: ${wrong.why}`)
    const run =
      config['redis.stream.delivery'] === 'exactly-once'
        ? new (await import('./position-run.ts')).PositionRun(context)
        : new (await import('./group-run.ts')).GroupRun(context)
    if (signal.aborted) return
    yield* runBatches(run, signal)
  },
})
