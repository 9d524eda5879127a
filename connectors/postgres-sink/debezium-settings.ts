/**
 * The settings of Debezium's JDBC sink, with its names and defaults. Names of Confluent's are accepted as well. Where a setting concerns
 * what this sink does otherwise or not at all, its documentation says so, and a value that would need it is refused.
 */
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { javaPattern, patternProblem } from '../../connect/sdk/java-pattern.ts'
import type { SinkOptions } from './options.ts'
import { fieldFilter, keyProblems, offsetTableOf, sharedSettings, TOPIC, zoneProblem } from './shared-settings.ts'

const POOL = 'Accepted: each task has one connection, which writes one batch after another'

/** A class of Java, of which only those that come with Debezium are known. */
const naming = (doc: string, known: readonly string[], aliases: readonly string[] = []) =>
  setting.class({
    doc,
    default: known[0]!,
    importance: 'LOW',
    group: 'Data Mapping',
    aliases,
    recommended: known,
    check: (name) => (known.includes(name) ? undefined : 'this sink runs no Java classes: rename by a transform, as RegexRouter'),
  })

const PASSTHROUGH = 'io.debezium.sink.naming.PassthroughCollectionNamingStrategy'

export const debeziumSettings = {
  ...sharedSettings,
  'connection.provider': setting.string({
    doc: 'Accepted: there is no pool of connections to provide',
    default: 'org.hibernate.c3p0.internal.C3P0ConnectionProvider',
    importance: 'LOW',
    group: 'Connection',
  }),
  'connection.username': setting.string({
    doc: 'The user, where the URL has none',
    default: null,
    importance: 'HIGH',
    group: 'Connection',
    aliases: ['connection.user'],
  }),
  'connection.password': setting.password({ doc: "The user's password", default: null, importance: 'HIGH', group: 'Connection' }),
  'connection.pool.min_size': setting.int({ doc: POOL, default: 5, importance: 'LOW', group: 'Connection' }),
  'connection.pool.max_size': setting.int({ doc: POOL, default: 32, importance: 'LOW', group: 'Connection' }),
  'connection.pool.acquire_increment': setting.int({ doc: POOL, default: 32, importance: 'LOW', group: 'Connection' }),
  'connection.pool.timeout': setting.long({ doc: POOL, default: 1800, importance: 'LOW', group: 'Connection' }),
  'connection.restart.on.errors': setting.boolean({
    doc: 'Accepted: a connection that is lost is always opened again',
    default: false,
    group: 'Connection',
  }),
  'insert.mode': setting.oneOf(['insert', 'upsert', 'update'], {
    doc: "'insert' adds rows, 'upsert' adds or replaces rows by primary key, 'update' changes existing rows",
    default: 'insert',
    importance: 'LOW',
    group: 'Writes',
  }),
  'delete.enabled': setting.boolean({
    doc: 'Whether a record without a value, or a delete event, deletes its row. Without it such records are skipped.',
    default: false,
    importance: 'LOW',
    group: 'Writes',
  }),
  'truncate.enabled': setting.boolean({
    doc: 'Whether a truncate event empties the table',
    default: false,
    importance: 'LOW',
    group: 'Writes',
  }),
  'batch.size': setting.int({ doc: 'The maximum number of records in one transaction', default: 500, group: 'Writes', least: 1 }),
  'use.reduction.buffer': setting.boolean({
    doc: 'Accepted: with a primary key only the last record of each key in a batch is written, unless insert.mode is insert',
    default: false,
    group: 'Writes',
  }),
  'collection.name.format': setting.string({
    doc: `The table of a record: ${TOPIC} is replaced by its topic, \${source.NAME} by a field of a change event's source`,
    default: TOPIC,
    group: 'Data Mapping',
    aliases: ['table.name.format'],
    check: (format) => (format === '' ? 'String must be non-empty' : undefined),
  }),
  'collection.naming.strategy': naming(
    'How a topic becomes a table: with underscores for its dots, or (PassthroughCollectionNamingStrategy) as it is',
    [
      'io.debezium.sink.naming.DefaultCollectionNamingStrategy',
      'io.debezium.connector.jdbc.naming.DefaultTableNamingStrategy',
      PASSTHROUGH,
    ],
    ['table.naming.strategy'],
  ),
  'column.naming.strategy': naming('Accepted: columns are named as their fields', [
    'io.debezium.connector.jdbc.naming.DefaultColumnNamingStrategy',
    'io.debezium.sink.naming.DefaultColumnNamingStrategy',
  ]),
  'primary.key.mode': setting.oneOf(['none', 'kafka', 'record_key', 'record_value', 'record_header'], {
    doc: "The primary key: none, the record's topic, partition and offset (kafka), or fields of its key, its value or its headers",
    default: 'none',
    importance: 'HIGH',
    group: 'Data Mapping',
    aliases: ['pk.mode'],
  }),
  'primary.key.fields': setting.list({
    doc: 'The fields of the primary key; all of the key, value or headers where it is empty. One name where the key is a single value.',
    default: [],
    importance: 'LOW',
    group: 'Data Mapping',
    aliases: ['pk.fields'],
  }),
  'cloud.events.schema.name.pattern': setting.string({
    doc: 'The regular expression that the name of the schema of a CloudEvent matches: its data are written',
    default: '.*CloudEvents\\.Envelope$',
    importance: 'LOW',
    group: 'Data Mapping',
    check: patternProblem,
  }),
  'quote.identifiers': setting.boolean({
    doc: 'Whether names are taken as they are; they are lower-cased otherwise, as Postgres reads names without quotes',
    default: false,
    importance: 'LOW',
    group: 'Data Mapping',
  }),
  'field.include.list': setting.list({
    doc: 'Fields to write, as name or topic:name; all where it is empty',
    default: [],
    group: 'Data Mapping',
  }),
  'field.exclude.list': setting.list({ doc: 'Fields not to write, as name or topic:name', default: [], group: 'Data Mapping' }),
  'use.time.zone': setting.string({
    doc: 'Accepted: a timestamp without a zone is written as the event has it, one with a zone keeps its instant',
    default: 'UTC',
    group: 'Data Mapping',
    aliases: ['database.time_zone'],
    check: zoneProblem,
  }),
  'dialect.postgres.postgis.schema': setting.string({
    doc: 'The schema of the extension PostGIS, whose types columns of geometries have',
    default: 'public',
    importance: 'LOW',
    group: 'Data Mapping',
  }),
  'dialect.sqlserver.identity.insert': setting.boolean({
    doc: 'Accepted: it concerns SQL Server only',
    default: false,
    importance: 'LOW',
    group: 'Writes',
    check: (on) => (on ? 'this sink writes to Postgres only, where identity columns need no setting: leave it out' : undefined),
  }),
  'replace.null.with.default': setting.boolean({
    doc: "Whether null is written as the default of the field's schema",
    default: false,
    importance: 'LOW',
    group: 'Writes',
  }),
  'schema.evolution': setting.oneOf(['none', 'basic'], {
    doc: "'basic' creates missing tables and adds columns for new fields",
    default: 'none',
    importance: 'LOW',
    group: 'Table changes',
  }),
  'flush.max.retries': setting.int({
    doc: 'How often a batch is retried after an error that may pass, before the task fails. A lost connection does not count.',
    default: 5,
    group: 'Retries',
    least: 0,
  }),
  'flush.retry.delay.ms': setting.long({ doc: 'The delay before a batch is retried', default: 1000, group: 'Retries', least: 0 }),
}

type DebeziumConfig = ConfigOf<typeof debeziumSettings>

export function checkDebezium(config: DebeziumConfig): SettingProblem[] {
  const { 'insert.mode': insertMode, 'primary.key.mode': keyMode, 'primary.key.fields': keyFields } = config
  const problems = keyProblems({ insertMode, keyMode, keyFields }, { keyMode: 'primary.key.mode', keyFields: 'primary.key.fields' })
  if (config['delete.enabled'] && !['record_key', 'record_value', 'record_header'].includes(keyMode))
    problems.push({
      setting: 'delete.enabled',
      why:
        "When 'delete.enabled' is set to 'true', the 'primary.key.mode' option must be set to 'record_key', 'record_value', or " +
        "'record_header'.",
    })
  if (config['field.include.list'].length > 0 && config['field.exclude.list'].length > 0)
    problems.push({
      setting: 'field.exclude.list',
      why: 'Cannot define both field.exclude.list and field.include.list. Please specify only one.',
    })
  return problems
}

export function debeziumOptions(config: DebeziumConfig): SinkOptions {
  const evolves = config['schema.evolution'] === 'basic'
  const delayMs = config['flush.retry.delay.ms']
  const cloudEvent = javaPattern(config['cloud.events.schema.name.pattern'])
  return {
    connection: { url: config['connection.url'], user: config['connection.username'], password: config['connection.password'] },
    retries: { retries: config['flush.max.retries'], backoffMs: delayMs, connectAttempts: null, connectBackoffMs: delayMs },
    insertMode: config['insert.mode'],
    batchSize: config['batch.size'],
    deletes: config['delete.enabled'],
    truncates: config['truncate.enabled'],
    withoutValue: 'skipped',
    isCloudEvent: (schemaName) => cloudEvent.matches(schemaName),
    tableFormat: config['collection.name.format'],
    topicDots: config['collection.naming.strategy'] === PASSTHROUGH ? 'separators' : 'underscores',
    foldsNames: !config['quote.identifiers'],
    keyMode: config['primary.key.mode'],
    keyFields: config['primary.key.fields'],
    isWritten: fieldFilter(config['field.include.list'], config['field.exclude.list']),
    valueColumn: 'record_value',
    creates: evolves,
    evolves,
    nullsAsDefaults: config['replace.null.with.default'],
    timestampFields: new Set(),
    timestampUnit: 'microseconds',
    zone: 'UTC',
    dateZone: 'UTC',
    julianDates: false,
    tableTypes: null,
    postgisSchema: config['dialect.postgres.postgis.schema'],
    hidesValues: false,
    offsetTable: offsetTableOf(config),
  }
}
