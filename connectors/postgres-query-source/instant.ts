/**
 * Points in time with the microseconds of Postgres: read from its text, written as SQL, as the position of Confluent's connector and in
 * each granularity of timestamps. Dates are those of the Gregorian calendar throughout, as in Postgres.
 */
import type { Zone } from './zone.ts'

export interface Instant {
  /** Since the epoch, rounded down. */
  readonly ms: number
  /** From 0 to 999. */
  readonly micros: number
}

const TIMESTAMP = /^(\d{4,})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?$/

/** Reads a timestamp or date in the ISO style. Without an offset in the text it is in `zone`. Throws at what has no instant: infinity. */
export function parseInstant(text: string, zone: Zone): Instant {
  const parts = TIMESTAMP.exec(text)
  if (!parts) throw new Error(`${text} is no point in time`)
  const [, year, month, day, hours = '0', minutes = '0', seconds = '0', fraction = '', sign, ...rest] = parts
  const [offsetHours, offsetMinutes, offsetSeconds, before] = rest
  const micros = Number(fraction.padEnd(6, '0'))
  // The constructor takes years below 100 as those of the twentieth century.
  const date = new Date(0)
  date.setUTCFullYear(before ? 1 - Number(year) : Number(year), Number(month) - 1, Number(day))
  date.setUTCHours(Number(hours), Number(minutes), Number(seconds), Math.floor(micros / 1000))
  const local = date.getTime()
  if (sign === undefined) return { ms: zone.instantMs(local), micros: micros % 1000 }
  const offset = Number(offsetHours) * 3600 + Number(offsetMinutes ?? 0) * 60 + Number(offsetSeconds ?? 0)
  return { ms: local - (sign === '-' ? -offset : offset) * 1000, micros: micros % 1000 }
}

export const isBefore = (a: Instant, b: Instant): boolean => a.ms < b.ms || (a.ms === b.ms && a.micros < b.micros)

/** A literal of type timestamptz. */
export function instantSql({ ms, micros }: Instant): string {
  const iso = new Date(ms).toISOString().slice(0, -1)
  return `TIMESTAMPTZ '${iso}${String(micros).padStart(3, '0')}Z'`
}

/** The nanoseconds of its second, as java.sql.Timestamp has them beside its ms. */
export const nanosOf = ({ ms, micros }: Instant): number => (((ms % 1000) + 1000) % 1000) * 1_000_000 + micros * 1000

/** The instant of a position: `nanos` null where it has ms only. */
export const instantOf = (ms: number, nanos: number | null): Instant => ({
  ms,
  micros: nanos === null ? 0 : Math.floor(nanos / 1000) % 1000,
})

const int64 = (value: bigint): number | bigint => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

export const epochMicros = ({ ms, micros }: Instant): number | bigint => int64(BigInt(ms) * 1000n + BigInt(micros))
export const epochNanos = ({ ms, micros }: Instant): number | bigint => int64(BigInt(ms) * 1_000_000n + BigInt(micros) * 1000n)

/** ISO 8601 without an offset, in a zone, with 6 or 9 digits after the point. */
export function isoText({ ms, micros }: Instant, zone: Zone, digits: 6 | 9): string {
  const iso = new Date(ms + zone.offsetMs(ms)).toISOString().slice(0, -1)
  return `${iso}${String(micros).padStart(3, '0')}${digits === 9 ? '000' : ''}`
}
