/**
 * Time as an interface: code that waits or reads the time uses a Clock, so that a simulation can control it.
 */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall time in ms since the epoch: for timestamps. */
  now(): number
  /** Monotonic ms, with fractions: for timeouts, sessions, latencies. */
  monotonic(): number
  /** Runs `task` once after `delayMs`. The timer does not keep the process alive. */
  after(delayMs: number, task: () => void): Timer
  /** Runs `task` every `periodMs`. The timer does not keep the process alive. */
  every(periodMs: number, task: () => void): Timer
  /** Resolves after `delayMs`, or at once when `signal` aborts (it does not reject). */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
  /** Runs `task` after the I/O of the current turn of the event loop. */
  soon(task: () => void): void
}

/** Node ends a timer with a longer time after 1 ms. This one ends after 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, Math.min(MAX_TIMER_MS, delayMs)).unref()
    return { cancel: () => clearTimeout(timer) }
  },
  every(periodMs, task) {
    const timer = setInterval(task, Math.min(MAX_TIMER_MS, periodMs)).unref()
    return { cancel: () => clearInterval(timer) }
  },
  sleep(delayMs, signal) {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, Math.min(MAX_TIMER_MS, delayMs))
      signal?.addEventListener('abort', done, { once: true })
    })
  },
  soon: (task) => void setImmediate(task),
}
