/**
 * Lets tasks run one after the other, in the order in which they come. A task that fails is its caller's to hear of; the next one goes on.
 */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task)
    this.#last = turn.catch(() => {})
    return turn
  }
}
