/**
 * Replays of dead letters by a task in a thread, as its owner sees them: letters go there, and are marked here once they are durable. What
 * waits when the thread ends is refused.
 */
import { ConnectError } from '../../types.ts'
import type { DeadLetter } from '../dead-letter.ts'
import type { ReplayCounts } from '../task-control.ts'
import { errorOf, plainError } from './thread-errors.ts'
import type { FromThread, ToThread } from './thread-messages.ts'

interface Replay {
  done(): Promise<void>
  result: PromiseWithResolvers<ReplayCounts>
}

type ReplayMessage = Extract<FromThread, { type: 'replayed' | 'replay ended' }>

const ended = () => new ConnectError(409, 'The task has stopped before it has replayed the dead letters: replay them again.')

export class ThreadReplays {
  readonly #send: (message: ToThread) => void
  readonly #replays = new Map<number, Replay>()
  #nextId = 0
  #closed = false

  constructor(send: (message: ToThread) => void) {
    this.#send = send
  }

  replay(letters: readonly DeadLetter[], done: () => Promise<void>): Promise<ReplayCounts> {
    if (this.#closed) return Promise.reject(ended())
    const result = Promise.withResolvers<ReplayCounts>()
    const id = this.#nextId++
    this.#replays.set(id, { done, result })
    this.#send({ type: 'replay', id, letters })
    return result.promise
  }

  onMessage(message: ReplayMessage): void {
    const replay = this.#replays.get(message.id)
    if (!replay) return
    if (message.type === 'replayed') void this.#mark(message.id, replay)
    else {
      this.#replays.delete(message.id)
      if (message.counts) replay.result.resolve(message.counts)
      else replay.result.reject(message.error ? errorOf(message.error) : ended())
    }
  }

  async #mark(id: number, { done }: Replay): Promise<void> {
    try {
      await done()
      this.#send({ type: 'marked', id, error: null })
    } catch (error) {
      this.#send({ type: 'marked', id, error: plainError(error) })
    }
  }

  /** The thread has ended. */
  close(): void {
    this.#closed = true
    for (const { result } of this.#replays.values()) result.reject(ended())
    this.#replays.clear()
  }
}
