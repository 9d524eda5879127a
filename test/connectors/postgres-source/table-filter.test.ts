/**
 * Goal: the lists of schemas and tables let through what they do in Debezium. Method: lists, one or both at a time, and tables of Postgres.
 */
import { expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { mappingSettings } from '../../../connectors/postgres-source/mapping-settings.ts'
import { signalSettings } from '../../../connectors/postgres-source/signal-settings.ts'
import { tableFilter } from '../../../connectors/postgres-source/table-filter.ts'

const tables = ['public.orders', 'public.lines', 'sales.orders', 'pg_catalog.pg_class', 'information_schema.tables', 'public.spatial_ref_sys', 'pg_temp_3.x'] // biome-ignore format: one line

test.each([
  [{}, ['public.orders', 'public.lines', 'sales.orders']],
  [{ 'schema.include.list': 'public' }, ['public.orders', 'public.lines']],
  [{ 'schema.exclude.list': 'pub.*' }, ['sales.orders']],
  [{ 'table.include.list': '.*\\.orders' }, ['public.orders', 'sales.orders']],
  [{ 'table.exclude.list': 'public.orders,sales.*' }, ['public.lines']],
  [{ 'schema.include.list': 'public', 'table.exclude.list': '.*lines' }, ['public.orders']],
  [{ 'schema.include.list': 'public', 'table.include.list': 'sales.orders' }, []],
  [{ 'table.ignore.builtin': 'false', 'table.include.list': '.*pg_class,.*sys' }, ['pg_catalog.pg_class', 'public.spatial_ref_sys']],
  [{ 'table.include.list': 'public.lines', 'signal.data.collection': 'sales.orders' }, ['public.lines', 'sales.orders']],
])('%j', (lists, expected) => {
  const isCaptured = tableFilter(parseSettings({ ...mappingSettings, ...signalSettings }, { 'topic.prefix': 'p', ...lists }))
  expect(tables.filter((name) => isCaptured(...(name.split('.') as [string, string])))).toEqual(expected)
})
