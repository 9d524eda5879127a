/**
 * Goal: the settings choose the tables that Confluent's connector chooses, and tasks get them in groups that follow each other. Method:
 * lists of names, without a database.
 */
import { expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { columnsFor } from '../../../connectors/postgres-query-source/column-mapping.ts'
import { pollStatement } from '../../../connectors/postgres-query-source/poll-statement.ts'
import { parseOffset } from '../../../connectors/postgres-query-source/position.ts'
import { settings } from '../../../connectors/postgres-query-source/settings.ts'
import { chooseTables, divideTables, formatTables, nameOf, parseTables } from '../../../connectors/postgres-query-source/tables.ts'

const tables = ['a', 'b', 'B', 'c.d', 'e,f', 'g"h'].map((table) => ({ schema: 'public', table }))
const configOf = (config: Record<string, string>) =>
  parseSettings(settings, { 'connection.url': 'jdbc:postgresql://h/d', mode: 'bulk', ...config })
const chosen = (config: Record<string, string>) => chooseTables(tables, configOf(config)).map(nameOf)

test('exact names: the table, with its schema, quoted, with a database before it', () => {
  expect(chosen({ 'table.whitelist': 'a, public.b, "public"."B", shop.public.c.d' })).toEqual([
    'public.a',
    'public.b',
    'public.B',
    'public.c.d',
  ])
  expect(chosen({ 'table.blacklist': 'a,b,B,c.d' })).toEqual(['public.e,f', 'public.g"h'])
})

test('regular expressions match the whole name', () => {
  expect(chosen({ 'table.include.list': 'public[.][ab], .*d', 'table.exclude.list': 'public[.]b' })).toEqual(['public.a', 'public.c.d'])
  expect(chosen({ 'table.include.list': 'a' })).toEqual([])
})

test('groups follow each other, and their names survive as text', () => {
  const groups = divideTables(tables, 4)
  expect(groups.map((group) => group.length)).toEqual([2, 2, 1, 1])
  expect(groups.flatMap((group) => parseTables(formatTables(group)))).toEqual(tables)
})

test('each table has the columns of the one mapping that matches it', () => {
  const config = configOf({
    mode: 'timestamp+incrementing',
    'timestamp.columns.mapping': 'public[.]a:[changed | made],.*[.]b:[at]',
    'incrementing.column.mapping': '.*:id',
  })
  expect(columnsFor(config, tables[0]!)).toEqual({ timestamps: ['changed', 'made'], incrementing: 'id' })
  expect(() => columnsFor(config, tables[2]!)).toThrow("Included table 'public.B' does not match any of the provided regexes")
  const both = configOf({ mode: 'incrementing', 'incrementing.column.mapping': '.*:id,public.*:n' })
  expect(() => columnsFor(both, tables[0]!)).toThrow('matches more than one of the provided regexes')
  for (const [mapping, problem] of [
    ['a', "Expected 'regex:[col1|col2|...]'"],
    ['a:b', 'Columns list must be enclosed in square brackets'],
    ['a:[]', 'Columns list cannot be empty'],
    ['a:[b|]', 'Every column name should be non-empty string'],
    ['(:[b]', 'Invalid regular expression'],
  ] as const)
    expect(() => configOf({ 'timestamp.columns.mapping': mapping })).toThrow(problem)
})

test('statements of each mode, with and without a position', () => {
  const of = (timestamps: string[], incrementing: string | null, offset: Record<string, number>) =>
    pollStatement({ select: 'S', timestamps, incrementing, position: parseOffset(offset), delayMs: 5, before: null, suffix: '' })
  const now = "now() - INTERVAL '5 milliseconds'"
  const then = "TIMESTAMPTZ '1970-01-01T00:00:00.007000Z'"
  expect(of([], null, {})).toBe('S')
  expect(of([], '"n"', {})).toBe('S\nWHERE "n" IS NOT NULL ORDER BY "n" ASC')
  expect(of([], '"n"', { incrementing: 4 })).toBe('S\nWHERE "n" > 4 ORDER BY "n" ASC')
  expect(of(['a', 'b'], null, {})).toBe(`S\nWHERE COALESCE(a, b) < ${now} ORDER BY COALESCE(a, b) ASC`)
  expect(of(['a'], null, { timestamp: 7 })).toBe(`S\nWHERE a < ${now} AND a > ${then} ORDER BY a ASC`)
  expect(of(['a'], 'n', { timestamp: 7 })).toBe(`S\nWHERE a < ${now} AND n IS NOT NULL AND a >= ${then} ORDER BY a, n ASC`)
  expect(of(['a'], 'n', { timestamp: 7, incrementing: 4 })).toBe(
    `S\nWHERE a < ${now} AND n IS NOT NULL AND (a, n) > (${then}, 4) ORDER BY a, n ASC`,
  )
})

test('positions that are none say why', () => {
  expect(() => parseOffset({ incrementing: 'x' })).toThrow("'incrementing' key in the offset is expected to be a Long value")
  expect(() => parseOffset({ incrementing: 2 ** 60 })).toThrow('set the exact number as a string')
})
