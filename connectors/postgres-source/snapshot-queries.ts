/**
 * The statements of a snapshot: its transactions, the heaps
 * of the tables, and how rows are read. Texts only.
 */
import type { HeapPlan, HeapRange, Tid } from './snapshot-progress.ts'

/** A row has the 32 low bits of the id of its transaction. */
const XID_BITS = 0xffff_ffffn

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

export const qualified = (schema: string, name: string): string => `${quoted(schema)}.${quoted(name)}`

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** The transaction that others join with `joinSnapshot`. */
export function beginSnapshot(isolation: string, isStandby: boolean, snapshotName: string | null): string[] {
  if (snapshotName !== null) return joinSnapshot(snapshotName)
  // A standby has no serializable transactions; a deferrable one waits there until nobody can disturb it.
  const level = isStandby && isolation === 'serializable' ? 'repeatable_read' : isolation
  const name = level.replace('_', ' ').toUpperCase()
  return [`BEGIN ISOLATION LEVEL ${name} READ ONLY${level === 'serializable' ? ' DEFERRABLE' : ''}`]
}

export const joinSnapshot = (snapshotName: string): string[] => [
  'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  `SET TRANSACTION SNAPSHOT ${literal(snapshotName)}`,
]

/** Of the transaction: its oldest running transaction, the next one, where the log is, and the time in µs; and the server's version. */
export const SNAPSHOT_FACTS = `
  SELECT txid_snapshot_xmin(txid_current_snapshot())::text AS xmin, txid_snapshot_xmax(txid_current_snapshot())::text AS xmax,
    CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn AS lsn,
    (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint::text AS micros,
    current_setting('server_version_num') AS version`

/** Locks are those of the transaction. */
export const lockTables = (tables: readonly string[], timeoutMs: number): string[] => [
  `SET LOCAL lock_timeout = ${timeoutMs}`,
  ...tables.map((table) => `LOCK TABLE ${table} IN ACCESS SHARE MODE`),
  'SET LOCAL lock_timeout = 0',
]

/**
 * The heaps that reading a table reads: its own and those of tables that inherit or are partitions, with the table as `root`. Where `heap`
 * is null a relation has none, or not all of its columns may be read.
 */
export const HEAPS = `
  WITH RECURSIVE members AS (
    SELECT oid AS root, oid FROM unnest($1::oid[]) AS oid
    UNION SELECT members.root, inherits.inhrelid FROM members JOIN pg_inherits inherits ON inherits.inhparent = members.oid
  )
  SELECT members.root::int8::text AS root, class.oid::int8::text AS oid, namespace.nspname AS schema, class.relname AS name,
    class.relkind AS kind, greatest(class.reltuples, 0)::float8 AS rows,
    CASE WHEN class.relkind = 'r' AND access.amname = 'heap' AND has_table_privilege(class.oid, 'SELECT')
      THEN pg_relation_filenode(class.oid)::int8::text END AS heap,
    CASE WHEN class.relkind = 'r' THEN pg_relation_size(class.oid) / current_setting('block_size')::int ELSE 0 END::int8::text AS blocks
  FROM members
    JOIN pg_class class ON class.oid = members.oid
    JOIN pg_namespace namespace ON namespace.oid = class.relnamespace
    LEFT JOIN pg_am access ON access.oid = class.relam
  WHERE class.relkind <> 'p'
  ORDER BY class.oid`

const tid = ({ block, row }: Tid): string => `'(${block},${row})'::tid`

/** Rows of a range of a heap, each with its place as the last field. `columns` are expressions, as in all of these. */
export function copyHeapRange(relation: string, columns: readonly string[], { after, end }: HeapRange): string {
  const bounds = [
    ...(after.block === 0 && after.row === 0 ? [] : [`ctid > ${tid(after)}`]),
    ...(end === null ? [] : [`ctid < ${tid({ block: end, row: 0 })}`]),
  ]
  return copyRows(`ONLY ${relation}`, [...columns, 'ctid'], bounds.join(' AND '))
}

/** Rows of what is delivered that were written since. */
export function copyWrittenSince(relation: string, columns: readonly string[], { since, ranges }: NonNullable<HeapPlan['again']>): string {
  const delivered = ranges.map(({ from, to }) => `(ctid >= ${tid({ block: from, row: 0 })} AND ctid <= ${tid(to)})`)
  const oldest = (BigInt(since) & XID_BITS).toString()
  return copyRows(`ONLY ${relation}`, columns, `(${delivered.join(' OR ')}) AND age(xmin) <= age('${oldest}'::xid)`)
}

/** All rows of a relation and of those below it. */
export const copyRelation = (relation: string, columns: readonly string[]): string => copyRows(relation, columns, '')

/** The rows of a SELECT of the user's. */
export const copyStatement = (statement: string, columns: readonly string[]): string =>
  copyRows(`(${withoutEnd(statement)}\n) AS rows`, columns, '')

/** A query that has the columns of a SELECT of the user's and no rows. */
export const columnsOfStatement = (statement: string): string => `SELECT * FROM (${withoutEnd(statement)}\n) AS rows LIMIT 0`

const withoutEnd = (statement: string): string => statement.trim().replace(/;\s*$/, '')

const copyRows = (from: string, columns: readonly string[], where: string): string =>
  `COPY (SELECT ${columns.join(', ')} FROM ${from}${where === '' ? '' : ` WHERE ${where}`}) TO STDOUT`
