/**
 * How far a snapshot is: in the task's status, in its metrics and in
 * notifications. It sees tables begin and end, and counts rows.
 */
import type { SourceRecord, TaskContext } from '../../connect/sdk/index.ts'
import type { Notifications } from './notifications.ts'
import type { SnapshotItem, SnapshotTable } from './snapshot-items.ts'

/** How often the status changes. */
const REPORT_MS = 1_000

export class SnapshotWork {
  readonly #context: Pick<TaskContext<unknown>, 'progress' | 'gauge' | 'log'>
  readonly #notifications: Notifications
  readonly #rowsOf = new Map<SnapshotTable, number>()
  #tables: readonly SnapshotTable[] = []
  #names = ''
  #estimatedRows = 0
  #tablesDone = 0
  #rows = 0
  #startMs = 0
  #reportMs = 0

  constructor(context: Pick<TaskContext<unknown>, 'progress' | 'gauge' | 'log'>, notifications: Notifications) {
    this.#context = context
    this.#notifications = notifications
  }

  plan(tables: readonly SnapshotTable[]): void {
    this.#tables = tables
    this.#names = tables.map(nameOf).join(',')
    this.#estimatedRows = Math.round(tables.reduce((sum, { estimatedRows }) => sum + estimatedRows, 0))
    this.#tablesDone = tables.filter(({ openItems }) => openItems === 0).length
    this.#startMs = performance.now()
    const left = tables.length - this.#tablesDone
    this.#context.log.info(
      `A snapshot begins: ${tables.length} ${tables.length === 1 ? 'table' : 'tables'}${left < tables.length ? `, of which ${left} are left` : ''}, about ${this.#estimatedRows} rows by Postgres's statistics`,
    )
    this.#context.gauge?.('snapshot-running', 1)
    this.#gauges()
  }

  started(): SourceRecord[] {
    return this.#notifications.notify('Initial Snapshot', 'STARTED')
  }

  /** Rows of the item have come. */
  begun({ of }: SnapshotItem): SourceRecord[] {
    if (this.#rowsOf.has(of)) return []
    this.#rowsOf.set(of, 0)
    this.#report(of)
    return this.#notifications.notify('Initial Snapshot', 'IN_PROGRESS', {
      current_collection_in_progress: nameOf(of),
      data_collections: this.#names,
    })
  }

  rows({ of }: SnapshotItem, count: number): void {
    this.#rows += count
    this.#rowsOf.set(of, (this.#rowsOf.get(of) ?? 0) + count)
    if (performance.now() - this.#reportMs > REPORT_MS) this.#report(of)
  }

  /** The item is read to its end, and perhaps its table with it. */
  ended(item: SnapshotItem): SourceRecord[] {
    const { of } = item
    if (of.openItems > 0) return []
    const records = this.begun(item)
    this.#tablesDone++
    const rows = this.#rowsOf.get(of)!
    this.#context.log.info(`The snapshot of ${nameOf(of)} is read: ${rows} rows (${this.#tablesDone} of ${this.#tables.length} tables)`)
    this.#gauges()
    return [
      ...records,
      ...this.#notifications.notify('Initial Snapshot', 'TABLE_SCAN_COMPLETED', {
        scanned_collection: nameOf(of),
        data_collections: this.#names,
        total_rows_scanned: String(rows),
        status: 'SUCCEEDED',
      }),
    ]
  }

  completed(): SourceRecord[] {
    const seconds = (performance.now() - this.#startMs) / 1000
    this.#context.log.info(`The snapshot is complete: ${this.#rows} rows in ${seconds.toFixed(1)} s`)
    this.close()
    return this.#notifications.notify('Initial Snapshot', 'COMPLETED')
  }

  /** Takes it out of the status. */
  close(): void {
    this.#context.progress?.(null)
    this.#context.gauge?.('snapshot-running', 0)
    this.#gauges()
  }

  #report(current: SnapshotTable): void {
    this.#reportMs = performance.now()
    const seconds = (this.#reportMs - this.#startMs) / 1000
    const rowsPerSecond = seconds > 0 ? Math.round(this.#rows / seconds) : 0
    const rowsLeft = Math.max(0, this.#estimatedRows - this.#rows)
    this.#context.progress?.({
      what: `snapshot of ${nameOf(current)}`,
      rows_done: this.#rows,
      rows_estimated: Math.max(this.#estimatedRows, this.#rows),
      tables_done: this.#tablesDone,
      tables_total: this.#tables.length,
      rows_per_second: rowsPerSecond,
      seconds_left: rowsPerSecond > 0 ? Math.ceil(rowsLeft / rowsPerSecond) : null,
    })
    this.#gauges()
  }

  #gauges(): void {
    this.#context.gauge?.('snapshot-rows-scanned', this.#rows)
    this.#context.gauge?.('snapshot-tables-remaining', this.#tables.length - this.#tablesDone)
  }
}

const nameOf = ({ table }: SnapshotTable): string => `${table.schema}.${table.name}`
