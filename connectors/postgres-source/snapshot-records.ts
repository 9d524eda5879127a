/**
 * Makes the records of a snapshot's rows, with Debezium's markers in `source.snapshot`. It holds the newest row back, since only the next
 * one, or the end, tells whether it was the last of its table or of all. Progress is that of the records that were given out.
 */
import type { SourceRecord } from '../../connect/sdk/index.ts'
import type { SnapshotItem, SnapshotTable } from './snapshot-items.ts'
import type { SnapshotProgress, Tid } from './snapshot-progress.ts'
import type { ChangeRecords, ChangeSource, SnapshotMarker, TableMapping, TextRow } from './types.ts'

export interface SnapshotRecordsOptions {
  records: Pick<ChangeRecords, 'read'>
  mapping(table: SnapshotTable): TableMapping
  progress: SnapshotProgress
  /** Of all records, less the table and the marker. */
  source: Pick<ChangeSource, 'timestampMicros' | 'sequence' | 'txId' | 'lsn'>
}

interface Held {
  item: SnapshotItem
  row: TextRow
  /**
   * Where it is the first row of its table: as in Debezium that of all has its own only where the first table has rows. A table of which
   * an earlier try has delivered rows has none.
   */
  firstMarker: 'first' | 'first_in_data_collection' | null
}

interface TableRecords {
  mapping: TableMapping
  /** The source of all rows but the first and the last ones. */
  source: ChangeSource
}

export class SnapshotRecords {
  readonly #options: SnapshotRecordsOptions
  readonly #tables = new Map<SnapshotTable, TableRecords>()
  #held: Held | null = null
  #finished: SnapshotItem[] = []
  rows = 0

  constructor(options: SnapshotRecordsOptions) {
    this.#options = options
  }

  /** Adds the records of the rows that are known not to be the last to `out`. */
  add(item: SnapshotItem, rows: readonly TextRow[], out: SourceRecord[]): void {
    if (rows.length === 0) return
    this.release(out)
    const { records } = this.#options
    const { mapping, source } = this.#table(item.of)
    const firstMarker = item.of.hasBegun ? null : item.of.order === 0 ? 'first' : 'first_in_data_collection'
    item.of.hasBegun = true
    const last = rows.length - 1
    for (let index = 0; index < last; index++)
      out.push(records.read(mapping, rows[index]!, index === 0 && firstMarker ? { ...source, snapshot: firstMarker } : source))
    this.#held = { item, row: rows[last]!, firstMarker: last === 0 ? firstMarker : null }
    if (last > 0) this.#advance(item, rows[last - 1]!)
    this.rows += rows.length
  }

  /** The item is read to its end. */
  end(item: SnapshotItem): void {
    item.of.openItems--
    if (this.#held?.item === item) this.#finished.push(item)
    else this.#finish(item)
    // Another item of the table, which has delivered all, waited for this one.
    if (item.of.openItems === 0 && this.#held?.item.of !== item.of) this.#finishTable(item.of)
  }

  /** Gives out the row that is held back, which is not the last of all. */
  release(out: SourceRecord[]): void {
    const held = this.#held
    if (!held) return
    const { firstMarker, item } = held
    const isLastOfTable = item.of.openItems === 0 && firstMarker !== 'first'
    this.#give(held, isLastOfTable ? 'last_in_data_collection' : (firstMarker ?? 'true'), out)
  }

  /** Gives out the last row of all. */
  finish(out: SourceRecord[]): void {
    if (this.#held) this.#give(this.#held, 'last', out)
  }

  #give({ item, row }: Held, marker: SnapshotMarker, out: SourceRecord[]): void {
    const { mapping, source } = this.#table(item.of)
    this.#held = null
    out.push(this.#options.records.read(mapping, row, marker === 'true' ? source : { ...source, snapshot: marker }))
    if (this.#finished.includes(item)) {
      this.#finished = []
      this.#finish(item)
      if (item.of.openItems === 0) this.#finishTable(item.of)
    } else this.#advance(item, row)
  }

  #table(table: SnapshotTable): TableRecords {
    let known = this.#tables.get(table)
    if (!known) {
      const { schema, name } = table.table
      const source: ChangeSource = { schema, table: name, ...this.#options.source, snapshot: 'true' }
      known = { mapping: this.#options.mapping(table), source }
      this.#tables.set(table, known)
    }
    return known
  }

  #advance({ range }: SnapshotItem, row: TextRow): void {
    if (range) this.#options.progress.advance(range, range.range, parseTid(row.at(-1)!))
  }

  #finish({ range }: SnapshotItem): void {
    if (range) this.#options.progress.finishRange(range, range.range)
  }

  #finishTable({ table }: SnapshotTable): void {
    this.#options.progress.finishTable(table.oid)
  }
}

function parseTid(text: string): Tid {
  const comma = text.indexOf(',')
  return { block: Number(text.slice(1, comma)), row: Number(text.slice(comma + 1, -1)) }
}
