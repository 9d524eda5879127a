/**
 * Reads a source: runs the connector's `read` from the stored positions, and again after a retriable error, and hands each batch over to a
 * delivery. Both kinds of source tasks use it; it sends and stores nothing.
 */
import type { System } from '../../core/system/index.ts'
import { within } from '../../core/system/within.ts'
import { EndOfSource, type Position, Retriable, type SourceBatch, type SourceContext, type SourceSide } from '../sdk/index.ts'
import type { SourceOffsets } from '../storage/offset-backing-store.ts'
import type { TaskRateLimit } from './rate-limit.ts'
import { isRetriableError, type RetryWithToleranceOperator } from './retry-with-tolerance-operator.ts'
import type { TaskControl } from './task-control.ts'

/** A read that was repeated after an error and goes on for this long works again, though it may wait for data. */
const READ_WORKS_MS = 30_000
/**
 * A source that stops hears of what is acknowledged and stored until then, before it closes. It waits no longer for a cluster that does not
 * respond: it needs time to close too.
 */
const FINISH_MS = 2_000
/** The task yields to the event loop after this time. */
const MAX_TURN_MS = 5

/** The context of a source task, without what the reader adds to it. */
// biome-ignore lint/suspicious/noExplicitAny: the config's type is the connector's own
export type SourceTaskContext = Omit<SourceContext<any>, 'signal' | 'positions' | 'onPositionsStored'>

type PositionsListener = (positions: readonly Position[]) => void

export interface SourceDelivery {
  /** Why the task must fail; null while it goes well. */
  readonly failure: Error | null
  /** Takes a batch. Resolves when the next one may be read, with the bytes that the batch has in Kafka. */
  deliver(batch: SourceBatch, control: TaskControl): Promise<number>
  /** Waits for `delayMs`, and until the positions of all that was delivered are stored: the next read continues after them. */
  settle(control: TaskControl, delayMs: number): Promise<void>
  /** Resolves when what was delivered is stored, as far as it can be: the source closes then. Never rejects: see `failure`. */
  finish(control: TaskControl): Promise<void>
}

export interface SourceReadingOptions {
  // biome-ignore lint/suspicious/noExplicitAny: see above
  side: SourceSide<any>
  context: SourceTaskContext
  offsets: SourceOffsets
  retryWithTolerance: RetryWithToleranceOperator
  rateLimit?: TaskRateLimit | undefined
  system: System
}

export class SourceReading {
  readonly #options: SourceReadingOptions
  readonly #delivery: SourceDelivery
  #endReading = () => {}
  /** Of the read in progress. */
  #listeners: PositionsListener[] = []
  #turnStart: number
  #attempts = 0

  constructor(options: SourceReadingOptions, delivery: SourceDelivery) {
    this.#options = options
    this.#delivery = delivery
    this.#turnStart = options.system.clock.monotonic()
  }

  /** Resolves when the task stops or the source ends. Throws what fails the task. */
  async run(control: TaskControl): Promise<void> {
    while (!control.stopping && (await this.#readFromStoredPosition(control)));
  }

  /** Ends the read, also while the connector waits for new data: the delivery has failed. */
  end(): void {
    this.#endReading()
  }

  /** Runs the connector's `read` once. True where the task must read again from the last stored position. */
  async #readFromStoredPosition(control: TaskControl): Promise<boolean> {
    const ending = new AbortController()
    const end = () => ending.abort()
    const finishAndEnd = () => void this.#finish(control).then(end)
    this.#endReading = end
    control.signal.addEventListener('abort', finishAndEnd, { once: true })
    control.cancellation.addEventListener('abort', end, { once: true })
    const listeners: PositionsListener[] = []
    this.#listeners = listeners
    let reading: AsyncGenerator<SourceBatch, void, void> | null = null
    const { progress } = control
    const works = this.#attempts > 0 ? this.#options.system.clock.after(READ_WORKS_MS, () => progress.end('read')) : null
    try {
      await progress.during('start', () => this.#options.offsets.refresh())
      if (control.stopping) return false
      reading = this.#options.side.read({
        ...this.#options.context,
        signal: ending.signal,
        positions: this.#positions,
        onPositionsStored: (listener) => void listeners.push(listener),
      })
      for (;;) {
        if (control.paused) await control.awaitUnpause()
        if (control.stopping) return false
        if (!(await this.#readBatch(reading, control, ending.signal))) return false
      }
    } catch (error) {
      if (this.#delivery.failure) throw this.#delivery.failure
      if (error instanceof EndOfSource || (control.stopping && (error as Error)?.name === 'AbortError')) return false
      if (!isRetriableError(error)) throw error
      works?.cancel()
      progress.begin('read')
      return await this.#backOff(error, control)
    } finally {
      works?.cancel()
      // A batch that came while the task was stopping has been delivered since.
      if (control.stopping && !this.#delivery.failure) await this.#finish(control)
      control.signal.removeEventListener('abort', finishAndEnd)
      control.cancellation.removeEventListener('abort', end)
      await reading?.return()
      this.#listeners = []
    }
  }

  /** False where there is no further one. A function of its own, so that nothing keeps the batch while the source waits for the next. */
  async #readBatch(reading: AsyncGenerator<SourceBatch, void, void>, control: TaskControl, signal: AbortSignal): Promise<boolean> {
    const next = await reading.next()
    if (this.#delivery.failure) throw this.#delivery.failure
    if (control.cancelled || next.done) return false
    const bytes = await this.#delivery.deliver(next.value, control)
    if (this.#delivery.failure) throw this.#delivery.failure
    this.#attempts = 0
    control.progress.end('read')
    await this.#yieldToEventLoop()
    await this.#throttle(next.value.records.length, bytes, signal)
    return true
  }

  async #finish(control: TaskControl): Promise<void> {
    await within(this.#options.system.clock, FINISH_MS, this.#delivery.finish(control), control.cancellation)
  }

  /** Tells the source. Throws what its code throws. */
  stored(positions: readonly Position[]): void {
    for (const listener of this.#listeners) listener(positions)
  }

  /** Waits until the rate is within its limit again. The task has begun nothing meanwhile, and so is not stalled. */
  async #throttle(records: number, bytes: number, signal: AbortSignal): Promise<void> {
    const { rateLimit, system } = this.#options
    if (!rateLimit) return
    rateLimit.moved(records, bytes, system.clock.monotonic())
    const waitMs = rateLimit.waitMs(system.clock.monotonic())
    if (waitMs > 0) await system.clock.sleep(waitMs, signal)
  }

  /** False where the task stops. */
  async #backOff(error: Error, control: TaskControl): Promise<boolean> {
    const delay = (error instanceof Retriable ? error.afterMs : undefined) ?? this.#options.retryWithTolerance.backoff(this.#attempts)
    this.#attempts++
    control.progress.retrying('read', error, this.#attempts)
    this.#options.context.log.warn(`the source is read again in ${delay} ms: ${error.message}`, { err: error })
    await this.#delivery.settle(control, delay)
    return !control.stopping
  }

  readonly #positions = {
    get: async (partition: Position['partition']) => this.#options.offsets.get(this.#options.context.connector, partition),
  }

  /** A connector that never waits would block the I/O of the process. */
  async #yieldToEventLoop(): Promise<void> {
    const { clock } = this.#options.system
    if (clock.monotonic() - this.#turnStart < MAX_TURN_MS) return
    await new Promise<void>((resolve) => clock.soon(resolve))
    this.#turnStart = clock.monotonic()
  }
}
