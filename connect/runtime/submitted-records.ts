/**
 * Which positions of a source may be stored: those whose records, and all records before them in the same part of the source, are durable
 * (Invariant 6). One slow part does not hold the others back. It sends and stores nothing.
 */
import type { Position, SourceOffset, SourcePartition } from '../sdk/index.ts'
import { canonical } from '../storage/offset-backing-store.ts'

interface Step {
  done: boolean
  offset: SourceOffset
  partition: SourcePartition
}

/** What was taken with one batch: to be told when its records are durable. */
export interface SubmittedBatch {
  done(): void
}

export class SubmittedRecords {
  /** In the order of reading, oldest first, for each part of the source. */
  readonly #parts = new Map<string, Step[]>()
  /** The newest position of each part that may be stored and was not taken yet. */
  #committable = new Map<string, Position>()
  #open = 0

  /** Batches whose records are not durable yet. */
  get underWay(): number {
    return this.#open
  }

  taken(positions: readonly Position[]): SubmittedBatch {
    this.#open++
    const steps = positions.map(({ partition, offset }) => {
      const id = canonical(partition)
      const step: Step = { done: false, offset, partition }
      const queue = this.#parts.get(id)
      if (queue) queue.push(step)
      else this.#parts.set(id, [step])
      return { id, step }
    })
    let decided = false
    return {
      done: () => {
        if (decided) return
        decided = true
        this.#open--
        for (const { id, step } of steps) {
          step.done = true
          this.#advance(id)
        }
      },
    }
  }

  #advance(id: string): void {
    const queue = this.#parts.get(id)
    if (!queue) return
    let passed = 0
    while (passed < queue.length && queue[passed]!.done) passed++
    if (passed === 0) return
    const { partition, offset } = queue[passed - 1]!
    this.#committable.set(id, { partition, offset })
    if (passed === queue.length) this.#parts.delete(id)
    else queue.splice(0, passed)
  }

  /** Takes what may be stored now. What then could not be stored comes back through `putBack`. */
  take(): Position[] {
    const positions = [...this.#committable.values()]
    this.#committable = new Map()
    return positions
  }

  /** Positions that could not be stored, unless newer ones have come meanwhile. */
  putBack(positions: readonly Position[]): void {
    for (const position of positions) {
      const id = canonical(position.partition)
      if (!this.#committable.has(id)) this.#committable.set(id, position)
    }
  }
}
