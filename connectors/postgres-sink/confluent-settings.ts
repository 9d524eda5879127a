/**
 * The settings of Confluent's JDBC sink, with its names, defaults and messages. Names of Debezium's are accepted as well. What concerns
 * other databases, or needs Java, is accepted only where it changes nothing.
 */
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import type { SinkOptions } from './options.ts'
import { fieldFilter, keyProblems, offsetTableOf, sharedSettings, TOPIC, zoneProblem } from './shared-settings.ts'

const INVALID = 'Invalid enumerator'
const NO_SUCH_CLASS = 'this sink runs no Java classes: leave it out, and take secrets from a configuration provider'

export const confluentSettings = {
  ...sharedSettings,
  'connection.user': setting.string({
    doc: 'The user, where the URL has none',
    default: null,
    importance: 'HIGH',
    group: 'Connection',
    order: 2,
    aliases: ['connection.username'],
  }),
  'connection.password': setting.password({ doc: "The user's password", default: null, importance: 'HIGH', group: 'Connection', order: 3 }),
  'jdbc.credentials.provider.class': setting.class({
    doc: 'Accepted: only the default provider is known, which takes connection.user and connection.password',
    default: 'io.confluent.connect.jdbc.util.DefaultJdbcCredentialsProvider',
    importance: 'LOW',
    group: 'Connection',
    order: 4,
    check: (name) => (name.endsWith('DefaultJdbcCredentialsProvider') ? undefined : NO_SUCH_CLASS),
  }),
  'dialect.name': setting.string({
    doc: 'Accepted: the only dialect is PostgreSqlDatabaseDialect',
    default: '',
    importance: 'LOW',
    group: 'Connection',
    order: 5,
    check: (name) =>
      ['', 'PostgreSqlDatabaseDialect'].includes(name) ? undefined : 'this sink writes to Postgres only: set PostgreSqlDatabaseDialect',
  }),
  'connection.attempts': setting.int({
    doc: 'How often the sink tries to connect, before that counts as one of max.retries',
    default: 3,
    importance: 'LOW',
    group: 'Connection',
    order: 6,
    least: 1,
  }),
  'connection.backoff.ms': setting.long({
    doc: 'The delay between these tries',
    default: 10_000,
    importance: 'LOW',
    group: 'Connection',
    order: 7,
    least: 0,
  }),
  'insert.mode': setting.oneOf(['insert', 'upsert', 'update'], {
    doc: "'insert' adds rows, 'upsert' adds or replaces rows by primary key, 'update' changes existing rows",
    default: 'insert',
    importance: 'HIGH',
    group: 'Writes',
    order: 1,
    expected: INVALID,
  }),
  'batch.size': setting.int({
    doc: 'The maximum number of records in one transaction',
    default: 3000,
    group: 'Writes',
    order: 2,
    least: 0,
  }),
  'delete.enabled': setting.boolean({
    doc: 'Whether a record without a value, or a delete event, deletes its row. Needs pk.mode=record_key.',
    default: false,
    group: 'Writes',
    order: 3,
  }),
  'table.types': setting.list({
    doc: 'The kinds of tables that may be written: TABLE, PARTITIONED TABLE, VIEW',
    default: ['TABLE'],
    importance: 'LOW',
    group: 'Writes',
    order: 4,
    check: (types) => (types.some((type) => !TABLE_TYPES.includes(typeName(type))) ? INVALID : undefined),
  }),
  'replace.null.with.default': setting.boolean({
    doc: "Whether null is written as the default of the field's schema",
    default: true,
    importance: 'LOW',
    group: 'Writes',
    order: 5,
  }),
  'table.name.format': setting.string({
    doc: `The table of a topic: ${TOPIC} is replaced by its name. A dot separates a schema from the table.`,
    default: TOPIC,
    group: 'Data Mapping',
    order: 1,
    aliases: ['collection.name.format'],
    check: (format) => (format === '' ? 'String must be non-empty' : undefined),
  }),
  'pk.mode': setting.oneOf(['none', 'kafka', 'record_key', 'record_value', 'record_header'], {
    doc: "The primary key: none, the record's topic, partition and offset (kafka), or fields of its key, its value or its headers",
    default: 'none',
    importance: 'HIGH',
    group: 'Data Mapping',
    order: 2,
    aliases: ['primary.key.mode'],
    expected: INVALID,
  }),
  'pk.fields': setting.list({
    doc: 'The fields of the primary key; all of the key, value or headers where it is empty. One name where the key is a single value.',
    default: [],
    group: 'Data Mapping',
    order: 3,
    aliases: ['primary.key.fields'],
  }),
  'fields.whitelist': setting.list({
    doc: "The value's fields to write; all where it is empty",
    default: [],
    group: 'Data Mapping',
    order: 4,
  }),
  'db.timezone': setting.string({
    doc: 'The time zone of columns of timestamps and times of day without a zone',
    default: 'UTC',
    group: 'Data Mapping',
    order: 5,
    check: zoneProblem,
  }),
  'date.timezone': setting.oneOf(['DB_TIMEZONE', 'UTC'], {
    doc: "The time zone in which a Date's midnight of UTC is read as a day: that of db.timezone, or UTC",
    default: 'DB_TIMEZONE',
    importance: 'LOW',
    group: 'Data Mapping',
    order: 6,
    expected: INVALID,
  }),
  'timestamp.fields.list': setting.list({
    doc: 'Fields of int64 or text that are written as timestamps',
    default: [],
    group: 'Data Mapping',
    order: 7,
  }),
  'timestamp.precision.mode': setting.oneOf(['microseconds', 'nanoseconds'], {
    doc: 'The unit of int64 fields in timestamp.fields.list',
    default: 'microseconds',
    importance: 'LOW',
    group: 'Data Mapping',
    order: 8,
    expected: INVALID,
  }),
  'date.calendar.system': setting.oneOf(['LEGACY', 'PROLEPTIC_GREGORIAN'], {
    doc: 'LEGACY writes days before 15 October 1582 as days of the Julian calendar, as java.util.Date prints them',
    default: 'PROLEPTIC_GREGORIAN',
    importance: 'LOW',
    group: 'Data Mapping',
    order: 9,
  }),
  'string.output.value.column.name': setting.string({
    doc: 'The column of a value without fields: a string, a number, an array',
    default: 'record_value',
    importance: 'LOW',
    group: 'Data Mapping',
    order: 10,
    check: (name) => (name === '' ? 'String must be non-empty' : undefined),
  }),
  'auto.create': setting.boolean({
    doc: "Whether a missing table is created from the records' fields",
    default: false,
    group: 'DDL Support',
    order: 1,
  }),
  'auto.evolve': setting.boolean({
    doc: 'Whether columns are added for new fields, and widened for values without a schema',
    default: false,
    group: 'DDL Support',
    order: 2,
  }),
  'quote.sql.identifiers': setting.oneOf(['always', 'never'], {
    doc: "'always' takes names as they are, 'never' in lower case, as Postgres reads names without quotes",
    default: 'always',
    group: 'DDL Support',
    order: 3,
  }),
  'mssql.use.merge.holdlock': setting.boolean({
    doc: 'Accepted: it concerns SQL Server only',
    default: true,
    importance: 'LOW',
    group: 'DML Support',
    order: 1,
  }),
  'max.retries': setting.int({
    doc: 'How often a batch is retried after an error that may pass, before the task fails',
    default: 10,
    group: 'Retries',
    order: 1,
    least: 0,
  }),
  'retry.backoff.ms': setting.int({ doc: 'The delay before a batch is retried', default: 3000, group: 'Retries', order: 2, least: 0 }),
  'trim.sensitive.log': setting.boolean({
    doc: 'Whether errors leave out what Postgres says of a row, because it contains values',
    default: false,
    importance: 'LOW',
    group: 'Retries',
    visible: false,
  }),
}

export type ConfluentConfig = ConfigOf<typeof confluentSettings>

const TABLE_TYPES = ['TABLE', 'PARTITIONED TABLE', 'VIEW']
const typeName = (type: string) => type.toUpperCase().replace('_', ' ')

export function checkConfluent(
  config: Pick<ConfluentConfig, 'delete.enabled' | 'pk.mode' | 'pk.fields' | 'insert.mode'>,
): SettingProblem[] {
  const { 'insert.mode': insertMode, 'pk.mode': keyMode, 'pk.fields': keyFields } = config
  const problems = keyProblems({ insertMode, keyMode, keyFields }, { keyMode: 'pk.mode', keyFields: 'pk.fields' })
  if (config['delete.enabled'] && keyMode !== 'record_key')
    for (const name of ['pk.mode', 'delete.enabled'])
      problems.push({ setting: name, why: 'Deletes are only supported for pk.mode record_key' })
  return problems
}

export function confluentOptions(config: ConfluentConfig): SinkOptions {
  const zone = config['db.timezone']
  return {
    connection: { url: config['connection.url'], user: config['connection.user'], password: config['connection.password'] },
    retries: {
      retries: config['max.retries'],
      backoffMs: config['retry.backoff.ms'],
      connectAttempts: config['connection.attempts'],
      connectBackoffMs: config['connection.backoff.ms'],
    },
    insertMode: config['insert.mode'],
    // Confluent's sink writes each record alone with 0.
    batchSize: Math.max(1, config['batch.size']),
    deletes: config['delete.enabled'],
    truncates: false,
    withoutValue: 'bad',
    isCloudEvent: null,
    tableFormat: config['table.name.format'],
    topicDots: 'separators',
    foldsNames: config['quote.sql.identifiers'] === 'never',
    keyMode: config['pk.mode'],
    keyFields: config['pk.fields'],
    isWritten: fieldFilter(config['fields.whitelist'], []),
    valueColumn: config['string.output.value.column.name'],
    creates: config['auto.create'],
    evolves: config['auto.evolve'],
    nullsAsDefaults: config['replace.null.with.default'],
    timestampFields: new Set(config['timestamp.fields.list']),
    timestampUnit: config['timestamp.precision.mode'],
    zone,
    dateZone: config['date.timezone'] === 'UTC' ? 'UTC' : zone,
    julianDates: config['date.calendar.system'] === 'LEGACY',
    tableTypes: new Set(config['table.types'].map(typeName)),
    postgisSchema: 'public',
    hidesValues: config['trim.sensitive.log'],
    offsetTable: offsetTableOf(config),
  }
}
