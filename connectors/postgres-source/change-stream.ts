/**
 * The stream of a slot as batches: takes messages as they arrive, loads tables that have changed, and yields full batches at once and
 * others when nothing more has arrived. Heartbeats, signals and positions without records come between transactions. Stored positions are
 * confirmed to the slot.
 */
import type { Position, SourceBatch, SourceContext, SourcePartition } from '../../connect/sdk/index.ts'
import type { DatabaseCatalog } from './catalog.ts'
import type { ChangeAssembler } from './change-assembler.ts'
import type { Heartbeat } from './heartbeat.ts'
import { checkLink } from './link-check.ts'
import type { ReplicationConnection } from './replication-connection.ts'
import type { PostgresSourceConfig } from './settings.ts'
import type { SlotXmin } from './slot-xmin.ts'
import { confirmableLsn } from './stream-position.ts'
import type { Lsn, StreamListener } from './types.ts'

/** How often the metrics of the stream are set. */
const GAUGE_INTERVAL_MS = 1_000

export interface ChangeStreamOptions {
  context: SourceContext<PostgresSourceConfig>
  connection: ReplicationConnection
  catalog: DatabaseCatalog
  assembler: ChangeAssembler
  heartbeat: Heartbeat
  xmin: SlotXmin
  listener: StreamListener | null
  partition: SourcePartition
  /** ms of a clock that never goes back. */
  monotonicMs(): number
}

export class ChangeStream {
  readonly #options: ChangeStreamOptions
  readonly #confirms: boolean
  /** Of the last position that was yielded, and of the last that was stored. */
  #yieldedLsn: Lsn
  #storedLsn: Lsn
  #yieldedMs: number
  #gaugesMs = 0

  constructor(options: ChangeStreamOptions) {
    this.#options = options
    const { context, assembler, connection, listener, partition } = options
    const { config } = context
    this.#confirms = config['lsn.flush.mode'] !== 'manual' && config['flush.lsn.source']
    this.#yieldedLsn = assembler.position.lsn
    this.#storedLsn = this.#yieldedLsn
    this.#yieldedMs = options.monotonicMs()
    listener?.onWork(() => connection.wake())
    context.onPositionsStored?.((positions) => this.#onStored(positions, partition))
  }

  async *batches(): AsyncGenerator<SourceBatch, void, void> {
    const { context, connection, assembler, catalog, listener } = this.#options
    const { signal } = context
    while (!signal.aborted) {
      for (let message = connection.take(); message; message = connection.take()) {
        if (assembler.isFull(message)) yield this.#batch()
        if (signal.aborted) return
        const relation = assembler.add(message)
        if (relation) assembler.define(await catalog.relationTable(relation))
        if (!assembler.isInTransaction && listener?.hasWork(assembler.position.lsn)) yield* this.#work(listener)
      }
      if (!assembler.isInTransaction) yield* this.#betweenTransactions()
      if (signal.aborted) return
      this.#setGauges()
      await connection.arrival(this.#waitMs(), signal)
      await checkLink(connection, context.config)
    }
  }

  /** Nothing more has arrived, and no transaction is open. */
  async *#betweenTransactions(): AsyncGenerator<SourceBatch, void, void> {
    const { assembler, listener, heartbeat, connection, context, monotonicMs } = this.#options
    assembler.advance(connection.walEnd)
    connection.received(assembler.position.lsn)
    const now = monotonicMs()
    const beat = heartbeat.next(now)
    const isDue = now - this.#yieldedMs >= context.config['status.update.interval.ms'] && assembler.position.lsn > this.#yieldedLsn
    if (assembler.recordCount > 0) yield this.#batch()
    else if (isDue && !beat) yield this.#batch()
    if (beat) yield { records: [beat], positions: [this.#position()] }
    if (listener?.hasWork(assembler.position.lsn)) yield* this.#work(listener)
    this.#confirmIdle()
  }

  /** What signals do here: its batches have the positions of the stream. */
  async *#work(listener: StreamListener): AsyncGenerator<SourceBatch, void, void> {
    const { assembler } = this.#options
    if (assembler.recordCount > 0) yield this.#batch()
    for await (const batch of listener.work(assembler.position)) yield { ...batch, positions: [this.#position()] }
  }

  #batch(): SourceBatch {
    this.#options.xmin.refresh(this.#options.monotonicMs())
    this.#setGauges()
    return { records: this.#options.assembler.take(), positions: [this.#position()] }
  }

  #position(): Position {
    const { assembler, partition, monotonicMs } = this.#options
    this.#yieldedLsn = assembler.position.lsn
    this.#yieldedMs = monotonicMs()
    return { partition, offset: assembler.offset() }
  }

  #waitMs(): number {
    const { context, heartbeat, monotonicMs } = this.#options
    return Math.min(context.config['poll.interval.ms'], heartbeat.dueInMs(monotonicMs()))
  }

  #onStored(positions: readonly Position[], partition: SourcePartition): void {
    const stored = positions.find((position) => position.partition.server === partition.server)
    const lsn = stored && confirmableLsn(stored.offset)
    if (!stored || lsn === null || lsn === undefined) return
    this.#storedLsn = Number(stored.offset.lsn_proc)
    if (this.#confirms) this.#options.connection.confirm(lsn)
  }

  /** In this mode the slot moves with the server though nothing was captured; all that was must be stored. */
  #confirmIdle(): void {
    const { context, connection, assembler } = this.#options
    if (!this.#confirms || context.config['lsn.flush.mode'] !== 'connector_and_driver' || this.#storedLsn !== this.#yieldedLsn) return
    connection.confirm(assembler.position.lsn)
  }

  #setGauges(): void {
    const { context, connection, assembler, monotonicMs } = this.#options
    const now = monotonicMs()
    if (!context.gauge || now - this.#gaugesMs < GAUGE_INTERVAL_MS) return
    this.#gaugesMs = now
    const { position, counts, isInTransaction } = assembler
    const isBehind = isInTransaction || connection.bufferedBytes > 0
    context.gauge('replication-lag-bytes', Math.max(connection.walEnd - position.lsn, 0))
    context.gauge('milliseconds-behind-source', isBehind ? Math.max(Date.now() - Math.floor((position.timestampMicros ?? 0) / 1000), 0) : 0)
    context.gauge('total-number-of-events-seen', counts.changes)
    context.gauge('number-of-committed-transactions', counts.transactions)
    context.gauge('current-queue-size-in-bytes', connection.bufferedBytes)
  }
}
