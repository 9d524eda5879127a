/**
 * The settings of the Postgres query source, with the names, defaults and groups of Confluent's JDBC source. Checks of a single value
 * are here; those that concern several are in setting-checks.ts.
 */
import { type ConfigOf, setting } from '../../connect/sdk/index.ts'
import { javaPattern } from '../../connect/sdk/java-pattern.ts'
import { clientConfig } from '../postgres-driver/connection.ts'
import { incrementingMappingProblem, timestampMappingProblem } from './mapping-format.ts'
import { zoneNamed } from './zone.ts'

export const DIALECT = 'PostgreSqlDatabaseDialect'
const MAX_TOPIC_LENGTH = 249

const atLeast = (least: number) => (value: number) => (value < least ? `Value must be at least ${least}` : undefined)

function thrownBy(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function patternsProblem(patterns: readonly string[]): string | undefined {
  const problem = patterns.map((pattern) => thrownBy(() => javaPattern(pattern))).find((found) => found !== undefined)
  return problem === undefined ? undefined : `Must be a valid comma-separated list of regular expression patterns: ${problem}`
}

const database = {
  'connection.url': setting.string({
    doc: 'The database: jdbc:postgresql://host:port/database or postgresql://user:password@host:port/database',
    importance: 'HIGH',
    group: 'Database',
    width: 'LONG',
    displayName: 'JDBC URL',
    check: (url) => thrownBy(() => clientConfig({ url, user: null, password: null })),
  }),
  'connection.user': setting.string({
    doc: 'The user, where the URL has none',
    default: null,
    importance: 'HIGH',
    group: 'Database',
    displayName: 'JDBC User',
  }),
  'connection.password': setting.password({
    doc: "The user's password",
    default: null,
    importance: 'HIGH',
    group: 'Database',
    displayName: 'JDBC Password',
  }),
  'connection.attempts': setting.int({
    doc: 'How often the connector tries to connect when it lists the tables, before it fails. A running task tries without limit.',
    default: 3,
    importance: 'LOW',
    group: 'Database',
    displayName: 'JDBC connection attempts',
    check: atLeast(1),
  }),
  'connection.backoff.ms': setting.long({
    doc: 'The delay between attempts to connect, and before a query is retried',
    default: 10_000,
    importance: 'LOW',
    group: 'Database',
    displayName: 'JDBC connection backoff in milliseconds',
    check: atLeast(0),
  }),
  'table.whitelist': setting.list({
    doc: 'The tables to read: table, schema.table or "schema"."table". Not together with table.blacklist.',
    default: [],
    group: 'Database',
    displayName: 'Table Whitelist',
  }),
  'table.blacklist': setting.list({
    doc: 'The tables not to read; all others are read. Not together with table.whitelist.',
    default: [],
    group: 'Database',
    displayName: 'Table Blacklist',
  }),
  'table.include.list': setting.list({
    doc: 'Regular expressions that match the names (schema.table) of the tables to read. Not together with table.whitelist, table.blacklist.',
    default: [],
    group: 'Database',
    displayName: 'Tables Included (Regex)',
    check: patternsProblem,
  }),
  'table.exclude.list': setting.list({
    doc: 'Regular expressions that match the names (schema.table) of tables not to read, of those that table.include.list matches',
    default: [],
    group: 'Database',
    displayName: 'Tables Excluded (Regex)',
    check: patternsProblem,
  }),
  'catalog.pattern': setting.string({
    doc: 'A LIKE pattern that the name of the database must match; without it any name does',
    default: null,
    group: 'Database',
    displayName: 'Catalog pattern',
  }),
  'schema.pattern': setting.string({
    doc: 'A LIKE pattern of the schemas whose tables are listed; without it all of them, less those of the system',
    default: null,
    importance: 'HIGH',
    group: 'Database',
    displayName: 'Schema pattern',
  }),
  'numeric.precision.mapping': setting.boolean({
    doc: 'Whether NUMERIC columns without digits after the point become integers. Deprecated: the same as numeric.mapping=precision_only.',
    default: false,
    importance: 'LOW',
    group: 'Database',
  }),
  'numeric.mapping': setting.oneOf(['none', 'precision_only', 'best_fit', 'best_fit_eager_double'], {
    doc:
      "NUMERIC columns: 'none' is Decimal; 'precision_only' makes integers where the scale is 0, 'best_fit' also float64 of up to 18 digits, " +
      "'best_fit_eager_double' float64 of any that have digits after the point",
    default: null,
    importance: 'LOW',
    group: 'Database',
  }),
  'numeric.unbounded.scale': setting.int({
    doc: "The scale of Decimal for NUMERIC columns without a precision. Confluent's is 0. A value with more digits fails the task.",
    default: 0,
    importance: 'LOW',
    group: 'Database',
    check: (scale) => (scale < 0 || scale > 1000 ? 'Value must be between 0 and 1000' : undefined),
  }),
  'unsupported.types': setting.oneOf(['drop', 'string'], {
    doc:
      "Columns of types that Confluent's connector does not know (arrays, intervals, inet, ranges, composites): 'drop' leaves them out, as it " +
      "does; 'string' reads their text",
    default: 'drop',
    importance: 'LOW',
    group: 'Database',
  }),
  'dialect.name': setting.string({
    doc: `Empty, or ${DIALECT}: this connector reads Postgres only`,
    default: '',
    importance: 'LOW',
    group: 'Database',
    check: (name) => (name === '' || name === DIALECT ? undefined : `This connector reads Postgres: leave it empty, or set ${DIALECT}`),
  }),
}

const mode = {
  mode: setting.oneOf(['bulk', 'incrementing', 'timestamp', 'timestamp+incrementing'], {
    doc:
      "'bulk' reads whole tables at each poll, 'incrementing' new rows by a column that only grows, 'timestamp' new and changed rows by a " +
      "timestamp, 'timestamp+incrementing' the same with a position that is unique",
    importance: 'HIGH',
    group: 'Mode',
    exactCase: true,
  }),
  'incrementing.column.name': setting.string({
    doc: 'The column that only grows. Empty: the first identity or serial column of a table. It must not be nullable.',
    default: '',
    group: 'Mode',
  }),
  'timestamp.column.name': setting.list({
    doc: 'The timestamp columns; the first that is not null counts for a row. At least one must not be nullable.',
    default: [],
    group: 'Mode',
  }),
  'timestamp.columns.mapping': setting.list({
    doc: 'The timestamp columns by table: regex1:[col1|col2],regex2:[col3]. Each table must match one regex, by its name schema.table.',
    default: [],
    group: 'Mode',
    aliases: ['timestamp.column.mapping'],
    check: (mappings) => mappings.map(timestampMappingProblem).find((problem) => problem !== undefined),
  }),
  'incrementing.column.mapping': setting.list({
    doc: 'The incrementing column by table: regex1:col1,regex2:col2. Each table must match one regex, by its name schema.table.',
    default: [],
    group: 'Mode',
    check: (mappings) => mappings.map(incrementingMappingProblem).find((problem) => problem !== undefined),
  }),
  'timestamp.initial': setting.long({
    doc: 'The ms since the epoch from which a table without a position is read by its timestamps; -1 is now. Without it all rows are read.',
    default: null,
    importance: 'LOW',
    group: 'Mode',
  }),
  'validate.non.null': setting.boolean({
    doc: 'Whether a nullable incrementing column, or timestamp columns of which each is nullable, fail the task',
    default: true,
    importance: 'LOW',
    group: 'Mode',
  }),
  query: setting.string({
    doc: 'A SELECT to read instead of tables. The condition and the order of the mode are appended to it, so it has no WHERE of its own.',
    default: '',
    group: 'Mode',
  }),
  'query.masked': setting.password({
    doc: 'As query, but not shown where configs are shown. Set one of both.',
    default: null,
    group: 'Mode',
  }),
  'query.suffix': setting.string({
    doc: 'A text at the end of each query, such as LIMIT 1000',
    default: '',
    importance: 'LOW',
    group: 'Mode',
  }),
  'quote.sql.identifiers': setting.oneOf(['always', 'never'], {
    doc: "Whether names of tables and columns are quoted in SQL. 'never' lets Postgres fold them to lower case.",
    default: 'always',
    group: 'Mode',
  }),
  'transaction.isolation.mode': setting.oneOf(
    ['DEFAULT', 'READ_UNCOMMITTED', 'READ_COMMITTED', 'REPEATABLE_READ', 'SERIALIZABLE', 'SQL_SERVER_SNAPSHOT'],
    {
      doc: 'The isolation level of the transaction of a poll',
      default: 'DEFAULT',
      importance: 'LOW',
      group: 'Mode',
      check: (level) =>
        level === 'SQL_SERVER_SNAPSHOT'
          ? 'Isolation mode of `SQL_SERVER_SNAPSHOT` can only be configured with a Sql Server Dialect'
          : undefined,
    },
  ),
  'query.retry.attempts': setting.int({
    doc: 'How often a query is retried while the database is unavailable, before the task fails; 0 and below are without limit',
    default: -1,
    importance: 'LOW',
    group: 'Mode',
  }),
}

const connector = {
  'table.types': setting.list({
    doc: 'What is listed as tables: TABLE, PARTITIONED TABLE, VIEW, MATERIALIZED VIEW, FOREIGN TABLE',
    default: ['TABLE'],
    importance: 'LOW',
    group: 'Connector',
  }),
  'poll.interval.ms': setting.int({
    doc: 'The time between the polls of a table or query',
    default: 5000,
    importance: 'HIGH',
    group: 'Connector',
    check: atLeast(0),
  }),
  'batch.max.rows': setting.int({
    doc: 'The maximum rows of a batch, and of what is fetched at once',
    default: 1000,
    importance: 'LOW',
    group: 'Connector',
    check: atLeast(1),
  }),
  'table.poll.interval.ms': setting.long({
    doc: 'The time after which the tables are listed again. Where they have changed, they are divided among the tasks anew.',
    default: 60_000,
    importance: 'LOW',
    group: 'Connector',
    check: atLeast(1),
  }),
  'topic.prefix': setting.string({
    doc: 'Stands before the name of the table in that of the topic. With a query it is the whole name of the topic.',
    default: '',
    importance: 'HIGH',
    group: 'Connector',
    check(prefix) {
      if (prefix.length > MAX_TOPIC_LENGTH) return 'Topic prefix length must not exceed max topic name length, 249 chars'
      if (/[^a-zA-Z0-9._-]/.test(prefix))
        return "Topic prefix must not contain any character other than ASCII alphanumerics, '.', '_' and '-'."
    },
  }),
  'timestamp.delay.interval.ms': setting.long({
    doc: 'How old a timestamp must be before its row is read, so that transactions with earlier timestamps can commit meanwhile',
    default: 0,
    importance: 'HIGH',
    group: 'Connector',
    check: atLeast(0),
  }),
  'timestamp.wait.for.transactions': setting.boolean({
    doc:
      'Whether rows wait until every transaction that has begun before their timestamp has ended, so that no late commit is missed. The user ' +
      'needs the role pg_read_all_stats.',
    default: false,
    group: 'Connector',
  }),
  'db.timezone': setting.string({
    doc: 'The time zone of columns without one: UTC, Europe/Vienna, +05:30',
    default: 'UTC',
    group: 'Connector',
    check: (name) => thrownBy(() => zoneNamed(name)),
  }),
  'timestamp.granularity': setting.oneOf(
    [
      'connect_logical',
      'micros_long',
      'micros_string',
      'micros_iso_datetime_string',
      'nanos_long',
      'nanos_string',
      'nanos_iso_datetime_string',
    ],
    {
      doc: "Timestamps as Connect's Timestamp, in ms (connect_logical), or as micro- or nanoseconds since the epoch, or ISO 8601 in db.timezone",
      default: 'connect_logical',
      importance: 'LOW',
      group: 'Connector',
    },
  ),
  tables: setting.string({
    doc: 'The tables of one task, as the connector divides them. Not to be set.',
    default: '',
    importance: 'LOW',
    group: 'Connector',
    visible: false,
  }),
}

export const settings = { ...database, ...mode, ...connector }

export type QuerySourceConfig = ConfigOf<typeof settings>

/** The query of the config, without a semicolon at its end; null where it reads tables. */
export const queryOf = (config: QuerySourceConfig): string | null =>
  (config['query.masked'] || config.query || '').trim().replace(/(?:\s*;)+$/, '') || null

export const usesTimestamp = (config: QuerySourceConfig): boolean => config.mode === 'timestamp' || config.mode === 'timestamp+incrementing'
export const usesIncrementing = (config: QuerySourceConfig): boolean =>
  config.mode === 'incrementing' || config.mode === 'timestamp+incrementing'
