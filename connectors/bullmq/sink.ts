/**
 * The BullMQ sink: records become jobs, each record one, in transactions that also store how far each partition is written.
 */
import { defineSink } from '../../connect/sdk/index.ts'
import { TOPIC_TOKEN } from './queue-settings.ts'
import { checkSink, requireValid, sinkSettings } from './sink-settings.ts'

export const bullmqSink = defineSink({
  class: 'tributary.bullmq.BullMQSinkConnector',
  aliases: ['BullMQSink', 'BullMQSinkConnector'],
  settings: sinkSettings,
  check: checkSink,
  checkSystem: async (config, signal) => (await import('./system-check.ts')).checkSystem(config, signal),
  // The queues of topics are known only when records come.
  observe: async (config, signal) =>
    (await import('./system-check.ts')).observe(config, config.queue.includes(TOPIC_TOKEN) ? [] : [config.queue], signal),

  async start(context) {
    requireValid(context.config)
    const { JobSink } = await import('./job-sink.ts')
    return new JobSink(context)
  },
})
