/**
 * Lets tasks wait, without polling, for a state of this process. The code that changes the state calls `notify`.
 */

export class Condition {
  readonly #waiting = new Set<() => void>()

  /** Makes every waiting task check again. Costs nothing while none waits. */
  notify(): void {
    if (this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /** Resolves when `reached` returns true, which is checked now and after each `notify`, or when `signal` aborts. */
  async until(reached: () => boolean, signal?: AbortSignal): Promise<void> {
    while (!signal?.aborted && !reached()) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake)
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        this.#waiting.add(wake)
        signal?.addEventListener('abort', wake, { once: true })
      })
    }
  }
}

/** Resolves when the signal aborts. */
export const aborted = (signal: AbortSignal): Promise<void> => new Condition().until(() => false, signal)
