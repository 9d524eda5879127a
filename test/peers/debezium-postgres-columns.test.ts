/**
 * Goal: our worker writes what Debezium does for columns of all types, from snapshots and from the stream, with all settings of the
 * mapping. Method: the sample tables through both, less the columns that Debezium mistakes (they are listed in mapping.test.ts) or gives
 * differently in snapshots than in the stream.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SampleTable, sampleSettings, sampleTables, sampleTypes } from '../connectors/postgres-source/type-samples.ts'
import { DebeziumPeers, differences, type Workload } from './debezium-postgres.ts'
import { temporaryFolder } from './workers.ts'

const START_MS = 300_000
const WORKLOAD_MS = 240_000

const MISTAKEN_TABLES = [
  'public.infinities',
  'public.odd_arrays',
  'public.deep_arrays',
  'public.defaults',
  'public.specials',
  'public.toasts',
]
const MISTAKEN_COLUMNS = [
  ...['public.texts.t_name', 'public.texts.t_dstamp', 'public.bits.b_varbit1', 'public.numbers.n_money', 'public.removed.r_money'],
  ...['public.arrays.a_time', 'public.arrays.a_timetz', 'public.shapes.s_int2vector', 'public.shapes.s_oidvector'],
]

/** The extensions that every Postgres package has. */
const withoutExtension = sampleTables.filter(({ extension, name }) => extension === undefined && !MISTAKEN_TABLES.includes(name))

/** Columns whose values Debezium shows where they are to be masked, and one whose length is another in snapshots. */
const mistakenIn: Readonly<Record<string, readonly string[]>> = {
  columns: ['public.texts.t_citext', 'public.texts.t_json', 'public.texts.t_jsonb', 'public.numbers.n_num'],
  strings: ['public.numbers.n_num', 'public.removed.r_num'],
}

/** The rows twice, and each change, which are deletes here, with its tombstone. */
const recordsOf = ({ rows, changes = [] }: SampleTable): number => 2 * rows.length + 2 * changes.length

const workloads = Object.entries(sampleSettings)
  .filter(([name]) => name !== 'nanos')
  .map(([name, settings]): Workload => {
    const tables = withoutExtension.filter((table) => table.settings === undefined || table.settings.includes(name))
    const rows = (added: number) => tables.flatMap((table) => table.rows.map((row) => row.replaceAll('%', String(added))))
    const excluded = [settings['column.exclude.list'] ?? [], MISTAKEN_COLUMNS, mistakenIn[name] ?? []].flat()
    return {
      name: `columns of all types with the settings ${name}`,
      // The marker that the frame waits for has a name of the default form.
      settings: { ...settings, 'column.exclude.list': excluded.join(','), 'topic.delimiter': '.' },
      before: [...sampleTypes, ...tables.flatMap(({ ddl }) => ddl), ...rows(0)],
      during: [...rows(100), ...tables.flatMap(({ changes }) => changes ?? [])],
      counts: Object.fromEntries(tables.map((table) => [table.name.replaceAll(' ', '_'), recordsOf(table)])),
    }
  })

const folder = temporaryFolder()
let peers: DebeziumPeers
beforeAll(async () => {
  peers = await DebeziumPeers.start(folder)
}, START_MS)
afterAll(() => peers?.stop(), START_MS)

test.each(workloads)(
  '$name',
  async (workload) => {
    const { theirs, ours } = await peers.compared(workload)
    expect(Object.keys(theirs).length).toBeGreaterThan(1)
    expect(differences(theirs, ours)).toEqual([])
  },
  WORKLOAD_MS,
)
