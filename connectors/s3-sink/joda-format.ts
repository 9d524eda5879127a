/**
 * Times as text by a pattern of Joda-Time's DateTimeFormat, which `path.format` has: 'year'=YYYY/'month'=MM/'day'=dd. Only what is local to
 * an instant counts, so the caller gives it as local time. Pure.
 */

/** Of a local time, given as the ms since the epoch of the same clock in UTC. */
export type FormatLocal = (localMs: number) => string

type Part = (date: Date) => string

const padded = (value: number, count: number): string =>
  value < 0 ? `-${String(-value).padStart(count, '0')}` : String(value).padStart(count, '0')
const DAY_MS = 86_400_000

/** Two letters are the last two digits of a year, any others the whole year. */
const year = (value: number, count: number): string => (count === 2 ? padded(Math.abs(value) % 100, 2) : padded(value, count))

/** Weeks begin on Monday; the first has at least four days of the year. */
function isoWeek(date: Date): { year: number; week: number } {
  const day = Math.floor(date.getTime() / DAY_MS)
  const thursday = new Date((day - ((day + 3) % 7) + 3) * DAY_MS)
  const weekYear = thursday.getUTCFullYear()
  return { year: weekYear, week: Math.floor((thursday.getTime() - Date.UTC(weekYear, 0, 1)) / DAY_MS / 7) + 1 }
}

const dayOfYear = (date: Date): number => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1

function partOf(letter: string, count: number, locale: string): Part {
  const named = (options: Intl.DateTimeFormatOptions): Part => {
    const format = new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' })
    return (date) => format.format(date)
  }
  switch (letter) {
    case 'G':
      return (date) => (date.getUTCFullYear() > 0 ? 'AD' : 'BC')
    case 'C':
      return (date) => padded(Math.floor(date.getUTCFullYear() / 100), count)
    case 'Y':
      return (date) => year(date.getUTCFullYear() > 0 ? date.getUTCFullYear() : 1 - date.getUTCFullYear(), count)
    case 'y':
      return (date) => year(date.getUTCFullYear(), count)
    case 'x':
      return (date) => year(isoWeek(date).year, count)
    case 'w':
      return (date) => padded(isoWeek(date).week, count)
    case 'e':
      return (date) => padded(date.getUTCDay() || 7, count)
    case 'E':
      return named({ weekday: count >= 4 ? 'long' : 'short' })
    case 'D':
      return (date) => padded(dayOfYear(date), count)
    case 'M':
      if (count >= 3) return named({ month: count >= 4 ? 'long' : 'short' })
      return (date) => padded(date.getUTCMonth() + 1, count)
    case 'd':
      return (date) => padded(date.getUTCDate(), count)
    case 'a':
      return (date) => (date.getUTCHours() < 12 ? 'AM' : 'PM')
    case 'K':
      return (date) => padded(date.getUTCHours() % 12, count)
    case 'h':
      return (date) => padded(date.getUTCHours() % 12 || 12, count)
    case 'H':
      return (date) => padded(date.getUTCHours(), count)
    case 'k':
      return (date) => padded(date.getUTCHours() || 24, count)
    case 'm':
      return (date) => padded(date.getUTCMinutes(), count)
    case 's':
      return (date) => padded(date.getUTCSeconds(), count)
    case 'S':
      return (date) => String(date.getUTCMilliseconds()).padStart(3, '0').slice(0, count).padEnd(count, '0')
    default:
      throw new Error(`Illegal pattern component: ${letter.repeat(count)}`)
  }
}

const token = /'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+|'/g

/** Throws where the pattern has letters that stand for nothing, or an open quote. */
export function jodaFormat(pattern: string, locale: string): FormatLocal {
  const parts: Part[] = []
  for (const [text, quoted, letter] of pattern.matchAll(token)) {
    if (text === "'") throw new Error(`Unterminated quote in ${pattern}`)
    if (letter) parts.push(partOf(letter, text.length, locale))
    else {
      const literal = quoted === undefined ? text : quoted === '' ? "'" : quoted.replaceAll("''", "'")
      parts.push(() => literal)
    }
  }
  return (localMs) => {
    const date = new Date(localMs)
    let text = ''
    for (const part of parts) text += part(date)
    return text
  }
}
