/**
 * The result of an append: its offsets at once, its promises from the group commit that writes the batch.
 */
import type { LazyPromise } from './lazy-promise.ts'
import type { AppendResult } from './types.ts'

export class PendingAppend implements AppendResult {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
  readonly #written: LazyPromise
  readonly #durable: LazyPromise

  constructor(
    baseOffset: number,
    lastOffset: number,
    logAppendTimeMs: number,
    logStartOffset: number,
    written: LazyPromise,
    durable: LazyPromise,
  ) {
    this.baseOffset = baseOffset
    this.lastOffset = lastOffset
    this.logAppendTimeMs = logAppendTimeMs
    this.logStartOffset = logStartOffset
    this.#written = written
    this.#durable = durable
  }

  get written(): Promise<void> {
    return this.#written.promise
  }

  get durable(): Promise<void> {
    return this.#durable.promise
  }
}
