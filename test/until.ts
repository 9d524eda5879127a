/**
 * Waits until a condition is true: checks it again and again, with a deadline. Tests never sleep for a fixed time; `what` says what should
 * have become true.
 */
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Resolves with the value of `condition` once it is truthy; rejects after `timeoutMs` with `what` in the message. While `condition` throws
 * it is not true yet.
 */
export async function until<T>(condition: () => T | Promise<T>, what: string, timeoutMs = 15_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const value = await condition()
      if (value) return value
      last = undefined
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: last })
    await pause(10)
  }
}
