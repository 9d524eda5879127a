/**
 * Incremental snapshots: reads tables in chunks while the stream goes on. The rows of a chunk wait in a window until the stream has passed
 * the moment at which they were read, so that a row is never older than what was streamed before it.
 */
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type pg from 'pg'
import { Retriable, type SourceBatch, type SourceRecord } from '../../connect/sdk/index.ts'
import { closeDatabase, databaseError, isChangedTable } from './database.ts'
import { type ChunkSource, chunkQuery, filterQuery, maximumKeyQuery, type Query, rowsQuery } from './incremental-queries.ts'
import type { ChunkKey, Collection, IncrementalState, KeyKind, WindowRow } from './incremental-state.ts'
import type { Notifications } from './notifications.ts'
import { signalTable } from './signal-settings.ts'
import { qualifiedTable } from './snapshot-selection.ts'
import type { StreamTransactions } from './stream-transactions.ts'
import type { ChangeSource, Column, Lsn, RowChange, SourceStage, StreamPosition, Table, TextRow } from './types.ts'
import { placeMarks, tableMarks, type WindowMarks } from './window-marks.ts'

/** Why the scan of a table ended, in Debezium's words. */
type ScanStatus = 'SUCCEEDED' | 'EMPTY' | 'NO_PRIMARY_KEY' | 'UNKNOWN_SCHEMA' | 'SQL_EXCEPTION'

/** Values as text, as COPY and the stream have them. */
const AS_TEXT = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig

const KEY_KINDS: Readonly<Record<number, KeyKind>> = {
  20: 'long',
  21: 'integer',
  23: 'integer',
  25: 'text',
  1042: 'text',
  1043: 'text',
  2950: 'uuid',
}

export class IncrementalSnapshot {
  readonly #stage: SourceStage
  readonly #state: IncrementalState
  readonly #notifications: Notifications
  readonly #marks: WindowMarks
  /** Idle: the next chunk may be read. Open: its rows wait. Closed: they may be delivered. */
  #window: 'idle' | 'open' | 'closed' = 'idle'
  #chunkId: string | null = null
  #client: pg.Client | null = null
  /** The table of `#looked` as the catalog had it last. */
  #table: Table | null = null
  #looked: Collection | null = null
  #chunk: ChunkSource | null = null
  /** The filter of the table in progress, once Postgres takes it. */
  #checkedFilter = ''
  readonly #places = new WeakMap<Table, readonly number[]>()
  #scanned = 0

  constructor(stage: SourceStage, state: IncrementalState, notifications: Notifications, transactions: StreamTransactions) {
    const { config } = stage.context
    const run = (query: Query) => this.#rows(query)
    const signals = signalTable(config)
    this.#stage = stage
    this.#state = state
    this.#notifications = notifications
    this.#marks =
      config['read.only'] || !signals
        ? placeMarks(run, transactions)
        : tableMarks(run, { name: qualifiedTable(signals), strategy: config['incremental.snapshot.watermarking.strategy'] }, transactions)
  }

  /** Whether rows may be delivered, or a chunk be read, where the stream has come to a place of the log. */
  hasWork(reached: Lsn): boolean {
    const { isRunning, isPaused } = this.#state
    if (this.#window === 'open' && this.#marks.isClosedAt(reached)) this.#window = 'closed'
    return isRunning && (this.#window === 'closed' || (this.#window === 'idle' && !isPaused))
  }

  /** A mark came in the stream. Those of other chunks are of before a restart. */
  mark(edge: 'open' | 'close', id: string): void {
    if (edge === 'close' && this.#window === 'open' && this.#chunkId !== null && id.startsWith(this.#chunkId)) this.#window = 'closed'
  }

  /** A row of a table changed in the stream. */
  change({ table, before, after, operation }: RowChange): void {
    if (this.#window !== 'open' || this.#chunk === null || !isSameTable(table, this.#chunk.table)) return
    const places = this.#identityPlaces(table)
    if (before) this.#supersede(before, places, false)
    if (after) this.#supersede(after, places, operation === 'u' && after.includes(undefined))
  }

  /** The window goes, where the table in progress has changed. */
  reset(): void {
    this.#window = 'idle'
    this.#chunkId = null
    this.#chunk = null
    this.#checkedFilter = ''
    this.#scanned = 0
  }

  async *work(position: StreamPosition): AsyncGenerator<SourceBatch, void, void> {
    if (this.#window === 'closed') yield* this.#deliver(position)
    if (this.#window === 'idle' && !this.#state.isPaused) yield* batches(await this.#readChunk())
    if (!this.#state.isRunning) await this.close()
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = null
    this.#stage.context.progress?.(null)
    if (client) await closeDatabase(client)
  }

  async *#deliver({ commitLsn, lsn }: StreamPosition): AsyncGenerator<SourceBatch, void, void> {
    const { context, records } = this.#stage
    const { table } = this.#chunk!
    const mapping = this.#stage.mapping(table)
    const source: ChangeSource = {
      schema: table.schema,
      table: table.name,
      timestampMicros: Date.now() * 1000,
      snapshot: 'incremental',
      sequence: `[${commitLsn === null ? null : `"${commitLsn}"`},"${lsn}"]`,
      txId: null,
      lsn: null,
    }
    const rows = this.#state.close()
    this.#window = 'idle'
    const size = context.config['max.batch.size']
    for (let start = 0; start < rows.length; start += size) {
      const part = rows.slice(start, start + size)
      this.#state.delivered(part, rows[start + size])
      yield { records: part.map(({ row }) => records.read(mapping, row, source)), positions: [] }
    }
  }

  /** Reads the next chunk of the first table that has one: its notifications. */
  async #readChunk(): Promise<SourceRecord[]> {
    const out: SourceRecord[] = []
    const id = randomUUID()
    this.#chunkId = id
    let isOpen = false
    while (this.#state.current && this.#window === 'idle') {
      const collection = this.#state.current
      try {
        const status = await this.#nextRows(collection, async () => {
          if (!isOpen) await this.#marks.open(id)
          isOpen = true
        })
        out.push(...(status === null ? this.#inProgress() : this.#scanEnded(status)))
      } catch (error) {
        if (error instanceof Retriable) throw error
        const { code } = ((error as Error).cause ?? {}) as { code?: string }
        const before = this.#table
        if (isChangedTable(code) && (await this.#look(collection)) !== before) continue
        this.#stage.context.log.error(`The incremental snapshot of ${collection.name} is given up: ${(error as Error).message}`)
        out.push(...this.#scanEnded('SQL_EXCEPTION'))
      }
    }
    if (isOpen) await this.#closeMark(id)
    return out
  }

  async #closeMark(id: string): Promise<void> {
    try {
      await this.#marks.close(id)
    } catch (error) {
      // Without it the window stays open for ever.
      throw error instanceof Retriable
        ? error
        : new Error(`The window of an incremental snapshot cannot be closed: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Fills the window. A status where the table has no more rows, or cannot be read. */
  async #nextRows(collection: Collection, openMark: () => Promise<void>): Promise<ScanStatus | null> {
    const chunk = await this.#source(collection)
    if (typeof chunk === 'string') return chunk
    await this.#requireCondition(chunk)
    await openMark()
    const state = this.#state
    if (state.maximumKey === null) {
      const [maximum] = await this.#rows(maximumKeyQuery(chunk))
      if (!maximum) return 'EMPTY'
      state.begin(maximum)
    }
    const limit = this.#stage.context.config['incremental.snapshot.chunk.size']
    const again = state.again
    const rows = [
      ...(again.length > 0 ? windowRows(await this.#rows(rowsQuery(chunk, again)), chunk, true) : []),
      ...windowRows(await this.#rows(chunkQuery(chunk, state.chunkEnd, state.maximumKey!, limit)), chunk, false),
    ]
    // What was altered meanwhile may have rows of either form.
    if ((await this.#look(collection)) !== chunk.table) return this.#nextRows(collection, openMark)
    if (rows.length === 0) return 'SUCCEEDED'
    state.open(
      rows,
      chunk.key.map(({ typeOid }) => KEY_KINDS[typeOid] ?? 'other'),
    )
    this.#window = 'open'
    this.#scanned += rows.length
    this.#stage.context.progress?.({
      what: `incremental snapshot of ${collection.name}`,
      rows_done: this.#scanned,
      tables_left: state.collections.length,
      last_key: keyText(state.chunkEnd),
      maximum_key: keyText(state.maximumKey),
    })
    return null
  }

  async #requireCondition(chunk: ChunkSource): Promise<void> {
    const { filter } = chunk.collection
    if (filter === this.#checkedFilter) return
    try {
      await this.#rows(filterQuery(chunk))
    } catch (error) {
      if (error instanceof Retriable) throw error
      throw new Error(
        `its filter is no condition that can stand in WHERE by itself: ${filter} (${(error as Error).message}). Send the signal again with another.`,
        { cause: error },
      )
    }
    this.#checkedFilter = filter
  }

  /** How the table is read, or why it is not. */
  async #source(collection: Collection): Promise<ChunkSource | ScanStatus> {
    const { context } = this.#stage
    const table = this.#looked === collection ? this.#table : await this.#look(collection)
    if (!table) {
      context.log.warn(`The incremental snapshot of ${collection.name} is left out: it is none of the captured tables`)
      return 'UNKNOWN_SCHEMA'
    }
    const { columns: mapped, keyColumns } = this.#stage.mapping(table)
    const names = collection.surrogateKey === '' ? keyColumns : [collection.surrogateKey]
    const key = columnsOf(names, table)
    if (key.length === 0 || key.length < names.length) {
      const why = collection.surrogateKey === '' ? 'it has no key' : `it has no column ${collection.surrogateKey}`
      context.log.warn(`The incremental snapshot of ${collection.name} is left out: ${why}`)
      return 'NO_PRIMARY_KEY'
    }
    const identity = columnsOf(this.#identityNames(table), table)
    this.#chunk = {
      table,
      key,
      identity,
      collection,
      hasTies: !isUnique(key, table),
      isRead: (column) => mapped.has(column) || table.key.includes(column),
    }
    return this.#chunk
  }

  /** The same object for the same table, since converters know schemas by identity. */
  async #look(collection: Collection): Promise<Table | null> {
    const found = await this.#capturedTable(collection.name)
    if (!isDeepStrictEqual(this.#table, found)) this.#table = found
    this.#looked = collection
    return this.#table
  }

  /** Schemas and tables may have dots in their names. */
  async #capturedTable(name: string): Promise<Table | null> {
    const { catalog, isCaptured } = this.#stage
    for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
      const [schema, table] = [name.slice(0, dot), name.slice(dot + 1)]
      const found = isCaptured(schema, table) ? await catalog.table(schema, table) : null
      if (found) return found
    }
    return null
  }

  #scanEnded(status: ScanStatus): SourceRecord[] {
    const { signal, collections, current } = this.#state
    const ended = this.#notify('TABLE_SCAN_COMPLETED', {
      data_collections: namesOf(collections),
      scanned_collection: current!.name,
      total_rows_scanned: String(this.#scanned),
      status,
    })
    this.#stage.context.log.info(`The incremental snapshot of ${current!.name} has ended: ${status}, ${this.#scanned} rows`)
    this.#state.next()
    this.#scanned = 0
    this.#chunk = null
    this.#checkedFilter = ''
    return this.#state.isRunning ? ended : [...ended, ...this.#notify('COMPLETED', {}, signal)]
  }

  #inProgress(): SourceRecord[] {
    const { collections, current, maximumKey, chunkEnd } = this.#state
    return this.#notify('IN_PROGRESS', {
      data_collections: namesOf(collections),
      current_collection_in_progress: current!.name,
      maximum_key: keyText(maximumKey),
      last_processed_key: keyText(chunkEnd),
    })
  }

  #notify(type: string, data: Record<string, string>, signal = this.#state.signal): SourceRecord[] {
    return this.#notifications.notify('Incremental Snapshot', type, data, signal ?? undefined)
  }

  #supersede(row: TextRow, places: readonly number[], lacksValues: boolean): void {
    const identity = identityOf(row, places)
    if (identity && !identity.includes(undefined)) this.#state.supersede(identity as ChunkKey, lacksValues)
  }

  /** A table without a key has what message.key.columns say of it. */
  #identityNames(table: Table): readonly string[] {
    return table.key.length > 0 ? table.key : this.#stage.mapping(table).keyColumns
  }

  #identityPlaces(table: Table): readonly number[] {
    let places = this.#places.get(table)
    if (!places) this.#places.set(table, (places = placesOf(this.#identityNames(table), table)))
    return places
  }

  async #rows({ text, values }: Query): Promise<(string | null)[][]> {
    this.#client ??= await this.#stage.connect()
    try {
      // Postgres refuses a second statement in an extended query.
      const config = { text, values, rowMode: 'array', types: AS_TEXT, queryMode: 'extended' } as pg.QueryArrayConfig
      const { rows } = await this.#client.query<(string | null)[]>(config)
      return rows
    } catch (error) {
      throw databaseError(error, this.#stage.context.config, 'Postgres')
    }
  }
}

/** The table's columns first, those of the key behind them. */
function windowRows(rows: readonly (string | null)[][], { table, key, identity }: ChunkSource, isAgain: boolean): WindowRow[] {
  const { length } = table.columns
  const places = placesOf(
    identity.map(({ name }) => name),
    table,
  )
  return rows.map((row) => ({
    row,
    key: row.slice(length, length + key.length),
    identity: identityOf(row, places) as ChunkKey | null,
    isAgain,
  }))
}

/** Null where nothing tells the row from others: NULL is in a unique index as often as it likes. */
function identityOf(row: TextRow, places: readonly number[]): (string | null | undefined)[] | null {
  const identity = places.map((place) => row[place])
  return identity.length === 0 || identity.includes(null) ? null : identity
}

/** Whether no two rows have the same values in these columns. */
const isUnique = (columns: readonly Column[], { key, columns: all }: Table): boolean =>
  key.length > 0 && key.every((name) => columns.some((column) => column.name === name) && !all.find((one) => one.name === name)!.isOptional)

const columnsOf = (names: readonly string[], { columns }: Table): Column[] =>
  names.flatMap((name) => columns.find((column) => column.name === name) ?? [])

const placesOf = (names: readonly string[], { columns }: Table): number[] =>
  names.map((name) => columns.findIndex((column) => column.name === name))

const batches = (records: SourceRecord[]): SourceBatch[] => (records.length === 0 ? [] : [{ records, positions: [] }])

export const namesOf = (collections: readonly Collection[]): string => collections.map(({ name }) => name).join(',')

const keyText = (key: ChunkKey | null): string => (key === null ? '<null>' : key.map((value) => value ?? '<null>').join(','))

const isSameTable = (left: Table, right: Table): boolean => left.name === right.name && left.schema === right.schema
