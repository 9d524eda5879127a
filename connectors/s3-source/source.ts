/**
 * Reads the objects of a bucket one after the other, and looks for further ones when all are read. Every worker loads this file: what reads
 * the store is loaded by the tasks.
 */
import { defineSource, InvalidSetting, type SourceBatch, type SourceContext } from '../../connect/sdk/index.ts'
import { validatePositions } from './position.ts'
import { check, type S3SourceConfig, SHARDS, settings } from './settings.ts'

export const s3Source = defineSource({
  class: 'tributary.s3.S3SourceConnector',
  aliases: ['io.confluent.connect.s3.source.S3SourceConnector', 'S3Source', 'S3SourceConnector'],
  settings,
  check,
  checkSystem: async (config, signal) => (await import('./system-check.ts')).checkBucket(config, signal),
  tasks(_config, maxTasks) {
    const count = Math.min(maxTasks, SHARDS)
    return Array.from({ length: count }, () => ({ 'task.count': String(count) }))
  },
  checkPositions: (_config, positions) => validatePositions(positions),
  // A record is at one place of an object, and the entity tag says whether the object is still the same.
  exactlyOnceSupport: () => 'supported',

  async *read(context: SourceContext<S3SourceConfig>): AsyncGenerator<SourceBatch, void, void> {
    const [wrong] = check(context.config)
    if (wrong) throw new InvalidSetting(wrong.setting, String(context.config[wrong.setting as keyof S3SourceConfig]), wrong.why)
    const { BucketReading } = await import('./bucket-reading.ts')
    yield* new BucketReading(context).batches()
  },
})
