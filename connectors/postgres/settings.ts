/**
 * The settings of the Postgres sink: the names of Confluent's JDBC sink, with those of Debezium's as aliases. Combinations that cannot work
 * are problems before a task starts.
 */
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { clientConfig } from './connection.ts'

// biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder in users' configs
export const TOPIC = '${topic}'

export const settings = {
  'connection.url': setting.string({
    doc: 'The database: jdbc:postgresql://host:port/database or postgresql://user:password@host:port/database',
    importance: 'HIGH',
    group: 'Connection',
    check(url) {
      try {
        clientConfig({ url, user: null, password: null })
      } catch (error) {
        return (error as Error).message
      }
    },
  }),
  'connection.user': setting.string({
    doc: 'The user, where the URL has none',
    default: null,
    importance: 'HIGH',
    group: 'Connection',
    aliases: ['connection.username'],
  }),
  'connection.password': setting.password({ doc: "The user's password", default: null, importance: 'HIGH', group: 'Connection' }),
  'insert.mode': setting.oneOf(['insert', 'upsert', 'update'], {
    doc: "'insert' adds rows, 'upsert' adds or replaces rows by primary key, 'update' changes existing rows",
    default: 'insert',
    importance: 'HIGH',
    group: 'Writes',
  }),
  'batch.size': setting.int({
    doc: 'The maximum number of records in one statement',
    default: 3000,
    group: 'Writes',
    check: (size) => (size < 1 ? 'Value must be at least 1' : undefined),
  }),
  'delete.enabled': setting.boolean({
    doc: 'Whether a record without a value deletes its row. Needs pk.mode=record_key.',
    default: false,
    group: 'Writes',
  }),
  'table.name.format': setting.string({
    doc: `The table of a topic: ${TOPIC} is replaced by its name, with underscores for dots. A dot outside it separates a schema.`,
    default: TOPIC,
    group: 'Data mapping',
    aliases: ['collection.name.format'],
    check: (format) => (format.trim() === '' ? 'String must be non-empty' : undefined),
  }),
  'pk.mode': setting.oneOf(['none', 'kafka', 'record_key', 'record_value'], {
    doc: "The primary key: none, the record's topic, partition and offset (kafka), fields of its key or of its value",
    default: 'none',
    importance: 'HIGH',
    group: 'Data mapping',
    aliases: ['primary.key.mode'],
  }),
  'pk.fields': setting.list({
    doc: 'The fields of the primary key; all of the key or value where it is empty. One name where the key is not a struct.',
    default: [],
    group: 'Data mapping',
    aliases: ['primary.key.fields'],
  }),
  'fields.whitelist': setting.list({
    doc: "The value's fields to write; all where it is empty",
    default: [],
    group: 'Data mapping',
  }),
  'string.output.value.column.name': setting.string({
    doc: 'The column of a value without fields: a string, a number, an array',
    default: 'record_value',
    importance: 'LOW',
    group: 'Data mapping',
  }),
  'auto.create': setting.boolean({
    doc: "Whether a missing table is created from the records' fields",
    default: false,
    group: 'Table changes',
  }),
  'auto.evolve': setting.boolean({
    doc: 'Whether columns are added for new fields, and widened for values without a schema',
    default: false,
    group: 'Table changes',
  }),
  'schema.evolution': setting.oneOf(['none', 'basic'], {
    doc: "'basic' is auto.create and auto.evolve together",
    default: 'none',
    group: 'Table changes',
  }),
  'max.retries': setting.int({
    doc: 'How often a batch is retried while the database is unavailable; -1 is without limit',
    default: -1,
    group: 'Retries',
    check: (times) => (times < -1 ? 'Value must be at least -1' : undefined),
  }),
  'retry.backoff.ms': setting.int({
    doc: 'The delay before a batch is retried',
    default: 3000,
    group: 'Retries',
    check: (ms) => (ms < 0 ? 'Value must be at least 0' : undefined),
  }),
}

export type PostgresSinkConfig = ConfigOf<typeof settings>

/** Checks that concern several settings. */
export function check(config: PostgresSinkConfig): SettingProblem[] {
  const problems: SettingProblem[] = []
  const mode = config['insert.mode']
  if (mode !== 'insert' && config['pk.mode'] === 'none')
    problems.push({ setting: 'pk.mode', why: `insert.mode=${mode} needs a primary key: set record_key, record_value or kafka` })
  if (config['delete.enabled'] && config['pk.mode'] !== 'record_key')
    problems.push({
      setting: 'pk.mode',
      why: 'delete.enabled=true needs record_key: only the key of a record without a value identifies its row',
    })
  if (config['pk.mode'] === 'kafka' && ![0, 3].includes(config['pk.fields'].length))
    problems.push({ setting: 'pk.fields', why: 'pk.mode=kafka needs three names (of the topic, the partition, the offset), or none' })
  return problems
}
