/**
 * The settings of snapshots,
 * by Debezium's names.
 */
import { setting } from '../../connect/sdk/index.ts'
import { listProblem } from './filters.ts'

export const MODES = ['initial', 'always', 'initial_only', 'no_data', 'never', 'when_needed', 'configuration_based', 'custom'] as const
const TABLE_NAME = /^[^.]+\.[^.]+$/
const MAX_THREADS = 64

const decides = (what: string) =>
  setting.boolean({ doc: `With snapshot.mode=configuration_based: ${what}`, default: false, group: 'Snapshot' })

export const snapshotSettings = {
  'snapshot.mode': setting.oneOf(MODES, {
    doc: "When a snapshot is taken: 'initial' where no position is stored, 'always' at each start, 'initial_only' as initial but without the stream after it, 'no_data' (or 'never') not at all, 'when_needed' as initial and where the slot has lost the stored position, 'configuration_based' as the settings snapshot.mode.configuration.based.* say",
    default: 'initial',
    group: 'Snapshot',
    check: (mode) =>
      mode === 'custom'
        ? 'Snapshotters in Java cannot be loaded; choose another mode, or configuration_based with its settings'
        : undefined,
  }),
  'snapshot.mode.configuration.based.snapshot.data': decides('whether the rows of the tables are read'),
  'snapshot.mode.configuration.based.snapshot.schema': setting.boolean({
    doc: 'Accepted: schemas are always read, and Postgres has no topic of them',
    default: false,
    group: 'Snapshot',
  }),
  'snapshot.mode.configuration.based.start.stream': decides('whether changes are streamed after the snapshot'),
  'snapshot.mode.configuration.based.snapshot.on.schema.error': setting.boolean({
    doc: 'Accepted: Postgres has no history of schemas that could be lost',
    default: false,
    group: 'Snapshot',
  }),
  'snapshot.mode.configuration.based.snapshot.on.data.error': decides('whether a snapshot is taken where the slot has lost the position'),
  'snapshot.isolation.mode': setting.oneOf(['serializable', 'repeatable_read', 'read_committed', 'read_uncommitted'], {
    doc: 'The isolation of the transaction that reads, where the slot was there before or there is none. A new slot gives its own snapshot, read with repeatable_read.',
    default: 'serializable',
    group: 'Snapshot',
  }),
  'snapshot.locking.mode': setting.oneOf(['none', 'shared', 'custom'], {
    doc: "'shared' locks the tables in ACCESS SHARE MODE for the time of the snapshot, so that nobody alters them",
    default: 'none',
    group: 'Snapshot',
    check: (mode) => (mode === 'custom' ? 'Locks in Java cannot be loaded; set none or shared' : undefined),
  }),
  'snapshot.lock.timeout.ms': setting.long({
    doc: 'How long the snapshot waits for each lock',
    default: 10_000,
    group: 'Snapshot',
    least: 0,
  }),
  'snapshot.query.mode': setting.oneOf(['select_all', 'custom'], {
    doc: "How tables are read: 'select_all' reads the captured columns",
    default: 'select_all',
    importance: 'LOW',
    group: 'Snapshot',
    check: (mode) => (mode === 'custom' ? 'Queries in Java cannot be loaded; set snapshot.select.statement.overrides' : undefined),
  }),
  'snapshot.include.collection.list': setting.string({
    doc: 'The tables to snapshot, of those that are captured: regular expressions for the whole of schema.table. All where it is not set.',
    default: null,
    group: 'Snapshot',
    check: listProblem,
  }),
  'snapshot.select.statement.overrides': setting.list({
    doc: 'Tables (schema.table) that are read with a statement of their own: that of snapshot.select.statement.overrides.<schema.table>',
    default: [],
    group: 'Snapshot',
    check(tables) {
      const wrong = tables.find((table) => !TABLE_NAME.test(table))
      return wrong === undefined ? undefined : `"${wrong}" is not of the form schema.table`
    },
  }),
  'snapshot.select.statement.overrides.(table)': setting.named({
    doc: 'snapshot.select.statement.overrides.<schema.table>: the SELECT that reads the table. Columns that it does not have are NULL.',
    names: /^snapshot\.select\.statement\.overrides\..+$/,
    group: 'Snapshot',
    check: (text) => (text.trim() === '' ? 'String must be non-empty' : undefined),
  }),
  'snapshot.tables.order.by.row.count': setting.oneOf(['disabled', 'ascending', 'descending'], {
    doc: 'Whether tables are read in the order of their numbers of rows, as the statistics estimate them',
    default: 'disabled',
    importance: 'LOW',
    group: 'Snapshot',
  }),
  'snapshot.max.threads': setting.int({
    doc: 'How many connections read at a time. They share one snapshot; a large table is divided between them.',
    default: 1,
    group: 'Snapshot',
    check: (threads) => (threads < 1 || threads > MAX_THREADS ? `Value must be between 1 and ${MAX_THREADS}` : undefined),
  }),
  'snapshot.fetch.size': setting.int({
    doc: 'How many rows each connection reads ahead',
    default: 10_240,
    group: 'Snapshot',
    aliases: ['rows.fetch.size'],
    least: 1,
  }),
  'snapshot.delay.ms': setting.long({ doc: 'How long the task waits before a snapshot', default: 0, group: 'Snapshot', least: 0 }),
  'streaming.delay.ms': setting.long({
    doc: 'How long the task waits between a snapshot and the stream',
    default: 0,
    group: 'Snapshot',
    least: 0,
  }),
}
