/**
 * Makes records from a schema, in their pace, and goes on after a restart with the record that would have come.
 */
import { defineSource, EndOfSource, InvalidSetting, type SourceBatch, type SourceContext, sleep } from '../../connect/sdk/index.ts'
import { validatePositions } from './position.ts'
import { check, type DatagenConfig, settings } from './settings.ts'

export const datagenSource = defineSource({
  class: 'tributary.datagen.DatagenSourceConnector',
  aliases: ['io.confluent.kafka.connect.datagen.DatagenConnector', 'DatagenConnector', 'Datagen'],
  settings,
  check,
  tasks: (_config, maxTasks) => Array.from({ length: maxTasks }, () => ({})),
  checkPositions: (_config, positions) => validatePositions(positions),
  exactlyOnceSupport: () => 'supported',

  async *read(context: SourceContext<DatagenConfig>): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal, log } = context
    const [wrong] = check(config)
    if (wrong) throw new InvalidSetting(wrong.setting, String(config[wrong.setting as keyof DatagenConfig]), wrong.why)
    // Every worker loads this connector, but only those that use it load what makes records.
    const { firstState, GeneratedRecords } = await import('./generated-records.ts')
    const { Pace } = await import('./pace.ts')
    const records = new GeneratedRecords(context, await firstState(context))
    const pace = new Pace(
      { maxIntervalMs: config['max.interval'], recordsPerSecond: config['records.per.second'], random: Math.random },
      performance.now(),
    )
    while (!signal.aborted) {
      const left = config.iterations > 0 ? config.iterations - records.count : Number.POSITIVE_INFINITY
      if (left <= 0) {
        const made = `generated the configured ${config.iterations} number of messages`
        log.info(`The task has ${made} and makes no more`)
        throw new EndOfSource(made)
      }
      await sleep(pace.waitMs(performance.now()), signal)
      if (signal.aborted) return
      let due = pace.take(performance.now(), Math.min(config['batch.size'], left))
      while (due > 0 && !signal.aborted) {
        const batch = records.next(due)
        due -= batch.records.length
        yield batch
      }
    }
  },
})
