/**
 * Waits for a promise, but no longer than a bound, and leaves no timer behind.
 */
import type { Clock } from '../system/clock.ts'

/** True when it was decided in time, either way. */
export async function within(clock: Clock, timeoutMs: number, promise: Promise<unknown> | null | undefined): Promise<boolean> {
  if (!promise) return true
  const bound = new AbortController()
  const decided = promise.then(
    () => true,
    () => true,
  )
  const late = clock.sleep(timeoutMs, bound.signal).then(() => false)
  const inTime = await Promise.race([decided, late])
  bound.abort()
  return inTime
}
