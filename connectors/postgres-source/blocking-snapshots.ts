/**
 * Blocking snapshots: the stream waits while tables are read. What is asked for and what of it is delivered is stored with the position of
 * the stream, so that a restart goes on with it.
 */
import type { SourceBatch, SourceOffset } from '../../connect/sdk/index.ts'
import { isRefusal } from './database.ts'
import { matchesAny } from './filters.ts'
import type { Notifications } from './notifications.ts'
import { filterOf, type SnapshotCondition } from './signal-message.ts'
import { isSignalTable } from './signal-settings.ts'
import { takeSnapshot } from './snapshot.ts'
import { SnapshotProgress } from './snapshot-progress.ts'
import { qualifiedTable, tableName } from './snapshot-selection.ts'
import { SnapshotWork } from './snapshot-work.ts'
import type { SourceStage, StreamPosition, Table } from './types.ts'

const FIELD = 'tributary_blocking_snapshots'

interface BlockingRequest {
  /** The id of the signal. */
  id: string
  collections: readonly string[]
  conditions: readonly SnapshotCondition[]
}

export class BlockingSnapshots {
  readonly #stage: SourceStage
  readonly #notifications: Notifications
  readonly #requests: BlockingRequest[]
  /** Of the first request. */
  #progress: SnapshotProgress

  constructor(stage: SourceStage, stored: SourceOffset | null, notifications: Notifications) {
    const { requests, progress } = parsed(stored?.[FIELD])
    this.#stage = stage
    this.#notifications = notifications
    this.#requests = requests
    this.#progress = SnapshotProgress.parse(progress)
  }

  get isWaiting(): boolean {
    return this.#requests.length > 0
  }

  add(request: BlockingRequest): void {
    this.#requests.push(request)
  }

  offsetFields(): SourceOffset {
    if (this.#requests.length === 0) return {}
    return { [FIELD]: JSON.stringify({ requests: this.#requests, progress: this.#progress.toString() }) }
  }

  /** Takes all that are waiting. */
  async *work(position: StreamPosition): AsyncGenerator<SourceBatch, void, void> {
    const { context } = this.#stage
    for (let request = this.#requests[0]; request && !context.signal.aborted; request = this.#requests[0]) {
      context.log.info(`The stream waits for the blocking snapshot that the signal ${request.id} asks for`)
      try {
        yield* this.#taken(request, position)
      } catch (error) {
        if (!isRefusal(error)) throw error
        // It would be refused after each restart too.
        context.log.error(`The blocking snapshot that the signal ${request.id} asks for is given up: ${(error as Error).message}`)
        this.#finish()
        yield { records: this.#notifications.notify('Initial Snapshot', 'ABORTED'), positions: [] }
      }
    }
  }

  /** With its last batch it is stored that nothing is left to do. */
  #finish(): void {
    this.#requests.shift()
    this.#progress = new SnapshotProgress()
  }

  async *#taken(
    { collections, conditions }: BlockingRequest,
    { commitLsn, lsn, txId }: StreamPosition,
  ): AsyncGenerator<SourceBatch, void, void> {
    const { context, catalog } = this.#stage
    const patterns = collections.map((list) => matchesAny(list))
    const isNamed = (table: Table) => patterns.some((matches) => matches(tableName(table)) || matches(qualifiedTable(table)))
    const tables = (await catalog.capturedTables()).filter((table) => isNamed(table) && !isSignalTable(table, context.config))
    const work = new SnapshotWork(context, this.#notifications)
    try {
      yield* takeSnapshot(this.#stage, {
        tables,
        statement: (table) => filterOf(tableName(table), conditions) || null,
        snapshotName: null,
        source: () => ({ lsn, txId, sequence: `[${commitLsn === null ? null : `"${commitLsn}"`},"${lsn}"]` }),
        progress: this.#progress,
        offset: (_, open) => {
          if (open === null) this.#finish()
          return {}
        },
        work,
      })
    } finally {
      work.close()
    }
  }
}

function parsed(text: unknown): { requests: BlockingRequest[]; progress: unknown } {
  const none = { requests: [], progress: null }
  if (typeof text !== 'string') return none
  try {
    const { requests, progress } = JSON.parse(text) as { requests: BlockingRequest[]; progress: unknown }
    return Array.isArray(requests) ? { requests, progress } : none
  } catch {
    return none
  }
}
