/**
 * Dates and times in Postgres's ISO style, as numbers, and in Java's ISO style. Years before 1 AD end in ` BC`; the calendar is the
 * proleptic Gregorian one, as in Postgres. The digits are Postgres's own and are not checked.
 */

export const MICROS_PER_DAY = 86_400_000_000

/** Number of the days before the first of each month, from March. */
function daysOf(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

function digits(text: string, from: number, to: number): number {
  let number = 0
  for (let index = from; index < to; index++) number = number * 10 + text.charCodeAt(index) - 0x30
  return number
}

/** Days since the epoch of the date that ends at `end`, such as `2024-02-29`. */
export function epochDay(text: string, end: number): number {
  const year = digits(text, 0, end - 6)
  return daysOf(text.endsWith(' BC') ? 1 - year : year, digits(text, end - 5, end - 3), digits(text, end - 2, end))
}

/** Where the date at the beginning of the text ends. */
export function dateEnd(text: string): number {
  const space = text.indexOf(' ')
  return space < 0 ? text.length : space
}

/** µs since midnight of the time at `start`, such as `13:14:15.123456`. */
export function microsOfDay(text: string, start: number): number {
  const seconds = digits(text, start, start + 2) * 3600 + digits(text, start + 3, start + 5) * 60 + digits(text, start + 6, start + 8)
  let fraction = 0
  if (text.charCodeAt(start + 8) === 0x2e) {
    let scale = 100_000
    for (let index = start + 9; scale >= 1; index++, scale /= 10) {
      const code = text.charCodeAt(index)
      if (!(code >= 0x30 && code <= 0x39)) break
      fraction += (code - 0x30) * scale
    }
  }
  return seconds * 1_000_000 + fraction
}

const OFFSET = /([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?(?: BC)?$/

/** µs by which a time is ahead of UTC, of the offset at its end: `+02`, `-05:30`, `+00:53:28`. */
export function offsetMicros(text: string): number {
  const match = OFFSET.exec(text)
  if (!match) return 0
  const seconds = Number(match[2]) * 3600 + Number(match[3] ?? 0) * 60 + Number(match[4] ?? 0)
  return (match[1] === '-' ? -seconds : seconds) * 1_000_000
}

const two = (number: number): string => (number < 10 ? `0${number}` : String(number))

/** As Java's ISO_LOCAL_DATE: at least four digits, with a sign where there are more or the year is before 0. */
export function isoDate(epochDays: number): string {
  const shifted = epochDays + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const part = Math.floor((5 * dayOfYear + 2) / 153)
  const month = part < 10 ? part + 3 : part - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const day = dayOfYear - Math.floor((153 * part + 2) / 5) + 1
  const shown = year < 0 ? `-${String(-year).padStart(4, '0')}` : year > 9999 ? `+${year}` : String(year).padStart(4, '0')
  return `${shown}-${two(month)}-${two(day)}`
}

/** With `fractionDigits` digits after the point, or with as many as there are. */
export function isoTime(micros: number, fractionDigits: number | null): string {
  const seconds = Math.floor(micros / 1_000_000)
  const fraction = String(micros - seconds * 1_000_000).padStart(6, '0')
  const shown = fractionDigits === null ? fraction.replace(/0+$/, '') : fraction.slice(0, fractionDigits).padEnd(fractionDigits, '0')
  const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return shown === '' ? time : `${time}.${shown}`
}
