/**
 * How long to wait before the next try: twice as long each time up to a bound, with a fifth of jitter either way so that clients do not
 * march in step.
 */
import type { Random } from './random.ts'

export interface Backoff {
  baseMs: number
  maxMs: number
}

export function backoffMs({ baseMs, maxMs }: Backoff, attempt: number, random: Random): number {
  const plain = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30))
  return Math.round(plain * (0.8 + random.below(1000) / 2500))
}
