/**
 * Waits for a promise no longer than a limit. Cancels its timer in every case.
 */
import type { Clock } from './clock.ts'

/**
 * True when the promise was resolved or rejected within `timeoutMs`; true without a promise. False at once when `signal` aborts. It never
 * rejects.
 */
export async function within(
  clock: Clock,
  timeoutMs: number,
  promise: Promise<unknown> | null | undefined,
  signal?: AbortSignal,
): Promise<boolean> {
  if (!promise) return true
  const timer = new AbortController()
  const end = () => timer.abort()
  if (signal?.aborted) end()
  else signal?.addEventListener('abort', end, { once: true })
  const settled = promise.then(
    () => true,
    () => true,
  )
  const timedOut = clock.sleep(timeoutMs, timer.signal).then(() => false)
  const inTime = await Promise.race([settled, timedOut])
  timer.abort()
  signal?.removeEventListener('abort', end)
  return inTime
}
