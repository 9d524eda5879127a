/**
 * Writes a time by a pattern of SimpleDateFormat, in UTC and English.
 */
import { type CalendarDate, DAY_MS, dateOf, dayOf, dayOfWeek, firstDayOfYear, remainder, weekOf, weekYearOf } from './calendar.ts'
import { ERAS, HALVES_OF_DAY, MONTHS, SHORT_LENGTH, WEEKDAYS } from './names.ts'
import type { Piece } from './pattern.ts'

interface Time {
  day: number
  date: CalendarDate
  msOfDay: number
}

const padded = (value: number, count: number) => (value < 0 ? '-' : '') + String(Math.abs(value)).padStart(count, '0')
const name = (names: readonly string[], index: number, count: number) => (count >= 4 ? names[index]! : names[index]!.slice(0, SHORT_LENGTH))
const yearOf = (value: number, count: number) => (count === 2 ? padded(remainder(value, 100), 2) : padded(value, count))

const month: Write = ({ date }, count) => (count >= 3 ? name(MONTHS, date.month, count) : padded(date.month + 1, count))
const hour = ({ msOfDay }: Time) => Math.floor(msOfDay / 3_600_000)

type Write = (time: Time, count: number) => string
const letters: Readonly<Record<string, Write>> = {
  G: ({ date }) => ERAS[date.year > 0 ? 1 : 0]!,
  y: ({ date: { year } }, count) => yearOf(year > 0 ? year : 1 - year, count),
  Y: ({ day, date }, count) => yearOf(weekYearOf(day, date), count),
  M: month,
  L: month,
  w: ({ day, date }, count) => padded(weekOf(firstDayOfYear(weekYearOf(day, date)), day), count),
  W: ({ day, date }, count) => padded(weekOf(dayOf({ ...date, day: 1 }), day), count),
  D: ({ day, date }, count) => padded(day - firstDayOfYear(date.year) + 1, count),
  d: ({ date }, count) => padded(date.day, count),
  F: ({ day, date }, count) => padded(Math.floor((day - dayOf({ ...date, day: 1 })) / 7) + 1, count),
  E: ({ day }, count) => name(WEEKDAYS, dayOfWeek(day) - 1, count),
  u: ({ day }, count) => padded(dayOfWeek(day) === 1 ? 7 : dayOfWeek(day) - 1, count),
  a: (time) => HALVES_OF_DAY[hour(time) < 12 ? 0 : 1]!,
  H: (time, count) => padded(hour(time), count),
  k: (time, count) => padded(hour(time) || 24, count),
  K: (time, count) => padded(hour(time) % 12, count),
  h: (time, count) => padded(hour(time) % 12 || 12, count),
  m: ({ msOfDay }, count) => padded(Math.floor(msOfDay / 60_000) % 60, count),
  s: ({ msOfDay }, count) => padded(Math.floor(msOfDay / 1_000) % 60, count),
  S: ({ msOfDay }, count) => padded(msOfDay % 1_000, count),
  z: (_time, count) => (count >= 4 ? 'Coordinated Universal Time' : 'UTC'),
  Z: () => '+0000',
  X: () => 'Z',
}

export function formatDate(pieces: readonly Piece[], ms: number): string {
  const day = Math.floor(ms / DAY_MS)
  const time: Time = { day, date: dateOf(day), msOfDay: remainder(ms, DAY_MS) }
  let text = ''
  for (const piece of pieces) text += 'text' in piece ? piece.text : letters[piece.letter]!(time, piece.count)
  return text
}
