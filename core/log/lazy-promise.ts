/**
 * A promise for the write path: created only when it is read, so that an append that nobody waits for allocates none. A rejection without a
 * listener is not reported as unhandled.
 */
const ignore = () => {}
const done: Promise<void> = Promise.resolve()

export class LazyPromise {
  #state: 'pending' | 'resolved' | 'rejected' = 'pending'
  #error: Error | null = null
  #created: Promise<void> | null = null
  #resolve: () => void = ignore
  #reject: (error: Error) => void = ignore

  get promise(): Promise<void> {
    if (this.#created !== null) return this.#created
    if (this.#state === 'resolved') return done
    this.#created =
      this.#state === 'rejected'
        ? Promise.reject(this.#error)
        : new Promise((resolve, reject) => {
            this.#resolve = resolve
            this.#reject = reject
          })
    this.#created.catch(ignore)
    return this.#created
  }

  resolve(): void {
    this.#state = 'resolved'
    this.#resolve()
  }

  reject(error: Error): void {
    this.#state = 'rejected'
    this.#error = error
    this.#reject(error)
  }
}

export const resolved: LazyPromise = new LazyPromise()
resolved.resolve()
