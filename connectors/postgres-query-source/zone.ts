/**
 * The time zone of columns without one: a region that the system knows, or an offset, as Java's ZoneId takes them. It turns local times
 * into instants and back, and is set for the session, so that Postgres compares such columns with instants in the same way.
 */
const MINUTE_MS = 60_000
/** Offsets change at multiples of it only, so that one is looked up once for all times between. */
const BUCKET_MS = 15 * MINUTE_MS
/** No two changes of clocks are so close, and no offset is so large. */
const DAY_MS = 24 * 60 * MINUTE_MS
/** The remembered offsets of a region, at most. */
const MAX_BUCKETS = 20_000

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

const FIXED = /^(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?$/

/** Throws where there is no such zone. */
export function zoneNamed(name: string): Zone {
  if (/^(Z|UTC|GMT|UT|Etc\/UTC)$/.test(name)) return fixedZone('+', 0, 0)
  const [, sign, hours, minutes] = FIXED.exec(name) ?? []
  if (sign) return fixedZone(sign, Number(hours), Number(minutes ?? 0))
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  } catch (error) {
    throw new Error('Invalid time zone identifier', { cause: error })
  }
  return regionZone(name, format)
}

function fixedZone(sign: string, hours: number, minutes: number): Zone {
  const offset = (sign === '-' ? -1 : 1) * (hours * 60 + minutes) * MINUTE_MS
  const two = (part: number) => String(part).padStart(2, '0')
  return {
    sql: `INTERVAL '${sign}${two(hours)}:${two(minutes)}' HOUR TO MINUTE`,
    offsetMs: () => offset,
    instantMs: (localMs) => localMs - offset,
  }
}

function regionZone(name: string, format: Intl.DateTimeFormat): Zone {
  const buckets = new Map<number, number>()
  const offsetMs = (instantMs: number): number => {
    const bucket = Math.floor(instantMs / BUCKET_MS)
    let offset = buckets.get(bucket)
    if (offset === undefined) {
      const text = format.formatToParts(bucket * BUCKET_MS).find(({ type }) => type === 'timeZoneName')!.value
      const [, sign, hours, minutes, seconds] = /([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(text) ?? []
      offset = sign ? (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds ?? 0)) * 1000 : 0
      if (buckets.size >= MAX_BUCKETS) buckets.clear()
      buckets.set(bucket, offset)
    }
    return offset
  }
  return {
    sql: `'${name.replaceAll("'", "''")}'`,
    offsetMs,
    instantMs(localMs) {
      const [before, after] = [offsetMs(localMs - DAY_MS), offsetMs(localMs + DAY_MS)]
      return localMs - (before === after || offsetMs(localMs - after) !== after ? before : after)
    },
  }
}
