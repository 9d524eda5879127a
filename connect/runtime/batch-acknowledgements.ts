/**
 * Tells a source which of its batches are acknowledged: each once, in the order of reading, after all batches before it. A batch of an
 * aborted transaction that is read again is forgotten.
 */
import type { SourceBatch } from '../sdk/index.ts'

interface ReadBatch {
  tell: (() => void) | null
  done: boolean
}

/** A function of its own: one that `add` makes would be in memory, with the batch, until the batch is acknowledged. */
const tellerOf = (batch: SourceBatch): ReadBatch['tell'] => (batch.acknowledged ? () => batch.acknowledged!() : null)

export class BatchAcknowledgements {
  /** In the order of reading, from the first that is not acknowledged. */
  #read: ReadBatch[] = []

  /** Returns what marks the batch as done. Call `tell` after it. Of the batch only what it wants to hear is kept until then. */
  add(batch: SourceBatch): () => void {
    const read: ReadBatch = { tell: tellerOf(batch), done: false }
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
