/**
 * The connections of a snapshot: all of them see the same rows, those of the slot where it is new. Their transactions only read, and end
 * with `close`.
 */
import type pg from 'pg'
import { closeDatabase, databaseError } from './database.ts'
import type { PostgresSourceConfig } from './settings.ts'
import { beginSnapshot, joinSnapshot, lockTables, SNAPSHOT_FACTS } from './snapshot-queries.ts'
import type { Lsn } from './types.ts'

export interface SnapshotFacts {
  /** The oldest transaction that was running: 64 bits, as text. */
  oldestTransaction: string
  /** The id that the next transaction gets. */
  nextTransaction: number
  timestampMicros: number
  /** Where the log was when it began. */
  lsn: Lsn
  /** Whether a range of a heap is read without the blocks before and behind it: from Postgres 14 on. */
  readsRanges: boolean
}

/** Limits of other sessions do not hold for a snapshot, and a scan begins at the beginning, so that places are in order. */
const SESSION = ['SET statement_timeout = 0', 'SET idle_in_transaction_session_timeout = 0', 'SET synchronize_seqscans = off']

/** Of `server_version_num`. */
const RANGES_SINCE = 140_000

export interface SnapshotStart {
  /** That of a new slot; null for one of its own. */
  snapshotName: string | null
  /** Quoted names of the tables to lock. */
  lock: readonly string[]
}

export class SnapshotTransactions {
  readonly #config: PostgresSourceConfig
  readonly #connect: () => Promise<pg.Client>
  readonly #clients = new Set<pg.Client>()
  #exported: Promise<string> | null = null
  #main: pg.Client | null = null

  /** `connect` opens a connection with the session for text output. */
  constructor(config: PostgresSourceConfig, connect: () => Promise<pg.Client>) {
    this.#config = config
    this.#connect = connect
  }

  /** Begins the first transaction: its client, and what it sees. */
  async begin({ snapshotName, lock }: SnapshotStart): Promise<{ client: pg.Client; facts: SnapshotFacts }> {
    const client = await this.#open()
    this.#main = client
    const config = this.#config
    const [{ standby }] = await this.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby', client)
    const begin = beginSnapshot(config['snapshot.isolation.mode'], standby, snapshotName)
    for (const statement of [...begin, ...(lock.length > 0 ? lockTables(lock, config['snapshot.lock.timeout.ms']) : [])])
      await this.query(statement, client)
    const [facts] = await this.query<{ xmin: string; xmax: string; lsn: string; micros: string; version: string }>(SNAPSHOT_FACTS, client)
    return {
      client,
      facts: {
        oldestTransaction: facts.xmin,
        nextTransaction: Number(facts.xmax),
        timestampMicros: Number(facts.micros),
        lsn: Number(facts.lsn),
        readsRanges: Number(facts.version) >= RANGES_SINCE,
      },
    }
  }

  /** Another connection that sees the same; only its own newest rows where the isolation has no snapshot to share. */
  async join(): Promise<pg.Client> {
    const client = await this.#open()
    this.#exported ??= this.query<{ name: string }>('SELECT pg_export_snapshot() AS name', this.#main!).then(([{ name }]) => name)
    for (const statement of joinSnapshot(await this.#exported)) await this.query(statement, client)
    return client
  }

  async query<R extends pg.QueryResultRow>(text: string, client: pg.Client, values: readonly unknown[] = []): Promise<[R, ...R[]]> {
    try {
      return (await client.query<R>(text, values as unknown[])).rows as [R, ...R[]]
    } catch (error) {
      throw databaseError(error, this.#config, 'The snapshot fails')
    }
  }

  /** The names of the columns of a query that a user has written: Postgres refuses it where it is more than one statement. */
  async columns(text: string, client: pg.Client): Promise<ReadonlySet<string>> {
    try {
      return new Set((await client.query({ text, queryMode: 'extended' } as pg.QueryConfig)).fields.map(({ name }) => name))
    } catch (error) {
      throw databaseError(error, this.#config, `"${text}" cannot be run`)
    }
  }

  /** Ends all transactions, also where one still reads. */
  async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => closeDatabase(client)))
    this.#clients.clear()
  }

  async #open(): Promise<pg.Client> {
    const client = await this.#connect()
    this.#clients.add(client)
    for (const statement of SESSION) await this.query(statement, client)
    return client
  }
}
