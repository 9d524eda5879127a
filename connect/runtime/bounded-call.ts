/** Calls code of a connector that talks to its system, which may not answer: it ends within a time. */
import type { Clock } from '../../core/system/clock.ts'
import { within } from '../../core/system/within.ts'

/** Rejects as the call does, and where it has not ended within `timeoutMs` or `stopping` aborts; the signal of the call aborts then. */
export async function boundedCall<T>(
  clock: Clock,
  timeoutMs: number,
  call: (signal: AbortSignal) => Promise<T>,
  stopping?: AbortSignal,
): Promise<T> {
  const ending = new AbortController()
  const calling = (async () => await call(ending.signal))()
  // After the limit nobody waits for it.
  calling.catch(() => {})
  if (await within(clock, timeoutMs, calling, stopping)) return await calling
  ending.abort()
  throw new Error(stopping?.aborted ? 'the worker does not need it any more' : `it has not ended within ${timeoutMs / 1000} s`)
}
