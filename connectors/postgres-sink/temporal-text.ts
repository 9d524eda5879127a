/**
 * Dates, times of day and timestamps as Postgres reads them, from counts since the epoch in any unit. Years before 1 are written with BC,
 * years past 9999 in full. Pure.
 */
import { dateOf as julianOrGregorian } from '../../connect/sdk/date-format/calendar.ts'

export type Count = number | bigint

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** 0000-03-01, from which every 400 years are the same, counted from the epoch. */
const ERA_SHIFT = 719_468
const ERA_DAYS = 146_097

/** What Debezium's connectors send for the timestamps infinity and -infinity. */
const INFINITE = new Map([
  ['9223372036825200000', 'infinity'],
  ['-9223372036832400000', '-infinity'],
])

/** The units of a second: 1e3, 1e6 or 1e9. */
export type Units = 1e3 | 1e6 | 1e9

const two = (value: number): string => (value < 10 ? `0${value}` : String(value))

function gregorian(day: number): { year: number; month: number; day: number } {
  const shifted = day + ERA_SHIFT
  const era = Math.floor(shifted / ERA_DAYS)
  const dayOfEra = shifted - era * ERA_DAYS
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 2 : shiftedMonth - 10
  return {
    year: yearOfEra + era * 400 + (month < 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  }
}

interface DayText {
  text: string
  /** Behind a time of day too. */
  era: '' | ' BC'
}

function dayParts(day: number, julian: boolean): DayText {
  const date = julian ? julianOrGregorian(day) : gregorian(day)
  const year = date.year > 0 ? date.year : 1 - date.year
  return {
    text: `${String(year).padStart(4, '0')}-${two(date.month + 1)}-${two(date.day)}`,
    era: date.year > 0 ? '' : ' BC',
  }
}

// Timestamps in a row are mostly of one day.
let lastDay = 0
let lastJulian = false
let lastParts = dayParts(0, false)

function cachedDay(day: number, julian: boolean): DayText {
  if (day !== lastDay || julian !== lastJulian) {
    lastParts = dayParts(day, julian)
    lastDay = day
    lastJulian = julian
  }
  return lastParts
}

/** `day` counts from the epoch. */
export function dayText(day: number, julian = false): string {
  const { text, era } = cachedDay(day, julian)
  return text + era
}

/** A time of day, of which there are `units` in a second. */
export function clockText(count: number, units: Units): string {
  const seconds = Math.floor(count / units)
  const fraction = count - seconds * units
  const minutes = Math.floor(seconds / 60)
  const text = `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(seconds % 60)}`
  return fraction === 0 ? text : `${text}.${String(fraction).padStart(Math.log10(units), '0')}`
}

/** The day, and what is left of it. */
function splitDay(count: Count, perDay: number): [number, number] {
  if (typeof count === 'number') {
    const day = Math.floor(count / perDay)
    return [day, count - day * perDay]
  }
  const size = BigInt(perDay)
  const rest = ((count % size) + size) % size
  return [Number((count - rest) / size), Number(rest)]
}

export interface TimestampForm {
  units: Units
  /** What is behind the text: Z for a column with a time zone. */
  suffix: '' | 'Z'
  julian: boolean
}

export function timestampText(count: Count, { units, suffix, julian }: TimestampForm): string {
  // Numbers of this size are no timestamps that Postgres has.
  if (count > 9e18 || count < -9e18) {
    const infinite = INFINITE.get(String(BigInt(count)))
    if (infinite) return infinite
  }
  const [day, rest] = splitDay(count, (DAY_MS / 1e3) * units)
  const { text, era } = cachedDay(day, julian)
  return `${text} ${clockText(rest, units)}${suffix}${era}`
}

/** The day on which a timestamp is. */
export function dayOfTimestamp(count: Count, units: Units): number {
  return splitDay(count, (DAY_MS / 1e3) * units)[0]
}

/** A text in Java's ISO form, where years past 9999 have a sign and 1 BC is 0000, as Postgres reads it. */
export function isoYearText(text: string): string {
  if (text.startsWith('+')) return text.slice(1)
  const before = text.startsWith('-') || text.startsWith('0000-') ? /^-?(\d{4,})(-.+)$/.exec(text) : null
  return before ? `${String(1 + Number(before[1])).padStart(4, '0')}${before[2]} BC` : text
}

/** An interval of a number of units, as hours, minutes and seconds. */
export function intervalText(count: Count, units: Units): string {
  const negative = count < 0
  const [days, rest] = splitDay(negative ? -count : count, (DAY_MS / 1e3) * units)
  const [hours, clock] = splitDay(rest, (HOUR_MS / 1e3) * units)
  return `${negative ? '-' : ''}${days * 24 + hours}${clockText(clock, units).slice(2)}`
}

/** How far the clocks of a zone are ahead of UTC at an instant. */
export class ZoneClock {
  readonly #format: Intl.DateTimeFormat | null
  #quarter = Number.NaN
  #offsetMs = 0

  constructor(zone: string) {
    this.#format =
      zone === 'UTC'
        ? null
        : new Intl.DateTimeFormat('en-US', {
            timeZone: zone,
            hourCycle: 'h23',
            era: 'short',
            year: 'numeric',
            month: '2-digit',
            day: '2-digit',
            hour: '2-digit',
            minute: '2-digit',
            second: '2-digit',
          })
  }

  /** Milliseconds that the clocks of the zone show, as if they were UTC. */
  local(ms: number): number {
    if (!this.#format) return ms
    // No zone changes its clocks within a quarter of an hour.
    const quarter = Math.floor(ms / 900_000)
    if (quarter !== this.#quarter) {
      this.#quarter = quarter
      this.#offsetMs = offsetAt(this.#format, quarter * 900_000)
    }
    return ms + this.#offsetMs
  }
}

function offsetAt(format: Intl.DateTimeFormat, ms: number): number {
  const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]))
  const year = parts.era === 'BC' ? 1 - Number(parts.year) : Number(parts.year)
  const shown = new Date(0)
  shown.setUTCFullYear(year, Number(parts.month) - 1, Number(parts.day))
  shown.setUTCHours(Number(parts.hour), Number(parts.minute), Number(parts.second))
  return shown.getTime() - ms
}
