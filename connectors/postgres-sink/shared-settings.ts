/**
 * The settings that a Postgres sink has under each of its classes, and checks of values that several of them have. Nothing here knows a
 * class.
 */
import { type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { clientConfig } from '../postgres-driver/connection.ts'
import type { InsertMode, KeyMode, SinkOptions } from './options.ts'

// biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder in users' configs
export const TOPIC = '${topic}'

export const sharedSettings = {
  'connection.url': setting.string({
    doc: 'The database: jdbc:postgresql://host:port/database or postgresql://user:password@host:port/database',
    importance: 'HIGH',
    group: 'Connection',
    order: 1,
    width: 'LONG',
    displayName: 'JDBC URL',
    check: urlProblem,
  }),
  'exactly.once.enabled': setting.boolean({
    doc: "Whether offsets are stored in the database in the transaction of their rows, so that each record's row is written once",
    default: false,
    group: 'Writes',
  }),
  'exactly.once.offsets.table': setting.string({
    doc: 'The table of these offsets. It is created where it is missing. Several connectors may share it.',
    default: '__connect_offsets',
    importance: 'LOW',
    group: 'Writes',
    check: (name) => (name === '' ? 'String must be non-empty' : undefined),
  }),
}

export const offsetTableOf = (config: { 'exactly.once.enabled': boolean; 'exactly.once.offsets.table': string }): string | null =>
  config['exactly.once.enabled'] ? config['exactly.once.offsets.table'] : null

function urlProblem(url: string): string | undefined {
  try {
    clientConfig({ url, user: null, password: null })
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

export function zoneProblem(zone: string): string | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return undefined
  } catch {
    // Only an unknown zone throws here.
    return 'Invalid time zone identifier'
  }
}

/** The names of the settings that a check reports. */
interface Names {
  keyMode: string
  keyFields: string
}

/** Checks that concern several settings, whatever their names are. */
export function keyProblems(
  options: { insertMode: InsertMode; keyMode: KeyMode; keyFields: readonly string[] },
  names: Names,
): SettingProblem[] {
  const { insertMode, keyMode, keyFields } = options
  const problems: SettingProblem[] = []
  if (insertMode !== 'insert' && keyMode === 'none')
    problems.push({
      setting: names.keyMode,
      why: `insert.mode=${insertMode} needs a primary key: set record_key, record_value or kafka`,
    })
  if (keyMode === 'kafka' && ![0, 3].includes(keyFields.length))
    problems.push({
      setting: names.keyFields,
      why: `${names.keyMode}=kafka needs three names (of the topic, the partition, the offset), or none`,
    })
  return problems
}

/**
 * A filter of fields by entries as `field` and `topic:field`, compared literally as Debezium compares them. An empty list is no filter.
 */
export function fieldFilter(include: readonly string[], exclude: readonly string[]): SinkOptions['isWritten'] {
  const [listed, whenListed] = exclude.length > 0 ? [new Set(exclude), false] : [new Set(include), true]
  if (listed.size === 0) return () => true
  return (topic, field) => (listed.has(field) || listed.has(`${topic}:${field}`) ? whenListed : !whenListed)
}
