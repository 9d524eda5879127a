/**
 * The offsets from UTC of a time zone: a region that the system knows, or a fixed offset such as +05:30. Offsets that were looked up are
 * remembered, so that one of a record costs a look into a map.
 */
const MINUTE_MS = 60_000
/** Offsets change at multiples of it only, so that one is looked up once for all times between. */
const BUCKET_MS = 15 * MINUTE_MS
/** The remembered offsets of a region, at most (Invariant 13). */
const MAX_BUCKETS = 20_000

/** The offset in ms at an instant in ms since the epoch. */
export type ZoneOffset = (instantMs: number) => number

const FIXED = /^(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?$/

/** Throws where there is no such zone. */
export function zoneOffset(name: string): ZoneOffset {
  if (/^(Z|UTC|GMT|UT|Etc\/UTC)$/.test(name)) return () => 0
  const [, sign, hours, minutes] = FIXED.exec(name) ?? []
  if (sign) {
    const offset = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes ?? 0)) * MINUTE_MS
    return () => offset
  }
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  } catch (error) {
    throw new Error('Invalid time zone identifier', { cause: error })
  }
  const buckets = new Map<number, number>()
  return (instantMs) => {
    const bucket = Math.floor(instantMs / BUCKET_MS)
    let offset = buckets.get(bucket)
    if (offset === undefined) {
      if (buckets.size >= MAX_BUCKETS) buckets.clear()
      buckets.set(bucket, (offset = offsetIn(format, bucket * BUCKET_MS)))
    }
    return offset
  }
}

function offsetIn(format: Intl.DateTimeFormat, instantMs: number): number {
  const text = format.formatToParts(instantMs).find(({ type }) => type === 'timeZoneName')!.value
  const [, sign, hours, minutes, seconds] = /([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(text) ?? []
  return sign ? (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds ?? 0)) * 1000 : 0
}
