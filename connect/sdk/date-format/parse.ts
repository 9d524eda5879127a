/**
 * Reads a time by a pattern of SimpleDateFormat: leniently, in UTC where the text names no time zone, and without looking at text behind
 * the pattern's end.
 */
import { DateFields, type Field } from './fields.ts'
import { ERAS, HALVES_OF_DAY, LONG_ERAS, MONTHS, SHORT_LENGTH, WEEKDAYS, ZONES } from './names.ts'
import type { Piece } from './pattern.ts'

const FAILED = -1
/** Digits, and the exponent that Java's number format reads too. */
const NUMBER = /(-?\d+)(?:E(-?\d+))?/y

const numeric: Readonly<Record<string, Field>> = {
  d: 'dayOfMonth',
  k: 'hourOfDay',
  H: 'hourOfDay',
  m: 'minute',
  s: 'second',
  S: 'millisecond',
  D: 'dayOfYear',
  F: 'weekdayInMonth',
  w: 'weekOfYear',
  W: 'weekOfMonth',
  h: 'hour',
  K: 'hour',
  u: 'dayOfWeek',
  y: 'year',
  Y: 'weekYear',
  M: 'month',
  L: 'month',
}

const isNumeric = (piece: Piece | undefined): boolean =>
  piece !== undefined && 'letter' in piece && piece.letter in numeric && (!'ML'.includes(piece.letter) || piece.count <= 2)

const withShort = (names: readonly string[]): [string, number][] =>
  names.flatMap((name, index): [string, number][] => [
    [name, index],
    [name.slice(0, SHORT_LENGTH), index],
  ])
const named: Readonly<Record<string, { field: Field; names: readonly (readonly [string, number])[]; from: number }>> = {
  G: { field: 'era', names: [...ERAS, ...LONG_ERAS].map((name, index) => [name, index % 2]), from: 0 },
  M: { field: 'month', names: withShort(MONTHS), from: 0 },
  L: { field: 'month', names: withShort(MONTHS), from: 0 },
  E: { field: 'dayOfWeek', names: withShort(WEEKDAYS), from: 1 },
  a: { field: 'halfOfDay', names: HALVES_OF_DAY.map((name, index) => [name, index]), from: 0 },
}

/** The longest name that the text has at `start`, in any case. */
function longest(names: readonly (readonly [string, number])[], text: string, start: number): readonly [string, number] | undefined {
  let best: readonly [string, number] | undefined
  for (const name of names) {
    if (name[0].length <= (best?.[0].length ?? 0)) continue
    if (text.slice(start, start + name[0].length).toLowerCase() === name[0].toLowerCase()) best = name
  }
  return best
}

/** What Java makes of a number that is not an int: whole ones lose bits, others are cut at the limits. */
function asInt(digits: string, exponent: string | undefined): number {
  const value = exponent === undefined ? Number(digits) : Number(`${digits}E${exponent}`)
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 63)
    return Number(BigInt.asIntN(32, exponent === undefined ? BigInt(digits) : BigInt(value)))
  return Math.trunc(Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), value)))
}

class DateReader {
  readonly fields = new DateFields()
  /** Whether a year of two digits is the one in which the last hundred years begin. */
  ambiguous = false
  readonly #text: string
  readonly #firstYear: number

  constructor(text: string, firstYear: number) {
    this.#text = text
    this.#firstYear = firstYear
  }

  /** Returns where the piece ends, or FAILED. With `exact`, a number has as many characters as the piece. */
  read(piece: Piece, start: number, exact: boolean): number {
    const text = this.#text
    if ('text' in piece) return text.startsWith(piece.text, start) ? start + piece.text.length : FAILED
    let position = start
    while (text[position] === ' ' || text[position] === '\t') position++
    if (position >= text.length) return FAILED
    if (isNumeric(piece)) return this.#number(piece.letter, piece.count, start, position, exact)
    const names = named[piece.letter]
    if (names) {
      const found = longest(names.names, text, start)
      // Java takes what ends at 0 as not found, and a name has at least one character.
      if (!found) return FAILED
      this.fields.set(names.field, found[1] + names.from)
      return start + found[0].length
    }
    return piece.letter === 'X' ? this.#isoZone(position, piece.count) : this.#zone(start, position)
  }

  #number(letter: string, count: number, start: number, position: number, exact: boolean): number {
    if (exact && start + count > this.#text.length) return FAILED
    const text = exact ? this.#text.slice(0, start + count) : this.#text
    NUMBER.lastIndex = position
    const match = NUMBER.exec(text)
    if (!match) return FAILED
    this.fields.set(numeric[letter]!, this.#fieldValue(letter, count, asInt(match[1]!, match[2]), match[0]))
    return position + match[0].length
  }

  #fieldValue(letter: string, count: number, value: number, digits: string): number {
    switch (letter) {
      case 'y':
      case 'Y':
        return count <= 2 && /^\d\d$/.test(digits) ? this.#withCentury(value) : value
      case 'M':
      case 'L':
        return value - 1
      case 'k':
        return value === 24 ? 0 : value
      case 'h':
        return value === 12 ? 0 : value
      case 'u':
        return value < 1 || value > 7 ? value : value === 7 ? 1 : value + 1
      default:
        return value
    }
  }

  /** In the hundred years from the first year on. */
  #withCentury(twoDigits: number): number {
    const first = this.#firstYear % 100
    this.ambiguous = twoDigits === first
    return twoDigits + this.#firstYear - first + (twoDigits < first ? 100 : 0)
  }

  #zone(start: number, position: number): number {
    const text = this.#text
    const sign = signAt(text, position)
    if (sign !== 0) return this.#offset(position + 1, sign, 0, false)
    if (text.slice(start, start + 3).toLowerCase() === 'gmt') {
      const afterName = signAt(text, start + 3)
      if (afterName !== 0) return this.#offset(start + 4, afterName, 0, true)
      this.fields.set('zoneMinutes', 0)
      return start + 3
    }
    const zone = longest(ZONES, text, position)
    if (!zone) return FAILED
    this.fields.set('zoneMinutes', zone[1])
    return position + zone[0].length
  }

  #isoZone(position: number, count: number): number {
    if (this.#text[position] === 'Z') {
      this.fields.set('zoneMinutes', 0)
      return position + 1
    }
    const sign = signAt(this.#text, position)
    return sign === 0 ? FAILED : this.#offset(position + 1, sign, count, count === 3)
  }

  /** As hh, hhmm or hh:mm. Only behind GMT the hour may have one digit. */
  #offset(start: number, sign: number, count: number, colon: boolean): number {
    const hour = count === 0 && colon ? '(\\d\\d?)' : '(\\d\\d)'
    const pattern = new RegExp(count === 1 ? hour : `${hour}${colon ? ':' : ''}(\\d\\d)`, 'y')
    pattern.lastIndex = start
    const match = pattern.exec(this.#text)
    const hours = Number(match?.[1])
    const minutes = Number(match?.[2] ?? 0)
    if (!match || hours > 23 || minutes > 59) return FAILED
    this.fields.set('zoneMinutes', sign * (hours * 60 + minutes))
    return start + match[0].length
  }
}

const signAt = (text: string, position: number): number => (text[position] === '+' ? 1 : text[position] === '-' ? -1 : 0)

/**
 * Ms since the epoch, or null where the text does not match. A year of two digits is one of the hundred years from `centuryStart` on, in ms
 * since the epoch.
 */
export function parseDate(pieces: readonly Piece[], text: string, centuryStart: number): number | null {
  const reader = new DateReader(text, new Date(centuryStart).getUTCFullYear())
  let position = 0
  for (const [index, piece] of pieces.entries()) {
    position = reader.read(piece, position, 'letter' in piece && isNumeric(pieces[index + 1]))
    if (position === FAILED) return null
  }
  // Java reports a text of which nothing was read as one that does not match.
  if (position === 0) return null
  const time = reader.fields.time()
  if (!reader.ambiguous || time >= centuryStart) return time
  reader.fields.addYears(100)
  return reader.fields.time()
}
