/**
 * How long a client waits so that its rate is within its quota again. Pure.
 */
import type { Samples } from './samples.ts'

/** The largest int32: throttle_time_ms has no more. */
export const LONGEST_THROTTLE_MS = 2 ** 31 - 1

/** In whole ms; 0 within the quota. The rate over a window that is longer by it is the quota. */
export function throttleTimeMs(samples: Samples, limit: number, now: number, maxMs = LONGEST_THROTTLE_MS): number {
  const rate = samples.rate(now)
  if (!(rate > limit)) return 0
  return Math.min(maxMs, LONGEST_THROTTLE_MS, Math.round(((rate - limit) / limit) * samples.windowMs(now)))
}
