/**
 * The Postgres source: a snapshot where the mode asks for one, then the changes of a replication slot, with Debezium's settings, records
 * and positions. Nothing is confirmed to the slot before its position is stored, so that each change is delivered after a crash too.
 */
import { defineSource, Retriable, type SourceBatch, type SourceContext } from '../../connect/sdk/index.ts'
import { check, type PostgresSourceConfig, settings } from './settings.ts'

/** How often each task has been read again after an error, since it last went well. A task has one config object. */
const retries = new WeakMap<PostgresSourceConfig, number>()

export const postgresSource = defineSource({
  class: 'tributary.postgres.PostgresSourceConnector',
  aliases: ['io.debezium.connector.postgresql.PostgresConnector'],
  settings,
  check,
  // Every worker loads this connector, but only those that use it load what reads the database.
  checkSystem: async (config, signal) => (await import('./system-checks.ts')).checkSystem(config, signal),
  observe: async (config, signal) => (await import('./system-checks.ts')).observe(config, signal),
  readHasEffects: true,
  // A stream goes on after the change that a stored position names.
  exactlyOnceSupport: () => 'supported',

  async checkPositions(config, positions) {
    const { checkOffset } = await import('./offset-check.ts')
    for (const { partition, offset } of positions) checkOffset(config['topic.prefix'], partition, offset)
  },

  async *read(context: SourceContext<PostgresSourceConfig>): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal } = context
    const { SourceRun } = await import('./source-run.ts')
    if (signal.aborted) return
    const run = new SourceRun(context)
    const stop = () => run.abort()
    signal.addEventListener('abort', stop, { once: true })
    try {
      for await (const batch of run.batches()) {
        yield batch
        retries.delete(config)
      }
    } catch (error) {
      // What was cut off by the stop says nothing.
      if (signal.aborted) return
      throw error instanceof Retriable ? withinBudget(error, config) : error
    } finally {
      signal.removeEventListener('abort', stop)
      await run.close()
    }
  },
})

/** The error itself, or one that fails the task after `errors.max.retries`. */
function withinBudget(error: Retriable, config: PostgresSourceConfig): Error {
  const most = config['errors.max.retries']
  const count = (retries.get(config) ?? 0) + 1
  retries.set(config, count)
  if (most < 0 || count <= most) return error
  return new Error(`${error.message} The task gives up after ${most} retries (errors.max.retries).`, { cause: error })
}
