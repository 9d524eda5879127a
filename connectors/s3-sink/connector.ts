/** Writes records to objects of an S3-compatible store. */
import { defineConnector, defineSink, InvalidSetting } from '../../connect/sdk/index.ts'
import { problemsOf } from './checks.ts'
import { settings } from './settings.ts'

export const s3Sink = defineSink({
  class: 'io.confluent.connect.s3.S3SinkConnector',
  aliases: ['S3SinkConnector', 'S3Sink', 'tributary.s3.S3SinkConnector'],
  settings,
  check: problemsOf,
  async checkSystem(config, signal) {
    const { checkStore } = await import('./system-check.ts')
    return await checkStore(config, signal)
  },
  async start(context) {
    const [wrong] = problemsOf(context.config)
    if (wrong) throw new InvalidSetting(wrong.setting, String(context.config[wrong.setting as keyof typeof settings]), wrong.why)
    // Every worker loads this file, but only those that use the sink load the SDK and the formats.
    const [{ S3Sink }, { sinkOptions }] = await Promise.all([import('./sink.ts'), import('./config-options.ts')])
    return new S3Sink(sinkOptions(context.config), context)
  },
})

export default defineConnector({
  name: 's3-sink',
  doc: 'Writes records to objects of Amazon S3 or of a store that speaks its protocol.',
  sink: s3Sink,
})
