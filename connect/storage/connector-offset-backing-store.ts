/**
 * The positions of one connector that has an offset topic of its own (`offsets.storage.topic`), or that is in another cluster than the
 * worker's. Its own topic counts; the worker's topic has a copy, and is read for source partitions that the own topic does not have.
 */
import type { Position, SourceOffset, SourcePartition } from '../sdk/index.ts'
import { canonicalPartition, OffsetBackingStore, type SourceOffsets, type StoredPosition } from './offset-backing-store.ts'
import type { LogRecord, RecordLog } from './record-log.ts'

export class ConnectorOffsetBackingStore implements SourceOffsets {
  readonly #log: RecordLog
  readonly #own: OffsetBackingStore
  readonly #ofWorker: OffsetBackingStore
  readonly #warn: (message: string, details: object) => void
  #opened = false

  constructor(log: RecordLog, ofWorker: OffsetBackingStore, warn: (message: string, details: object) => void) {
    this.#log = log
    this.#own = new OffsetBackingStore(log, (message, key) => warn(message, { key }))
    this.#ofWorker = ofWorker
    this.#warn = warn
  }

  /** Reads the own topic, and creates it where it is missing. */
  async open(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#opened) return
    this.#opened = true
    try {
      await this.#own.start()
    } catch (cause) {
      throw new Error(
        `The offset topic of the connector could not be opened: ${(cause as Error).message}. See offsets.storage.topic, and what ` +
          'consumer.override.* and admin.override.* of the connector may do.',
        { cause },
      )
    }
  }

  async refresh(): Promise<void> {
    await Promise.all([this.#own.refresh(), this.#ofWorker.refresh()])
  }

  get(connector: string, partition: SourcePartition): SourceOffset | null {
    return this.#own.get(connector, partition) ?? this.#ofWorker.get(connector, partition)
  }

  all(connector: string): Position[] {
    const positions = new Map(this.#ofWorker.all(connector).map((position) => [canonicalPartition(position.partition), position]))
    for (const position of this.#own.all(connector)) positions.set(canonicalPartition(position.partition), position)
    return [...positions.values()]
  }

  /**
   * Deletions go to the worker's topic first: an offset that is left there would come back (KAFKA-15018). Other positions go there after
   * the own topic has them.
   */
  async put(connector: string, positions: readonly StoredPosition[]): Promise<void> {
    await this.deleteCopies(connector, positions)
    await this.#own.put(connector, positions)
    this.copy(connector, positions)
  }

  records(connector: string, positions: readonly StoredPosition[]): LogRecord[] {
    return this.#own.records(connector, positions)
  }

  async deleteCopies(connector: string, positions: readonly StoredPosition[]): Promise<void> {
    const deleted = positions.filter(({ offset }) => offset === null)
    if (deleted.length > 0) await this.#ofWorker.put(connector, deleted)
  }

  /** Copies positions to the worker's topic. Nobody waits for it: the own topic has them. */
  copy(connector: string, positions: readonly StoredPosition[]): void {
    const stored = positions.filter(({ offset }) => offset !== null)
    this.#ofWorker.put(connector, stored).catch((error) => {
      this.#warn("positions could not be copied to the worker's offset topic; the next ones replace them", { err: error, connector })
    })
  }

  async release(): Promise<void> {
    if (!this.#opened) return
    try {
      await this.#log.close()
    } catch (error) {
      this.#warn('an offset topic could not be closed', { err: error })
    }
  }
}
