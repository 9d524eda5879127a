/**
 * Which positions of a source may be stored: those whose records, and all records before them in the same source partition, are
 * acknowledged (Invariant 6). A slow source partition does not delay the others. It sends and stores nothing.
 */
import type { Position, SourceOffset, SourcePartition } from '../sdk/index.ts'
import { canonicalPartition } from '../storage/offset-backing-store.ts'

interface SubmittedPosition {
  acked: boolean
  offset: SourceOffset
  partition: SourcePartition
}

export interface SubmittedBatch {
  /** The records of the batch are acknowledged. */
  ack(): void
}

export class SubmittedRecords {
  /** For each source partition in the order of reading. */
  readonly #submitted = new Map<string, SubmittedPosition[]>()
  /** The newest position of each source partition that may be stored. */
  #committable = new Map<string, Position>()

  /** Adds the positions of a batch that is being sent. */
  submit(positions: readonly Position[]): SubmittedBatch {
    const added = positions.map(({ partition, offset }) => {
      const key = canonicalPartition(partition)
      const position: SubmittedPosition = { acked: false, offset, partition }
      const queue = this.#submitted.get(key)
      if (queue) queue.push(position)
      else this.#submitted.set(key, [position])
      return { key, position }
    })
    return {
      ack: () => {
        for (const { key, position } of added) {
          position.acked = true
          this.#advanceCommittable(key)
        }
      },
    }
  }

  #advanceCommittable(key: string): void {
    const queue = this.#submitted.get(key)
    if (!queue) return
    let acked = 0
    while (acked < queue.length && queue[acked]!.acked) acked++
    if (acked === 0) return
    const { partition, offset } = queue[acked - 1]!
    this.#committable.set(key, { partition, offset })
    if (acked === queue.length) this.#submitted.delete(key)
    else queue.splice(0, acked)
  }

  /** Removes and returns the positions to store. The caller returns those that it could not store with `restore`. */
  committablePositions(): Position[] {
    const positions = [...this.#committable.values()]
    this.#committable = new Map()
    return positions
  }

  /** Positions that could not be stored. Newer ones replace them. */
  restore(positions: readonly Position[]): void {
    for (const position of positions) {
      const key = canonicalPartition(position.partition)
      if (!this.#committable.has(key)) this.#committable.set(key, position)
    }
  }
}
