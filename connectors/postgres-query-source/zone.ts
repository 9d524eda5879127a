/**
 * The time zone of columns without one: a region that the system knows, or an offset, as Java's ZoneId takes them. It turns local times
 * into instants and back, and is set for the session, so that Postgres compares such columns with instants in the same way.
 */
import { zoneOffset } from '../../connect/sdk/zone-offset.ts'

const MINUTE_MS = 60_000
/** No two changes of clocks are so close, and no offset is so large. */
const DAY_MS = 24 * 60 * MINUTE_MS

export interface Zone {
  /** What follows SET LOCAL TIME ZONE. */
  readonly sql: string
  /** The offset from UTC, in ms, at an instant. */
  offsetMs(instantMs: number): number
  /**
   * The instant of a local time that is given as if it were UTC. As Postgres reads it: a time that a change of clocks repeats is the second
   * one, and one that it leaves out is counted from before the change.
   */
  instantMs(localMs: number): number
}

const FIXED = /^(Z|UTC|GMT|UT|Etc\/UTC|(UTC|GMT|UT)?[+-]\d.*)$/

/** Throws where there is no such zone. */
export function zoneNamed(name: string): Zone {
  const offsetMs = zoneOffset(name)
  if (!FIXED.test(name))
    return {
      sql: `'${name.replaceAll("'", "''")}'`,
      offsetMs,
      instantMs(localMs) {
        const [before, after] = [offsetMs(localMs - DAY_MS), offsetMs(localMs + DAY_MS)]
        return localMs - (before === after || offsetMs(localMs - after) !== after ? before : after)
      },
    }
  const offset = offsetMs(0)
  const minutes = Math.abs(offset) / MINUTE_MS
  const two = (part: number) => String(part).padStart(2, '0')
  return {
    sql: `INTERVAL '${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}' HOUR TO MINUTE`,
    offsetMs,
    instantMs: (localMs) => localMs - offset,
  }
}
