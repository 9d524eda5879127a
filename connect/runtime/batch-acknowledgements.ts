/**
 * Tells a source which of its batches are acknowledged: each once, in the order of reading, after all batches before it. A batch of an
 * aborted transaction that is read again is forgotten.
 */
import type { SourceBatch } from '../sdk/index.ts'

interface ReadBatch {
  tell: (() => void) | null
  done: boolean
}

export class BatchAcknowledgements {
  /** In the order of reading, from the first that is not acknowledged. */
  #read: ReadBatch[] = []

  /** Returns what marks the batch as done. Call `tell` after it. */
  add(batch: SourceBatch): () => void {
    // The records of a batch must not stay in memory until they are acknowledged.
    const read: ReadBatch = { tell: batch.acknowledged ? () => batch.acknowledged!() : null, done: false }
    this.#read.push(read)
    return () => {
      read.done = true
    }
  }

  /** Tells the source what is done, and everything before is. Throws what its code throws. */
  tell(): void {
    let told = 0
    while (told < this.#read.length && this.#read[told]!.done) told++
    for (const { tell } of this.#read.splice(0, told)) tell?.()
  }

  /** They are read again. */
  forget(): void {
    this.#read = []
  }
}
