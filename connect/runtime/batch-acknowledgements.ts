/**
 * Tells a source which of its batches are acknowledged: each once, in the order of reading, after all batches before it. A batch of an
 * aborted transaction that is read again is forgotten.
 */
import type { SourceBatch } from '../sdk/index.ts'

interface ReadBatch {
  batch: SourceBatch
  done: boolean
}

export class BatchAcknowledgements {
  /** In the order of reading, from the first that is not acknowledged. */
  #read: ReadBatch[] = []

  /** Returns what marks the batch as done. Call `tell` after it. */
  add(batch: SourceBatch): () => void {
    const read: ReadBatch = { batch, done: false }
    this.#read.push(read)
    return () => {
      read.done = true
    }
  }

  /** Tells the source what is done, and everything before is. Throws what its code throws. */
  tell(): void {
    let told = 0
    while (told < this.#read.length && this.#read[told]!.done) told++
    for (const { batch } of this.#read.splice(0, told)) batch.acknowledged?.()
  }

  /** They are read again. */
  forget(): void {
    this.#read = []
  }
}
