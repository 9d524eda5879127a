/**
 * What a snapshot reads, in order: a range of a heap, what was written since to a delivered one, or a relation or a SELECT as a whole. It
 * divides large heaps between connections. It decides only.
 */
import type { HeapOfTable, HeapRange, SnapshotProgress } from './snapshot-progress.ts'
import { copyHeapRange, copyRelation, copyStatement, copyWrittenSince, qualified } from './snapshot-queries.ts'
import type { Table } from './types.ts'

/** A heap of up to 64 MB, with blocks of 8 kB, is not divided. */
const MIN_RANGE_BLOCKS = 8192
/** A heap is divided into this many ranges for each connection, so that none waits long for the last one. */
const RANGES_PER_CONNECTION = 4

/** A row of the query HEAPS. */
export interface HeapRow {
  root: string
  oid: string
  schema: string
  name: string
  kind: string
  rows: number
  heap: string | null
  blocks: string
}

export interface SnapshotTable {
  table: Table
  /** Of all tables of the snapshot, from 0. */
  order: number
  /** Expressions that give the table's columns, NULL for those that are not captured. */
  columns: readonly string[]
  /** A SELECT of the user's; null where there is none. */
  statement: string | null
  /** As the statistics estimate them. */
  estimatedRows: number
  /** Whether a row of it was delivered, also by an earlier try. */
  hasBegun: boolean
  /** How many items are not read to their end. */
  openItems: number
}

export interface SnapshotItem {
  of: SnapshotTable
  sql: string
  /** The range that progress is kept of; null where the item is read from its start again, and for what was written since. */
  range: (HeapOfTable & { range: HeapRange }) | null
}

interface ItemOptions {
  /** Between which a heap is divided. */
  connections: number
  /** The oldest transaction that was running when this try began. */
  since: string
}

/** The items of the table, and what is known about it. Nothing of a table that is done. */
export function tableItems(of: SnapshotTable, heaps: readonly HeapRow[], progress: SnapshotProgress, options: ItemOptions): SnapshotItem[] {
  const { table, columns, statement } = of
  of.estimatedRows = heaps.reduce((sum, { rows }) => sum + rows, 0)
  const items = statement === null && heaps.length > 0 && heaps.every(({ heap }) => heap !== null) ? heapItems() : [whole()]
  of.openItems = items.length
  return items

  function whole(): SnapshotItem {
    const sql = statement === null ? copyRelation(qualified(table.schema, table.name), columns) : copyStatement(statement, columns)
    return { of, sql, range: null }
  }

  function heapItems(): SnapshotItem[] {
    return heaps.flatMap((row) => {
      const heap = { table: table.oid, heap: Number(row.oid) }
      const relation = qualified(row.schema, row.name)
      const { rest, again } = progress.plan({ ...heap, fileNode: Number(row.heap) }, options.since)
      if (again) of.hasBegun = true
      const ranges = rest.flatMap((range) => divided(range, Number(row.blocks), options.connections))
      return [
        ...(again ? [{ of, sql: copyWrittenSince(relation, columns, again), range: null }] : []),
        ...ranges.map((range) => ({ of, sql: copyHeapRange(relation, columns, range), range: { ...heap, range } })),
      ]
    })
  }
}

function divided(range: HeapRange, blocks: number, connections: number): HeapRange[] {
  const first = range.after.block
  const end = range.end ?? blocks
  if (connections === 1 || end - first <= MIN_RANGE_BLOCKS) return [range]
  const step = Math.max(MIN_RANGE_BLOCKS, Math.ceil((end - first) / (connections * RANGES_PER_CONNECTION)))
  const ranges: HeapRange[] = []
  let after = range.after
  for (let block = first + step; block < end; block += step) {
    ranges.push({ after, end: block })
    after = { block, row: 0 }
  }
  return [...ranges, { after, end: range.end }]
}
