/**
 * The settings of this project's own class: those of Confluent's sink, with defaults that lose nothing and fail for nothing that passes,
 * and what Debezium's sink has besides. Names of both are accepted.
 */
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { checkConfluent, confluentOptions, confluentSettings } from './confluent-settings.ts'
import type { SinkOptions } from './options.ts'
import { fieldFilter, TOPIC } from './shared-settings.ts'

export const ownSettings = {
  ...confluentSettings,
  'max.retries': setting.int({
    doc: 'How often a batch is retried after an error that may pass, before the task fails; -1 is without limit',
    default: -1,
    group: 'Retries',
    least: -1,
  }),
  'batch.size': setting.int({ doc: 'The maximum number of records in one transaction', default: 3000, group: 'Writes', least: 1 }),
  'replace.null.with.default': setting.boolean({
    doc: "Whether null is written as the default of the field's schema",
    default: false,
    importance: 'LOW',
    group: 'Writes',
  }),
  'table.types': setting.list({
    doc: 'The kinds of tables that may be written: TABLE, PARTITIONED TABLE, VIEW',
    default: ['TABLE', 'PARTITIONED TABLE', 'VIEW'],
    importance: 'LOW',
    group: 'Writes',
  }),
  'table.name.format': setting.string({
    doc: `The table of a topic: ${TOPIC} is replaced by its name, with underscores for dots. A dot outside it separates a schema.`,
    default: TOPIC,
    group: 'Data Mapping',
    aliases: ['collection.name.format'],
    check: (format) => (format === '' ? 'String must be non-empty' : undefined),
  }),
  'truncate.enabled': setting.boolean({
    doc: 'Whether a truncate event of Debezium empties the table',
    default: false,
    group: 'Writes',
  }),
  'field.include.list': setting.list({
    doc: 'Fields to write, as name or topic:name; all where it is empty',
    default: [],
    group: 'Data Mapping',
  }),
  'field.exclude.list': setting.list({ doc: 'Fields not to write, as name or topic:name', default: [], group: 'Data Mapping' }),
  'dialect.postgres.postgis.schema': setting.string({
    doc: 'The schema of the extension PostGIS, whose types columns of geometries have',
    default: 'public',
    importance: 'LOW',
    group: 'Data Mapping',
  }),
  'schema.evolution': setting.oneOf(['none', 'basic'], {
    doc: "'basic' is auto.create and auto.evolve together",
    default: 'none',
    group: 'DDL Support',
  }),
}

type OwnConfig = ConfigOf<typeof ownSettings>

export function checkOwn(config: OwnConfig): SettingProblem[] {
  const lists = ['fields.whitelist', 'field.include.list', 'field.exclude.list'] as const
  const [, second] = lists.filter((name) => config[name].length > 0)
  return [...checkConfluent(config), ...(second ? [{ setting: second, why: `set one of ${lists.join(', ')}` }] : [])]
}

export function ownOptions(config: OwnConfig): SinkOptions {
  const options = confluentOptions(config)
  const retries = config['max.retries']
  const basic = config['schema.evolution'] === 'basic'
  return {
    ...options,
    retries: { ...options.retries, retries: retries < 0 ? null : retries, connectAttempts: 1 },
    truncates: config['truncate.enabled'],
    withoutValue: 'skipped',
    topicDots: 'underscores',
    isWritten: fieldFilter([...config['fields.whitelist'], ...config['field.include.list']], config['field.exclude.list']),
    creates: basic || options.creates,
    evolves: basic || options.evolves,
    postgisSchema: config['dialect.postgres.postgis.schema'],
  }
}
