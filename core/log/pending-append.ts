/**
 * What `append` answers. Its promises belong to the turn that the batch goes down with and come into being when they are asked for.
 */

import type { AppendResult } from './types.ts'
import type { LazyPromise } from './write-scheduler.ts'

export class Appended implements AppendResult {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
  readonly #writing: LazyPromise
  readonly #syncing: LazyPromise

  constructor(
    baseOffset: number,
    lastOffset: number,
    logAppendTimeMs: number,
    logStartOffset: number,
    writing: LazyPromise,
    syncing: LazyPromise,
  ) {
    this.baseOffset = baseOffset
    this.lastOffset = lastOffset
    this.logAppendTimeMs = logAppendTimeMs
    this.logStartOffset = logStartOffset
    this.#writing = writing
    this.#syncing = syncing
  }

  get written(): Promise<void> {
    return this.#writing.promise
  }

  get durable(): Promise<void> {
    return this.#syncing.promise
  }
}
