/**
 * Runs tasks one after another, in the order of the calls. Only its caller gets the error of a task; the next task runs anyway.
 */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task)
    this.#last = result.catch(() => {})
    return result
  }
}
