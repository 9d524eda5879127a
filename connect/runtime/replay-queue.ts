/**
 * Dead letters that wait for a task to process them again: the loop of the task takes them between two batches. What waits when the task
 * ends is refused.
 */
import { ConnectError } from '../types.ts'
import type { DeadLetter } from './dead-letter.ts'
import type { ReplayCounts } from './task-control.ts'

interface ReplayRequest {
  letters: readonly DeadLetter[]
  done(): Promise<void>
  result: PromiseWithResolvers<ReplayCounts>
}

const ended = () => new ConnectError(409, 'The task has stopped before it has replayed the dead letters: replay them again.')

export class ReplayQueue {
  #waiting: ReplayRequest[] = []
  #closed = false

  get waits(): boolean {
    return this.#waiting.length > 0
  }

  add(letters: readonly DeadLetter[], done: () => Promise<void>): Promise<ReplayCounts> {
    if (this.#closed) return Promise.reject(ended())
    const result = Promise.withResolvers<ReplayCounts>()
    this.#waiting.push({ letters, done, result })
    return result.promise
  }

  /** Processes what waits. An error of `process` is that of the request and of the task; one of `done` is that of the request alone. */
  async run(process: (letters: readonly DeadLetter[]) => Promise<ReplayCounts>): Promise<void> {
    for (const request of this.#waiting.splice(0)) {
      let counts: ReplayCounts
      try {
        counts = await process(request.letters)
      } catch (error) {
        request.result.reject(error)
        throw error
      }
      await request.done().then(() => request.result.resolve(counts), request.result.reject)
    }
  }

  close(): void {
    this.#closed = true
    for (const { result } of this.#waiting.splice(0)) result.reject(ended())
  }
}
