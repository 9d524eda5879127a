/**
 * Runs tasks one after another, in the order of the calls. The error of a task is for its caller; the next task runs all the same.
 */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task)
    this.#last = result.catch(() => {})
    return result
  }
}
