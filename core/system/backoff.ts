/**
 * Exponential back-off: each attempt waits twice as long as the one before, up to a maximum, with 20 % jitter either way so that clients do
 * not retry at the same time.
 */
import type { Random } from './random.ts'

export interface Backoff {
  baseMs: number
  maxMs: number
}

/** How long to wait after attempt `attempt`, the first being 0. */
export function backoffMs({ baseMs, maxMs }: Backoff, attempt: number, random: Random): number {
  const meanMs = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30))
  return Math.round(meanMs * (0.8 + random.below(1000) / 2500))
}
