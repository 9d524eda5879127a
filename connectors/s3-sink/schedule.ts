/** The wall clock times of rotate.schedule.interval.ms: multiples of the interval since midnight in a zone, and each midnight. Pure. */
import type { ZoneOffset } from '../../connect/sdk/zone-offset.ts'

const DAY_MS = 86_400_000

/** The next of them after a time. */
export function nextScheduled(nowMs: number, intervalMs: number, offset: ZoneOffset): number {
  const midnight = startOfDay(nowMs, offset)
  // A day with a change of clocks has 23 or 25 hours.
  const nextMidnight = startOfDay(midnight + DAY_MS + DAY_MS / 2, offset)
  return Math.min(midnight + (Math.floor((nowMs - midnight) / intervalMs) + 1) * intervalMs, nextMidnight)
}

function startOfDay(ms: number, offset: ZoneOffset): number {
  const local = ms + offset(ms)
  const localMidnight = Math.floor(local / DAY_MS) * DAY_MS
  return localMidnight - offset(localMidnight - offset(localMidnight))
}
