/**
 * Java's SimpleDateFormat with the time zone UTC and English names: a pattern that is read once, and then writes and reads times.
 */
import { formatDate } from './format.ts'
import { parseDate } from './parse.ts'
import { datePattern, type Piece } from './pattern.ts'

/** A year of two digits is one of the hundred years that begin this long before the pattern is made. */
const YEARS_BACK = 80

export class SimpleDateFormat {
  readonly pattern: string
  readonly #pieces: readonly Piece[]
  readonly #centuryStart: number

  /** Throws InvalidPattern. `now` is in ms since the epoch. */
  constructor(pattern: string, now: number) {
    this.pattern = pattern
    this.#pieces = datePattern(pattern)
    this.#centuryStart = new Date(now).setUTCFullYear(new Date(now).getUTCFullYear() - YEARS_BACK)
  }

  format = (ms: number): string => formatDate(this.#pieces, ms)
  /** Null where the text does not match the pattern. */
  parse = (text: string): number | null => parseDate(this.#pieces, text, this.#centuryStart)
}
