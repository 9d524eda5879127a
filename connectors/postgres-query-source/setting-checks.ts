/**
 * Checks that concern several settings, in the words of Confluent's connector: tables or a query, exact names or regular expressions,
 * and the columns that a mode needs.
 */
import type { SettingProblem } from '../../connect/sdk/index.ts'
import { type QuerySourceConfig, queryOf, usesIncrementing, usesTimestamp } from './settings.ts'
import { unknownTableTypes } from './tables.ts'

type Name = keyof QuerySourceConfig & string

const exactTables: readonly Name[] = ['table.whitelist', 'table.blacklist']
const matchedTables: readonly Name[] = ['table.include.list', 'table.exclude.list']
const exactNames: readonly Name[] = [...exactTables, 'timestamp.column.name', 'incrementing.column.name']
const matchedNames: readonly Name[] = [...matchedTables, 'timestamp.columns.mapping', 'incrementing.column.mapping']

export function check(config: QuerySourceConfig): SettingProblem[] {
  const isSet = (name: Name) => (config[name] as string | readonly string[]).length > 0
  const query = queryOf(config)
  const unknown = unknownTableTypes(config['table.types'])
  if (unknown.length > 0)
    return [{ setting: 'table.types', why: `Postgres has no tables of type ${unknown.join(', ')}: set those that the setting's doc names` }]
  return query === null ? tableProblems(config, isSet) : queryProblems(config, query, isSet)
}

function queryProblems(config: QuerySourceConfig, query: string, isSet: (name: Name) => boolean): SettingProblem[] {
  if (config.query !== '' && config['query.masked']) {
    const why = "Both 'query' and 'query.masked' configs cannot be set at the same time. Please use only one of them."
    return [
      { setting: 'query', why },
      { setting: 'query.masked', why },
    ]
  }
  const setting = config.query === '' ? 'query.masked' : 'query'
  const tables = [...exactTables, ...matchedTables].filter(isSet)
  if (tables.length > 0) {
    const why =
      "Do not specify table filtering configs with 'query'. Remove table.whitelist / table.blacklist / table.include.list / " +
      "table.exclude.list when using query mode or 'query' when using table filtering mode."
    return [setting, ...tables].map((name) => ({ setting: name, why }))
  }
  if (!/^SELECT\b/i.test(query))
    return [
      {
        setting,
        why: `Only SELECT statements are supported for '${setting}'. Please provide a statement that starts with SELECT.`,
      },
    ]
  const problems: SettingProblem[] = []
  if (usesIncrementing(config) && !isSet('incrementing.column.name'))
    problems.push({
      setting: 'incrementing.column.name',
      why: "'incrementing.column.name' must be provided when using mode 'incrementing' or 'timestamp+incrementing' with a custom query.",
    })
  if (usesTimestamp(config) && !isSet('timestamp.column.name'))
    problems.push({
      setting: 'timestamp.column.name',
      why: "'timestamp.column.name' must be provided when using mode 'timestamp' or 'timestamp+incrementing' with a custom query.",
    })
  if (config['topic.prefix'] === '')
    problems.push({ setting: 'topic.prefix', why: 'With a query it is the name of the topic, and must not be empty' })
  return problems
}

function tableProblems(config: QuerySourceConfig, isSet: (name: Name) => boolean): SettingProblem[] {
  const exact = exactNames.filter(isSet)
  const matched = matchedNames.filter(isSet)
  if (exact.length > 0 && matched.length > 0) {
    const why =
      'Cannot mix legacy and new configuration approaches. Legacy configurations (table.whitelist, table.blacklist, timestamp.column.name, ' +
      'incrementing.column.name) cannot be used together with new configurations (table.include.list, table.exclude.list, ' +
      'timestamp.columns.mapping, incrementing.column.mapping). Please choose one approach: either use all legacy configurations or all ' +
      'new configurations.'
    return [...exact, ...matched].map((setting) => ({ setting, why }))
  }
  if (exact.length === 0 && matched.length === 0) {
    const why =
      'At least one table filtering configuration is required. Provide one of: table.whitelist, table.blacklist, table.include.list, or ' +
      'table.exclude.list.'
    return [...exactTables, ...matchedTables].map((setting) => ({ setting, why }))
  }
  if (isSet('table.whitelist') && isSet('table.blacklist'))
    return [{ setting: 'table.blacklist', why: 'table.whitelist and table.blacklist are exclusive: set one of them' }]
  return matched.length > 0 ? mappingProblems(config, isSet) : timestampProblems(config, isSet)
}

function timestampProblems(config: QuerySourceConfig, isSet: (name: Name) => boolean): SettingProblem[] {
  if (!usesTimestamp(config) || isSet('timestamp.column.name')) return []
  return [{ setting: 'timestamp.column.name', why: `mode=${config.mode} needs the name of at least one timestamp column` }]
}

function mappingProblems(config: QuerySourceConfig, isSet: (name: Name) => boolean): SettingProblem[] {
  if (!isSet('table.include.list'))
    return [
      {
        setting: 'table.exclude.list',
        why: 'table.exclude.list cannot be used without table.include.list. Exclude list only applies to tables that match the include list.',
      },
    ]
  const problems: SettingProblem[] = []
  const compare = (needed: boolean, setting: Name, what: string, modes: string) => {
    if (needed === isSet(setting)) return
    problems.push({
      setting: 'mode',
      why: needed
        ? `${what} column configuration must be provided when using mode ${modes}. Provide '${setting}'.`
        : `${what} column configurations should not be provided if mode is not ${modes}. Remove '${setting}'.`,
    })
  }
  compare(usesTimestamp(config), 'timestamp.columns.mapping', 'Timestamp', "'timestamp' or 'timestamp+incrementing'")
  compare(usesIncrementing(config), 'incrementing.column.mapping', 'Incrementing', "'incrementing' or 'timestamp+incrementing'")
  return problems
}
