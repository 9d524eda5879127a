/**
 * Takes a snapshot: reads all rows of the captured tables as of one moment and goes on where an earlier try was cut off (see
 * docs/decisions/0014-snapshots-that-resume.md). Records and their positions come in batches; nothing awaits per row.
 */
import type pg from 'pg'
import { Retriable, type SourceBatch, type SourceOffset, type SourceRecord } from '../../connect/sdk/index.ts'
import { databaseError, isChangedTable } from './database.ts'
import { type HeapRow, type SnapshotItem, type SnapshotTable, tableItems } from './snapshot-items.ts'
import type { SnapshotProgress } from './snapshot-progress.ts'
import { columnsOfStatement, HEAPS, qualified } from './snapshot-queries.ts'
import { SnapshotQueue } from './snapshot-queue.ts'
import { SnapshotRecords } from './snapshot-records.ts'
import { columnExpressions } from './snapshot-selection.ts'
import { type SnapshotFacts, SnapshotTransactions } from './snapshot-transactions.ts'
import type { SnapshotWork } from './snapshot-work.ts'
import type { ChangeSource, SourceStage, Table } from './types.ts'

export interface SnapshotRequest {
  /** In the order in which they are read. */
  tables: readonly Table[]
  /** The statement of the user for a table; null to read the table. */
  statement(table: Table): string | null
  /** That of a new slot; null for a snapshot of its own. */
  snapshotName: string | null
  /** Of the records. */
  source(facts: SnapshotFacts): Pick<ChangeSource, 'lsn' | 'txId' | 'sequence'>
  /** What earlier tries have delivered; it is kept up to date. */
  progress: SnapshotProgress
  /** The offset to store after what `progress` says; null for the end. */
  offset(facts: SnapshotFacts, progress: SnapshotProgress | null): SourceOffset
  work: SnapshotWork
}

export async function* takeSnapshot(stage: SourceStage, request: SnapshotRequest): AsyncGenerator<SourceBatch, void, void> {
  const { context, partition } = stage
  const { config, signal } = context
  const { progress, work } = request
  const transactions = new SnapshotTransactions(config, () => stage.connect())
  let queue: SnapshotQueue | null = null
  const stop = () => queue?.fail(new Retriable('The task stops in the middle of a snapshot'))
  try {
    const lock = config['snapshot.locking.mode'] === 'shared' ? request.tables.map(({ schema, name }) => qualified(schema, name)) : []
    const { client, facts } = await transactions.begin({ snapshotName: request.snapshotName, lock })
    const heaps = heapsOf(await transactions.query<HeapRow & pg.QueryResultRow>(HEAPS, client, [request.tables.map(({ oid }) => oid)]))
    const ordered = orderedTables(request.tables, heaps, config['snapshot.tables.order.by.row.count'])
    const tables = await plannedTables(ordered, stage, request, (sql) => transactions.columns(sql, client))
    const connections = config['snapshot.max.threads']
    const planned = { connections: facts.readsRanges ? connections : 1, since: facts.oldestTransaction }
    const items = tables
      .filter(({ table }) => !progress.isDone(table.oid))
      .flatMap((of) => tableItems(of, heaps.get(of.table.oid) ?? [], progress, planned))
    work.plan(tables)
    const records = new SnapshotRecords({
      records: stage.records,
      mapping: ({ table }) => stage.mapping(table),
      progress,
      source: { timestampMicros: facts.timestampMicros, ...request.source(facts) },
    })
    const batch = (out: SourceRecord[], isEnd = false): SourceBatch => ({
      records: out,
      positions: [{ partition, offset: request.offset(facts, isEnd ? null : progress) }],
    })

    queue = new SnapshotQueue(items, config['snapshot.fetch.size'])
    signal.addEventListener('abort', stop, { once: true })
    const failure = (error: unknown, { of }: SnapshotItem) => readFailure(error, of.table, stage)
    const clients = [client]
    // The first connection shares its snapshot, which it can only while it does not read.
    while (clients.length < Math.min(connections, items.length)) clients.push(await transactions.join())
    for (const reader of clients) queue.read(reader, failure)

    const maxBatch = config['max.batch.size']
    let out: SourceRecord[] = work.started()
    for (let next = await queue.next(); next && !signal.aborted; next = await queue.next()) {
      const { item, rows } = next
      if (rows.length === 0) {
        records.end(item)
        out.push(...work.ended(item))
        continue
      }
      out.push(...work.begun(item))
      for (let start = 0; start < rows.length; start += maxBatch) {
        records.add(item, rows.length <= maxBatch ? rows : rows.slice(start, start + maxBatch), out)
        work.rows(item, Math.min(maxBatch, rows.length - start))
        // The last row is held back until it is known to be the last.
        if (out.length === 0) continue
        yield batch(out)
        out = []
      }
    }
    if (signal.aborted) return
    records.finish(out)
    out.push(...work.completed())
    yield batch(out, true)
  } finally {
    signal.removeEventListener('abort', stop)
    await transactions.close()
  }
}

/** With the columns that are captured and, where a statement of the user reads the table, that it has. */
async function plannedTables(
  ordered: readonly Table[],
  stage: SourceStage,
  request: SnapshotRequest,
  columnsOf: (sql: string) => Promise<ReadonlySet<string>>,
): Promise<SnapshotTable[]> {
  const tables: SnapshotTable[] = []
  for (const [order, table] of ordered.entries()) {
    const statement = request.statement(table)
    const given = statement === null ? null : await columnsOf(columnsOfStatement(statement))
    const { columns: mapped } = stage.mapping(table)
    const columns = columnExpressions(table, (name) => mapped.has(name) && (given?.has(name) ?? true))
    tables.push({ table, order, columns, statement, estimatedRows: 0, hasBegun: false, openItems: 0 })
  }
  return tables
}

/** By the tables that read them. */
function heapsOf(rows: readonly HeapRow[]): Map<number, HeapRow[]> {
  const heaps = new Map<number, HeapRow[]>()
  for (const row of rows) {
    const known = heaps.get(Number(row.root))
    if (known) known.push(row)
    else heaps.set(Number(row.root), [row])
  }
  return heaps
}

function orderedTables(tables: readonly Table[], heaps: ReadonlyMap<number, HeapRow[]>, order: 'disabled' | 'ascending' | 'descending') {
  if (order === 'disabled') return tables
  const rows = ({ oid }: Table) => (heaps.get(oid) ?? []).reduce((sum, heap) => sum + heap.rows, 0)
  const factor = order === 'ascending' ? 1 : -1
  return tables.toSorted((left, right) => factor * (rows(left) - rows(right)))
}

function readFailure(error: unknown, { schema, name }: Table, { context }: SourceStage): Error {
  const { code, message } = error as pg.DatabaseError
  const table = `${schema}.${name}`
  const { config } = context
  if (code === '42501')
    return new Error(
      `Postgres refuses to read ${table}: ${message}. GRANT SELECT ON ${qualified(schema, name)} TO ${config['database.user']}.`,
      {
        cause: error,
      },
    )
  if (isChangedTable(code)) return new Retriable(`${table} was changed while its snapshot was being prepared: ${message}`, { cause: error })
  return databaseError(error, config, `The snapshot of ${table} fails`)
}
