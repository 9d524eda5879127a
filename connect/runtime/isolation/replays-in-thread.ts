/** Replays of dead letters inside the thread of a task: the owner sends letters, and marks them once they are durable. */
import type { DeadLetter } from '../dead-letter.ts'
import type { RunnableTask } from '../task-control.ts'
import { errorOf, type PlainError, plainError } from './thread-errors.ts'
import type { FromThread } from './thread-messages.ts'

/** A clone between threads has no Buffers. */
const buffer = (bytes: Uint8Array | null): Buffer | null => bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const whole = ({ record, ...place }: DeadLetter): DeadLetter => ({
  ...place,
  record: {
    ...record,
    key: buffer(record.key),
    value: buffer(record.value),
    headers: record.headers.map(({ key, value }) => ({ key, value: buffer(value) })),
  },
})

export class ReplaysInThread {
  readonly #tell: (message: FromThread) => void
  readonly #marks = new Map<number, PromiseWithResolvers<void>>()
  /** While it runs. */
  task: RunnableTask | null = null

  constructor(tell: (message: FromThread) => void) {
    this.#tell = tell
  }

  /** Never rejects: the owner gets the error. */
  async run(id: number, letters: readonly DeadLetter[]): Promise<void> {
    try {
      if (!this.task?.replay) throw new Error('a task of this kind has no dead letters, or it does not run')
      const counts = await this.task.replay(letters.map(whole), () => this.#marked(id))
      this.#tell({ type: 'replay ended', id, counts, error: null })
    } catch (error) {
      this.#tell({ type: 'replay ended', id, counts: null, error: plainError(error) })
    } finally {
      this.#marks.delete(id)
    }
  }

  #marked(id: number): Promise<void> {
    const mark = Promise.withResolvers<void>()
    this.#marks.set(id, mark)
    this.#tell({ type: 'replayed', id })
    return mark.promise
  }

  onMarked(id: number, error: PlainError | null): void {
    if (error) this.#marks.get(id)?.reject(errorOf(error))
    else this.#marks.get(id)?.resolve()
  }
}
