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
  const sinceMonday = (((day + 3) % 7) + 7) % 7
  const thursday = new Date((day - sinceMonday + 3) * DAY_MS)
  const weekYear = thursday.getUTCFullYear()
  return { year: weekYear, week: Math.floor((thursday.getTime() - Date.UTC(weekYear, 0, 1)) / DAY_MS / 7) + 1 }
}

const dayOfYear = (date: Date): number => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1

type NamedPart = 'era' | 'month' | 'weekday' | 'dayPeriod'

/** The options whose texts have the name as it is within a date: `1. Jan.` and not `Jan`. */
const within: Readonly<Record<NamedPart, (width: 'long' | 'short') => Intl.DateTimeFormatOptions>> = {
  era: () => ({ era: 'short', year: 'numeric' }),
  month: (width) => ({ month: width, day: 'numeric' }),
  weekday: (width) => ({ weekday: width, month: width, day: 'numeric' }),
  dayPeriod: () => ({ hour: 'numeric', hour12: true }),
}

/**
 * A name in the language. Java reads a locale with a country, such as en-US, as a language that nobody knows, and has short English names
 * for it: names are those of Confluent's sink.
 */
function nameOf(part: NamedPart, width: 'long' | 'short', locale: string): Part {
  const isLanguage = !/[-_]/.test(locale)
  if (!isLanguage && part === 'era') return (date) => (date.getUTCFullYear() > 0 ? 'CE' : 'BCE')
  const [language, shown] = isLanguage ? [locale, width] : ['en', 'short' as const]
  const format = new Intl.DateTimeFormat(language, { ...within[part](shown), timeZone: 'UTC' })
  const text = (date: Date) => format.formatToParts(date).find(({ type }) => type === part)?.value ?? ''
  // Languages that number the months in dates, such as Chinese, have names for them only outside of dates.
  const isNumbered = part === 'month' && /^\d+$/.test(text(new Date(0)))
  if (!isNumbered) return text
  const alone = new Intl.DateTimeFormat(language, { month: shown, timeZone: 'UTC' })
  return (date) => alone.format(date)
}

const widthOf = (count: number): 'long' | 'short' => (count >= 4 ? 'long' : 'short')

function partOf(letter: string, count: number, locale: string): Part {
  switch (letter) {
    case 'G':
      return nameOf('era', 'short', locale)
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
      return nameOf('weekday', widthOf(count), locale)
    case 'D':
      return (date) => padded(dayOfYear(date), count)
    case 'M':
      if (count >= 3) return nameOf('month', widthOf(count), locale)
      return (date) => padded(date.getUTCMonth() + 1, count)
    case 'd':
      return (date) => padded(date.getUTCDate(), count)
    case 'a':
      return nameOf('dayPeriod', 'short', locale)
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
