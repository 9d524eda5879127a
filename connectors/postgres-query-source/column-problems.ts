/**
 * What is wrong with the columns that a table is to be read by: missing, nullable, or not to be found without a name. In the words of
 * Confluent's connector where it has some.
 */
import type { SettingProblem } from '../../connect/sdk/index.ts'
import { columnNamed, type TableDescription } from './catalog.ts'
import type { PollColumns } from './column-mapping.ts'

const NUMBERS = new Set(['smallint', 'integer', 'bigint', 'numeric', 'oid'])
const TIMES = new Set(['date', 'timestamp without time zone', 'timestamp with time zone'])

export function columnProblems(
  table: string,
  { timestamps, incrementing }: PollColumns,
  { columns, readable }: TableDescription,
  mustNotBeNull: boolean,
): SettingProblem[] {
  const problems: SettingProblem[] = []
  const add = (setting: string, why: string) => problems.push({ setting, why })
  if (!readable) add('connection.user', `The user may not read the table ${table}: GRANT SELECT on it`)
  if (incrementing === '' && !columns.some((column) => column.isAutoIncrement))
    add(
      'incrementing.column.name',
      `The table ${table} has no identity or serial column: set incrementing.column.name or incrementing.column.mapping`,
    )
  if (incrementing) {
    const column = columnNamed(columns, incrementing)
    if (column && !NUMBERS.has(column.type))
      add(
        'incrementing.column.name',
        `The incrementing column ${incrementing} of ${table} is of type ${column.type}: name one of whole numbers`,
      )
    if (!column) add('incrementing.column.name', `Incrementing column: ${incrementing} does not exist in table '${table}'`)
    else if (mustNotBeNull && !column.notNull)
      add(
        'incrementing.column.name',
        `Cannot make incremental queries using incrementing column ${incrementing} on ${table} because this column is nullable.`,
      )
  }
  for (const name of timestamps) {
    const column = columnNamed(columns, name)
    if (column && !TIMES.has(column.type))
      add('timestamp.column.name', `The timestamp column ${name} of ${table} is of type ${column.type}: name one of timestamps or dates`)
  }
  const missing = timestamps.filter((name) => !columnNamed(columns, name))
  if (missing.length > 0) add('timestamp.column.name', `Timestamp columns: ${missing.join(', ')} do not exist in table '${table}'`)
  else if (mustNotBeNull && timestamps.length > 0 && !timestamps.some((name) => columnNamed(columns, name)!.notNull))
    add(
      'timestamp.column.name',
      `Cannot make incremental queries using timestamp columns ${timestamps.join(',')} on ${table} because all of these columns are nullable.`,
    )
  return problems
}
