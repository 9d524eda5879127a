/**
 * A task of the Postgres source without its worker, for tests of snapshots and signals: the stage on a real database, and what a worker
 * does with the batches of a read, as far as a test needs it.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { parseSettings, type SourceBatch, type SourceOffset, schemas, type TaskWork } from '../../../connect/sdk/index.ts'
import { DatabaseCatalog } from '../../../connectors/postgres-source/catalog.ts'
import { contextHeaders, EnvelopeRecords } from '../../../connectors/postgres-source/change-records.ts'
import { Database, openDatabase } from '../../../connectors/postgres-source/database.ts'
import { type PostgresSourceConfig, settings } from '../../../connectors/postgres-source/settings.ts'
import type { SlotStart, SourceStage, Table, TableMapping } from '../../../connectors/postgres-source/types.ts'

export interface Log {
  level: 'info' | 'warn' | 'error'
  message: string
}

export class TestStage {
  readonly url: string
  readonly stage: SourceStage
  readonly config: PostgresSourceConfig
  readonly abort = new AbortController()
  readonly logs: Log[] = []
  readonly work: (TaskWork | null)[] = []
  readonly sql: pg.Client
  readonly #database: Database
  #replication: pg.Client | null = null

  private constructor(url: string, sql: pg.Client, raw: Record<string, string>) {
    this.url = url
    this.sql = sql
    this.config = parseSettings(settings, raw) as PostgresSourceConfig
    const config = this.config
    this.#database = new Database(config)
    const mappings = new Map<Table, TableMapping>()
    const log = (level: Log['level']) => (message: string) => void this.logs.push({ level, message })
    this.stage = {
      context: {
        connector: 'test',
        task: 0,
        config,
        signal: this.abort.signal,
        log: { info: log('info'), warn: log('warn'), error: log('error') },
        positions: { get: async () => null },
        progress: (work) => void this.work.push(work),
      },
      partition: { server: 'p' },
      records: new EnvelopeRecords({
        prefix: 'p',
        database: config['database.dbname'],
        version: '1',
        headers: contextHeaders('p', '1', 0),
        tombstones: true,
        skipsUnchanged: false,
        skippedOperations: new Set(),
        now: () => Date.now(),
      }),
      catalog: new DatabaseCatalog(this.#database, () => true),
      mapping(table) {
        let mapping = mappings.get(table)
        if (!mapping) mappings.set(table, (mapping = textMapping(table)))
        return mapping
      },
      isCaptured: () => true,
      connect: () => openDatabase(config),
    }
  }

  static async open(url: string, raw: Record<string, string> = {}): Promise<TestStage> {
    const parts = new URL(url)
    const sql = new pg.Client({ connectionString: url })
    await sql.connect()
    return new TestStage(url, sql, {
      'database.hostname': parts.hostname,
      'database.port': parts.port,
      'database.user': decodeURIComponent(parts.username),
      'database.password': decodeURIComponent(parts.password),
      'database.dbname': parts.pathname.slice(1),
      'database.sslmode': 'disable',
      'topic.prefix': 'p',
      'slot.name': `slot_${randomBytes(4).toString('hex')}`,
      ...raw,
    })
  }

  /** Creates the slot with its snapshot, which holds until `releaseSnapshot`. */
  async createSlot(): Promise<SlotStart> {
    this.#replication = await openDatabase(this.config, { replication: true })
    const { rows } = await this.#replication.query(
      `CREATE_REPLICATION_SLOT ${this.config['slot.name']} LOGICAL pgoutput (SNAPSHOT 'export')`,
    )
    return { lsn: lsnOf(rows[0].consistent_point), snapshotName: rows[0].snapshot_name }
  }

  async releaseSnapshot(): Promise<void> {
    await this.#replication?.end()
    this.#replication = null
  }

  async close(): Promise<void> {
    this.abort.abort()
    await this.releaseSnapshot()
    await this.#database.close()
    await this.sql.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [
      this.config['slot.name'],
    ])
    await this.sql.end()
  }
}

export function lsnOf(text: string): number {
  const [high, low] = text.split('/')
  return Number.parseInt(high!, 16) * 2 ** 32 + Number.parseInt(low!, 16)
}

/** All columns as text. */
function textMapping(table: Table): TableMapping {
  const text = schemas.string({ optional: true })
  const rowSchema = schemas.struct(Object.fromEntries(table.columns.map(({ name }) => [name, text])), { optional: true })
  const places = table.key.map((name) => table.columns.findIndex((column) => column.name === name))
  return {
    topic: `p.${table.schema}.${table.name}`,
    keySchema: table.key.length > 0 ? schemas.struct(Object.fromEntries(table.key.map((name) => [name, text]))) : null,
    rowSchema,
    envelopeSchema: schemas.struct({ after: rowSchema }),
    keyColumns: table.key,
    columns: new Set(table.columns.map(({ name }) => name)),
    key: (row) => (table.key.length > 0 ? Object.fromEntries(table.key.map((name, index) => [name, row[places[index]!]])) : null),
    row: (row) => Object.fromEntries(table.columns.map(({ name }, index) => [name, row[index]])),
  }
}

export interface Read {
  topic: string
  after: Record<string, string | null>
  marker: string
}

export interface Delivered {
  reads: Read[]
  offset: SourceOffset | null
  notifications: Record<string, unknown>[]
}

/** Reads batches until the end, or until `stop` says so of what has been delivered. */
export async function deliver(
  batches: AsyncGenerator<SourceBatch, void, void>,
  stop: (delivered: Delivered) => boolean = () => false,
): Promise<Delivered> {
  const delivered: Delivered = { reads: [], offset: null, notifications: [] }
  for await (const { records, positions } of batches) {
    for (const { topic, value } of records) {
      const envelope = value as { op?: string; after: Record<string, string | null>; source: { snapshot: string } }
      if (envelope.op === 'r') delivered.reads.push({ topic, after: envelope.after, marker: envelope.source.snapshot })
      else delivered.notifications.push(value as Record<string, unknown>)
    }
    delivered.offset = positions.at(-1)?.offset ?? delivered.offset
    if (stop(delivered)) break
  }
  return delivered
}
