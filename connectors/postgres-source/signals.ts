/**
 * Signals to the task, from rows of the table of signals in the stream and from a file: snapshots to take, to stop, to pause and to
 * resume, and lines for the log. What they ask for is done between transactions.
 */
import type { SourceBatch, SourceOffset, SourceRecord } from '../../connect/sdk/index.ts'
import { BlockingSnapshots } from './blocking-snapshots.ts'
import { IncrementalSnapshot, namesOf } from './incremental-snapshot.ts'
import { IncrementalState } from './incremental-state.ts'
import { Notifications } from './notifications.ts'
import { SignalFile } from './signal-file.ts'
import { expanded, filterOf, type Signal, type SignalAction, signalAction } from './signal-message.ts'
import { signalTable } from './signal-settings.ts'
import { tableName } from './snapshot-selection.ts'
import { streamOffset } from './stream-position.ts'
import { StreamTransactions } from './stream-transactions.ts'
import type { Lsn, RowChange, SourceStage, StreamListener, StreamPosition, Table } from './types.ts'

/** More signals than these wait for nothing but a mistake. */
const MAX_WAITING = 10_000

export class Signals implements StreamListener {
  readonly #stage: SourceStage
  readonly #table: Pick<Table, 'schema' | 'name'> | null
  readonly #file: SignalFile | null
  readonly #state: IncrementalState
  readonly #notifications: Notifications
  readonly #transactions = new StreamTransactions()
  readonly #incremental: IncrementalSnapshot
  readonly #blocking: BlockingSnapshots
  readonly #waiting: Signal[] = []
  #wake = () => {}

  private constructor(stage: SourceStage, stored: SourceOffset | null) {
    const { context } = stage
    const { config, log } = context
    const channels = config['signal.enabled.channels']
    this.#stage = stage
    this.#table = channels.includes('source') || !config['read.only'] ? signalTable(config) : null
    this.#state = IncrementalState.load(stored)
    this.#notifications = new Notifications(config, log)
    this.#incremental = new IncrementalSnapshot(stage, this.#state, this.#notifications, this.#transactions)
    this.#blocking = new BlockingSnapshots(stage, stored, this.#notifications)
    this.#file = channels.includes('file')
      ? new SignalFile(config['signal.file'], config['signal.poll.interval.ms'], log, (signals) => {
          for (const signal of signals) this.#take(signal)
          this.#wake()
        })
      : null
    if (this.#state.isRunning) log.info(`The incremental snapshot of ${namesOf(this.#state.collections)} goes on`)
  }

  /** Null where no signal can come and none is being followed. */
  static open(stage: SourceStage, stored: SourceOffset | null): Signals | null {
    const { config } = stage.context
    if (config['signal.data.collection'] === null && !config['signal.enabled.channels'].includes('file')) return null
    return new Signals(stage, stored)
  }

  watches({ schema, name }: Table): boolean {
    return this.#stage.isCaptured(schema, name)
  }

  change(change: RowChange): void {
    const { table, source } = change
    this.#transactions.saw(source.txId)
    if (table.name === this.#table?.name && table.schema === this.#table.schema) this.#signalChange(change)
    else if (this.#state.isRunning) this.#incremental.change(change)
  }

  hasWork(reached: Lsn): boolean {
    return this.#waiting.length > 0 || this.#blocking.isWaiting || this.#incremental.hasWork(reached)
  }

  async *work(position: StreamPosition): AsyncGenerator<SourceBatch, void, void> {
    for (let signal = this.#waiting.shift(); signal; signal = this.#waiting.shift()) {
      const records = await this.#execute(signal, position)
      if (records.length > 0) yield { records, positions: [] }
    }
    if (this.#blocking.isWaiting) yield* this.#blocking.work(position)
    if (this.#incremental.hasWork(position.lsn)) yield* this.#incremental.work(position)
  }

  offsetFields(): SourceOffset {
    return { ...this.#state.offsetFields(), ...this.#blocking.offsetFields() }
  }

  onWork(wake: () => void): void {
    this.#wake = wake
  }

  async close(): Promise<void> {
    await this.#file?.close()
    await this.#incremental.close()
  }

  /** A row was written to the table of signals, or the mark of an open window was deleted. */
  #signalChange({ operation, before, after }: RowChange): void {
    const [id, type, data] = (operation === 'c' ? after : operation === 'd' ? before : null) ?? []
    if (typeof id !== 'string') return
    if (operation === 'd') {
      if (id.endsWith('-open')) this.#incremental.mark('close', id.replace('open', 'close'))
    } else if (typeof type === 'string') this.#take({ id, type, data: data ?? null })
  }

  #take(signal: Signal): void {
    const action = signalAction(signal)
    if (typeof action !== 'string' && action.action === 'window') this.#incremental.mark(action.edge, signal.id)
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(signal)
    else this.#stage.context.log.error(`The signal ${signal.id} is ignored: ${MAX_WAITING} signals are waiting`)
  }

  async #execute(signal: Signal, position: StreamPosition): Promise<SourceRecord[]> {
    const { log } = this.#stage.context
    const action = signalAction(signal)
    if (typeof action === 'string') {
      log.warn(action)
      return []
    }
    switch (action.action) {
      case 'log':
        log.info(action.message.replaceAll('{}', () => JSON.stringify({ ...streamOffset(position), ...this.offsetFields() })))
        return []
      case 'execute-snapshot':
        return await this.#start(signal, action)
      case 'stop-snapshot':
        return await this.#stop(action.collections)
      case 'pause-snapshot':
      case 'resume-snapshot':
        return this.#pause(action.action === 'pause-snapshot')
      default:
        return []
    }
  }

  async #start({ id }: Signal, action: Extract<SignalAction, { action: 'execute-snapshot' }>): Promise<SourceRecord[]> {
    const { collections, conditions, surrogateKey, type } = action
    this.#stage.context.log.info(`The signal ${id} asks for a snapshot (${type}) of ${collections.join(', ')}`)
    if (type === 'blocking') {
      this.#blocking.add({ id, collections, conditions })
      return []
    }
    const wasRunning = this.#state.isRunning
    const added = expanded(collections, await this.#captured()).map((name) => ({
      name,
      filter: filterOf(name, conditions),
      surrogateKey,
      signal: id,
    }))
    this.#state.add(added, id)
    if (wasRunning) return []
    return this.#notify('STARTED', { data_collections: namesOf(this.#state.collections) })
  }

  async #stop(collections: readonly string[] | null): Promise<SourceRecord[]> {
    const { log } = this.#stage.context
    if (!this.#state.isRunning) {
      log.warn('No incremental snapshot is running, so that none is stopped')
      return []
    }
    const { current, signal } = this.#state
    const removed = this.#state.remove(collections && expanded(collections, await this.#captured()))
    if (this.#state.current !== current) this.#incremental.reset()
    if (!this.#state.isRunning) await this.#incremental.close()
    log.info(`The incremental snapshot of ${removed.join(', ') || 'no table'} is stopped`)
    return this.#notifications.notify('Incremental Snapshot', 'ABORTED', { data_collections: removed.join(',') }, signal ?? undefined)
  }

  #pause(isPaused: boolean): SourceRecord[] {
    if (!this.#state.isRunning || this.#state.isPaused === isPaused) return []
    this.#state.pause(isPaused)
    this.#stage.context.log.info(`The incremental snapshot is ${isPaused ? 'paused' : 'resumed'}`)
    return this.#notify(isPaused ? 'PAUSED' : 'RESUMED', { data_collections: namesOf(this.#state.collections) })
  }

  #notify(type: string, data: Record<string, string>): SourceRecord[] {
    return this.#notifications.notify('Incremental Snapshot', type, data, this.#state.signal ?? undefined)
  }

  async #captured(): Promise<string[]> {
    return (await this.#stage.catalog.capturedTables()).map((table: Table) => tableName(table))
  }
}
