/**
 * Intervals in Postgres's style: `-1 years -2 mons +3 days -04:05:06.7`. As a number they are µs, with a month of 30.4375 days and in the
 * double precision of Debezium; as a string they are `P1Y2M3DT4H5M6.7S`.
 */
import { schemas } from '../../../connect/sdk/index.ts'
import { type ColumnType, type TypeSettings, Unconvertible } from './column-type.ts'

const DAYS_PER_MONTH = 365.25 / 12

interface Interval {
  years: number
  months: number
  days: number
  hours: number
  minutes: number
  /** With up to six digits after the point. */
  seconds: number
}

const PART = /([+-]?\d+) (year|mon|day)s?/g
const TIME = /([+-]?)(\d+):(\d\d):(\d\d(?:\.\d+)?)$/

function parseInterval(text: string): Interval {
  const units: Record<string, number> = { year: 0, mon: 0, day: 0 }
  let isEmpty = true
  for (const [, number, unit] of text.matchAll(PART)) {
    units[unit!] = Number(number)
    isEmpty = false
  }
  const time = TIME.exec(text)
  if (!time && isEmpty) throw new Unconvertible(`the interval is ${text}`)
  const sign = time?.[1] === '-' ? -1 : 1
  const of = (group: number) => (time ? sign * Number(time[group]) : 0)
  return { years: units.year!, months: units.mon!, days: units.day!, hours: of(2), minutes: of(3), seconds: of(4) }
}

function micros({ years, months, days, hours, minutes, seconds }: Interval): number | bigint {
  const inDays = (years * 12 + months) * DAYS_PER_MONTH + days
  const inSeconds = ((inDays * 24 + hours) * 60 + minutes) * 60 + seconds
  const total = Math.trunc(inSeconds * 1e6)
  if (Number.isSafeInteger(total)) return total + 0
  if (Math.abs(total) >= 2 ** 63) throw new Unconvertible('the interval is longer than 2^63 µs')
  return BigInt(total)
}

const whole = (number: number): string => String(number + 0)

const iso = ({ years, months, days, hours, minutes, seconds }: Interval): string =>
  `P${whole(years)}Y${whole(months)}M${whole(days)}DT${whole(hours)}H${whole(minutes)}M${whole(seconds)}S`

export function intervalType({ intervals, placeholder }: TypeSettings): ColumnType {
  if (intervals === 'numeric')
    return {
      schema: { ...schemas.int64(), name: 'io.debezium.time.MicroDuration', version: 1 },
      decode: (text) => micros(parseInterval(text)),
      fallback: 0,
      unavailable: null,
    }
  return {
    schema: { ...schemas.string(), name: 'io.debezium.time.Interval', version: 1 },
    decode: (text) => iso(parseInterval(text)),
    fallback: 'P0Y0M0DT0H0M0S',
    unavailable: placeholder,
  }
}
