/**
 * Flushes rolled segments in the background: their bytes, indexes and producer snapshots, one segment after another. The recovery point of
 * the partition passes a segment only after this flush. Invariant 1.
 */
import { KafkaError } from '../errors.ts'
import { SerialQueue } from '../system/serial-queue.ts'
import type { LogContext } from './log-context.ts'
import { allSynced, isTooManyOpenFiles, REOPEN_BACKOFF_MS } from './open-files.ts'
import type { Segment } from './segment.ts'

export interface FlusherEvents {
  /** Everything before `offset` is durable. */
  onFlushed(offset: number): void
  onFailed(error: KafkaError): void
}

export class RolledSegmentFlusher {
  readonly #context: LogContext
  readonly #folder: string
  readonly #events: FlusherEvents
  readonly #queue = new SerialQueue()
  #pending = 0
  #isClosing = false

  constructor(context: LogContext, folder: string, events: FlusherEvents) {
    this.#context = context
    this.#folder = folder
    this.#events = events
  }

  get isIdle(): boolean {
    return this.#pending === 0
  }

  /** Flushes `segment` and the files at `paths`. The next segment begins at `nextOffset`. */
  flush(segment: Segment, paths: readonly string[], nextOffset: number): void {
    segment.log.pin()
    this.#pending++
    void this.#queue.run(() => this.#flush(segment, paths, nextOffset))
  }

  /** Called when the log closes: a flush that fails is not retried any more. */
  stopRetrying(): void {
    this.#isClosing = true
  }

  /** Resolves when every flush so far has ended. Failures are reported by `onFailed`. */
  flushed(): Promise<void> {
    return this.#queue.run(() => Promise.resolve())
  }

  async #flush(segment: Segment, paths: readonly string[], nextOffset: number): Promise<void> {
    try {
      await this.#sync(segment, paths)
      this.#events.onFlushed(nextOffset)
    } catch (cause) {
      // Retention may have deleted the files during the flush.
      if (segment.isDeleted) return
      const message = `${this.#folder}: a rolled segment cannot be flushed: ${(cause as Error).message}`
      this.#events.onFailed(new KafkaError('KAFKA_STORAGE_ERROR', message, { cause }))
    } finally {
      segment.log.unpin()
      this.#pending--
    }
  }

  async #sync(segment: Segment, paths: readonly string[]): Promise<void> {
    const { clock, disk } = this.#context
    for (;;) {
      try {
        await allSynced([disk.fdatasync(segment.log.use()), ...paths.map((path) => disk.syncFile(path))])
        await disk.syncFolder(this.#folder)
        return
      } catch (cause) {
        if (!isTooManyOpenFiles(cause) || this.#isClosing) throw cause
        await clock.sleep(REOPEN_BACKOFF_MS)
      }
    }
  }
}
