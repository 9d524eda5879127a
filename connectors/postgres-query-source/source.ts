/**
 * Polls the tables of a task, or the query, one after the other. After a restart reading goes on behind the last stored position.
 */
import { defineSource, InvalidSetting, type SourceBatch, type SourceContext } from '../../connect/sdk/index.ts'
import { validatePositions } from './position.ts'
import { check } from './setting-checks.ts'
import { type QuerySourceConfig, queryOf, settings } from './settings.ts'

const TABLE_POLL_INTERVAL = 'table.poll.interval.ms'

export const postgresQuerySource = defineSource({
  class: 'tributary.postgres.PostgresQuerySourceConnector',
  aliases: ['io.confluent.connect.jdbc.JdbcSourceConnector', 'JdbcSourceConnector', 'JdbcSource'],
  settings,
  check,
  // Every worker loads this connector, but only those that use it load what reads the database.
  checkSystem: async (config, signal) => (await import('./system-check.ts')).checkSystem(config, signal),
  checkPositions: (_config, positions) => validatePositions(positions),
  // A number that only grows names a row of a table. Nothing is known about those of a query, nor about rows of one timestamp.
  exactlyOnceSupport: (config) =>
    queryOf(config) === null && (config.mode === 'incrementing' || config.mode === 'timestamp+incrementing') ? 'supported' : 'unsupported',
  tasksRefresh: TABLE_POLL_INTERVAL,

  async tasks(config, maxTasks) {
    requireValid(config)
    if (queryOf(config) !== null) return [{}]
    return (await import('./polls.ts')).taskTables(config, maxTasks)
  },

  async *read(context: SourceContext<QuerySourceConfig>): AsyncGenerator<SourceBatch, void, void> {
    requireValid(context.config)
    yield* (await import('./polls.ts')).pollTables(context)
  },
})

function requireValid(config: QuerySourceConfig): void {
  const [wrong] = check(config)
  if (wrong) throw new InvalidSetting(wrong.setting, String(config[wrong.setting as keyof QuerySourceConfig]), wrong.why)
}
