/**
 * Waits for a promise, but no longer than a bound, and leaves no timer behind.
 */
import type { Clock } from './clock.ts'

/** True when it was decided in time, either way. A `signal` ends the wait sooner. */
export async function within(
  clock: Clock,
  timeoutMs: number,
  promise: Promise<unknown> | null | undefined,
  signal?: AbortSignal,
): Promise<boolean> {
  if (!promise) return true
  const bound = new AbortController()
  const end = () => bound.abort()
  signal?.addEventListener('abort', end, { once: true })
  const decided = promise.then(
    () => true,
    () => true,
  )
  const late = clock.sleep(timeoutMs, bound.signal).then(() => false)
  const inTime = await Promise.race([decided, late])
  bound.abort()
  signal?.removeEventListener('abort', end)
  return inTime
}
