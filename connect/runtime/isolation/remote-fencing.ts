/**
 * The fencing of an exactly-once source whose task is in a thread: the worker does it, each step is a message and its answer.
 */
import type { TaskFencing } from '../task-fencing.ts'
import { errorOf, type PlainError } from './thread-errors.ts'
import type { FencingStep } from './thread-messages.ts'

export class RemoteFencing implements TaskFencing {
  readonly #send: (id: number, step: FencingStep) => void
  readonly #waiting = new Map<number, { resolve(): void; reject(error: Error): void }>()
  #nextId = 0

  constructor(send: (id: number, step: FencingStep) => void) {
    this.#send = send
  }

  /** The worker ends it where the task stops. */
  fenceOlder = (): Promise<void> => this.#ask('fenceOlder')
  verify = (): Promise<void> => this.#ask('verify')

  #ask(step: FencingStep): Promise<void> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#send(id, step)
    })
  }

  onAnswer(id: number, error: PlainError | null): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error) waiting?.reject(errorOf(error))
    else waiting?.resolve()
  }
}
