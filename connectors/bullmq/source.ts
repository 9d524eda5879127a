/**
 * The BullMQ source: a job is active while its record is on its way, completes when the record is in Kafka, and fails with the reason where
 * it cannot be. There are no positions: the queue itself knows what is done.
 */
import { defineSource, InvalidSetting, type SourceBatch, type SourceContext } from '../../connect/sdk/index.ts'
import { checkSource, type SourceConfig, sourceSettings, sourceTasks } from './source-settings.ts'

export const bullmqSource = defineSource({
  class: 'tributary.bullmq.BullMQSourceConnector',
  aliases: ['BullMQSource', 'BullMQSourceConnector'],
  settings: sourceSettings,
  check: checkSource,
  tasks: sourceTasks,
  checkSystem: async (config, signal) => (await import('./system-check.ts')).checkSystem(config, signal),
  observe: async (config, signal) => (await import('./system-check.ts')).observe(config, config.queues, signal),
  readHasEffects: true,

  async *read(context: SourceContext<SourceConfig>): AsyncGenerator<SourceBatch, void, void> {
    const [wrong] = checkSource(context.config)
    if (wrong) throw new InvalidSetting(wrong.setting, String(context.config[wrong.setting as keyof SourceConfig]), wrong.why)
    const { JobReading } = await import('./job-reading.ts')
    if (context.signal.aborted) return
    const reading = new JobReading(context)
    try {
      await reading.open()
      yield* reading.batches()
    } finally {
      await reading.close()
    }
  },
})
