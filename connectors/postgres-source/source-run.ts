/**
 * One run of the source, from a start to its stop or an error: looks at the server, the stored position and the slot, decides about a
 * snapshot, prepares publication and slot, and hands the snapshot over to the stream. It owns all connections of the run.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Retriable, type SourceBatch, type SourceContext, type SourceOffset } from '../../connect/sdk/index.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { DatabaseCatalog } from './catalog.ts'
import { contextHeaders, EnvelopeRecords } from './change-records.ts'
import { Database, openDatabase } from './database.ts'
import { initialSnapshot, skippedSnapshot } from './initial-snapshot.ts'
import { compiledSettings, tableMapping } from './mapping.ts'
import { formatLsn, parseLsn } from './pgoutput.ts'
import { identityRules, preparePublication, setReplicaIdentities } from './publication.ts'
import { ReplicationConnection } from './replication-connection.ts'
import { readServer, type Server, serverProblem } from './server.ts'
import type { PostgresSourceConfig } from './settings.ts'
import { createSlotCommand, missingSlot, readSlot, type SlotState, slotProblem, streamStart, unfinishedSlot } from './slot.ts'
import { startPlan, storedState } from './snapshot-mode.ts'
import { openStream } from './stream-opening.ts'
import { sourcePartition, startLsn, streamPosition } from './stream-position.ts'
import { skippedOperations } from './stream-settings.ts'
import { tableFilter } from './table-filter.ts'
import type { Lsn, SlotStart, SourceStage, StreamListener, StreamPosition, Table, TableMapping } from './types.ts'

/** A slot is still in use for a moment after its connection was closed. */
const DROP_ATTEMPTS = 25
const DROP_RETRY_MS = 200

export class SourceRun {
  readonly #context: SourceContext<PostgresSourceConfig>
  readonly #database: Database
  readonly #catalog: DatabaseCatalog
  readonly #stage: SourceStage
  readonly #records: EnvelopeRecords
  /** Of the new slot, whose snapshot it exports, or of the stream. */
  #replication: ReplicationConnection | null = null
  #listener: StreamListener | null = null
  #hasStream = false

  constructor(context: SourceContext<PostgresSourceConfig>) {
    const { config } = context
    this.#context = context
    this.#database = new Database(config, { statementTimeoutMs: config['database.query.timeout.ms'] })
    const isCaptured = tableFilter(config)
    this.#catalog = new DatabaseCatalog(this.#database, isCaptured, (message) => context.log.warn(message))
    this.#records = envelopeRecords(context)
    this.#stage = {
      context,
      partition: sourcePartition(config['topic.prefix']),
      records: this.#records,
      catalog: this.#catalog,
      mapping: cachedMappings(this.#catalog, context),
      isCaptured,
      connect: () => openDatabase(config),
    }
  }

  async *batches(): AsyncGenerator<SourceBatch, void, void> {
    const { config, positions, signal } = this.#context
    const server = await readServer(this.#database)
    const problem = serverProblem(server)
    if (problem) throw new Error(problem)
    await this.#catalog.loadTypes()
    const stored = await positions.get(this.#stage.partition)
    const state = storedState(stored)
    const position = state === 'stream' && stored ? streamPosition(stored) : null
    const slot = await readSlot(this.#database, config['slot.name'])
    const plan = startPlan(config, state, slotHasPosition(position, slot, config))
    if (!plan.stream) {
      yield* plan.snapshot ? initialSnapshot(this.#stage, { slot: null, stored }) : skippedSnapshot(this.#stage)
      return
    }
    const captured = await this.#catalog.capturedTables()
    this.#checkCount(captured.length)
    await preparePublication(this.#database, captured, config, { log: this.#context.log, isResumed: position !== null && !plan.snapshot })
    const rules = identityRules(config['replica.identity.autoset.values'])
    await setReplicaIdentities(this.#database, captured, rules, this.#context.log)
    const start = await this.#slotStart(server, slot, plan.snapshot ? null : position)
    let from = position && !plan.snapshot ? position : positionAt(start.lsn)
    let last = plan.snapshot ? null : stored
    if (plan.snapshot) {
      for await (const batch of initialSnapshot(this.#stage, { slot: start, stored })) {
        yield batch
        last = batch.positions[0]?.offset ?? last
      }
      if (signal.aborted) return
      from = (last && streamPosition(last)) ?? from
    } else yield* skippedSnapshot(this.#stage)
    yield* this.#streamed(server, from, last)
  }

  /** Ends what waits. */
  abort(): void {
    this.#replication?.abort()
  }

  async close(): Promise<void> {
    const { config, signal, log } = this.#context
    await this.#listener?.close()
    await this.#replication?.close()
    if (config['slot.drop.on.stop'] && signal.aborted && this.#hasStream) {
      try {
        await this.#dropSlot()
      } catch (error) {
        log.warn(`slot ${config['slot.name']} could not be dropped at the stop: ${(error as Error).message}`)
      }
    }
    await this.#database.close()
  }

  async *#streamed(server: Server, from: StreamPosition, stored: SourceOffset | null): AsyncGenerator<SourceBatch, void, void> {
    const { config, log } = this.#context
    const slot = await readSlot(this.#database, config['slot.name'])
    if (!slot) throw missingSlot(from, config)
    const start = streamStart(from, slot, config, server.isStandby)
    if (start.warning) log.warn(start.warning)
    if (start.advance)
      await this.#database.query('SELECT pg_replication_slot_advance($1, $2)', [config['slot.name'], formatLsn(start.from)])
    // Until here it kept the snapshot of the new slot.
    await this.#replication?.close()
    this.#hasStream = true
    const opened = await openStream({
      stage: this.#stage,
      database: this.#database,
      catalog: this.#catalog,
      records: this.#records,
      server,
      position: from,
      from: start.from,
      stored,
      onConnection: (connection) => {
        this.#replication = connection
      },
    })
    this.#listener = opened.listener
    yield* opened.stream.batches()
  }

  /** The slot that is there, or a new one, with its snapshot. */
  async #slotStart(server: Server, slot: SlotState | null, position: StreamPosition | null): Promise<SlotStart> {
    const { config, log } = this.#context
    const problem = slot && slotProblem(slot, config)
    if (problem && (slot.walStatus !== 'lost' || position)) throw new Error(problem)
    const unfinished = slot && !problem && unfinishedSlot(slot, config)
    if (unfinished) throw new Retriable(unfinished, { afterMs: config['retriable.restart.connector.wait.ms'] })
    if (slot && !problem) return { lsn: slot.confirmedLsn ?? slot.restartLsn ?? 0, snapshotName: null }
    if (!slot && position && !config['slot.drop.on.stop']) throw missingSlot(position, config)
    if (problem) {
      log.error(`${problem} The slot is dropped, and a snapshot is taken with a new one.`)
      await this.#dropSlot()
    }
    this.#replication = await ReplicationConnection.open(config)
    const command = createSlotCommand(config, server.version, server.isStandby)
    log.info(`creating the replication slot, for which Postgres waits until all open transactions have ended: ${command}`)
    const [created] = await this.#replication.command<{ consistent_point: string; snapshot_name: string | null }>(command)
    return { lsn: parseLsn(created!.consistent_point), snapshotName: created!.snapshot_name }
  }

  /** As soon as nobody uses it. */
  async #dropSlot(): Promise<void> {
    const name = this.#context.config['slot.name']
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#database.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [name])
        return
      } catch (error) {
        if (attempt === DROP_ATTEMPTS || ((error as Error).cause as { code?: string })?.code !== '55006') throw error
        await pause(DROP_RETRY_MS)
      }
    }
  }

  #checkCount(count: number): void {
    const { config, log } = this.#context
    const most = config['guardrail.collections.max']
    if (count === 0) log.warn('No table is captured yet: check schema.include.list and table.include.list')
    if (most === 0 || count <= most) return
    const text = `${count} tables are captured, and guardrail.collections.max is ${most}. Narrow table.include.list, or raise it.`
    if (config['guardrail.collections.limit.action'] === 'fail') throw new Error(text)
    log.warn(text)
  }
}

function envelopeRecords({ config, task }: SourceContext<PostgresSourceConfig>): EnvelopeRecords {
  const prefix = config['topic.prefix']
  return new EnvelopeRecords({
    prefix,
    database: config['database.dbname'],
    version: packageJson.version,
    headers: config['extended.headers.enabled'] ? contextHeaders(prefix, randomUUID(), task) : [],
    tombstones: config['tombstones.on.delete'],
    skipsUnchanged: config['skip.messages.without.change'],
    skippedOperations: skippedOperations(config['skipped.operations']),
    now: Date.now,
  })
}

/** One mapping for each version of a table. */
function cachedMappings(catalog: DatabaseCatalog, { config, log }: SourceContext<PostgresSourceConfig>): (table: Table) => TableMapping {
  const compiled = compiledSettings(config, (message) => log.warn(message))
  const mappings = new WeakMap<Table, TableMapping>()
  return (table) => {
    const known = mappings.get(table)
    if (known) return known
    const mapping = tableMapping(table, (oid) => catalog.type(oid), compiled)
    mappings.set(table, mapping)
    return mapping
  }
}

/** Of a stream that has read nothing yet. */
const positionAt = (lsn: Lsn): StreamPosition => ({ lsn, commitLsn: null, txId: null, timestampMicros: null, messageType: null })

/** Whether the slot still has what follows a stored position. */
function slotHasPosition(position: StreamPosition | null, slot: SlotState | null, config: PostgresSourceConfig): boolean {
  if (!slot || slotProblem(slot, config)) return false
  if (!position || slot.confirmedLsn === null) return true
  if (startLsn(position) > slot.walEndLsn) return config['offset.mismatch.strategy'] === 'trust_slot'
  return slot.confirmedLsn <= Math.max(startLsn(position), position.lsn) || config['offset.mismatch.strategy'].startsWith('trust_slot')
}
