/**
 * The fields of a date that was read, and the time they make, as Java's lenient calendar resolves them: fields that were read later count
 * more, numbers may be out of range, and what was not read is that of the epoch.
 */
import { DAY_MS, type DayOf, dayOfWeekAtOrBefore, firstDayOfYear, firstWeekOf, inItsCalendar, remainder, SUNDAY } from './calendar.ts'

export type Field =
  | 'era'
  | 'year'
  | 'weekYear'
  | 'month'
  | 'weekOfYear'
  | 'weekOfMonth'
  | 'dayOfYear'
  | 'dayOfMonth'
  | 'weekdayInMonth'
  | 'dayOfWeek'
  | 'halfOfDay'
  | 'hour'
  | 'hourOfDay'
  | 'minute'
  | 'second'
  | 'millisecond'
  | 'zoneMinutes'

type KindOfDay = 'dayOfMonth' | 'weekOfMonth' | 'weekdayInMonth' | 'dayOfYear' | 'weekOfYear'

const EPOCH_YEAR = 1970
const UNSET = 0

export class DateFields {
  readonly #values = new Map<Field, number>()
  readonly #stamps = new Map<Field, number>()
  #stamp = UNSET

  set(field: Field, value: number): void {
    this.#values.set(field, value)
    this.#stamps.set(field, ++this.#stamp)
  }

  /** Later years, where one was read. */
  addYears(years: number): void {
    for (const field of ['year', 'weekYear'] as const) {
      const value = this.#values.get(field)
      if (value !== undefined) this.#values.set(field, value + years)
    }
  }

  get = (field: Field, fallback = 0): number => this.#values.get(field) ?? fallback
  #has = (field: Field) => this.#values.has(field)
  /** When the field was read, from 1; 0 for never. */
  #stampOf = (field: Field) => this.#stamps.get(field) ?? UNSET
  #stampOfBoth(a: Field, b: Field): number {
    return this.#has(a) && this.#has(b) ? Math.max(this.#stampOf(a), this.#stampOf(b)) : UNSET
  }

  /** Ms since the epoch. */
  time(): number {
    const ofWeek = this.#stampOf('weekYear') > this.#stampOf('year')
    const day = ofWeek ? this.#dayOfWeekYear() : this.#day()
    const minutes = this.get('minute') - this.get('zoneMinutes')
    return day * DAY_MS + this.#hourOfDay() * 3_600_000 + minutes * 60_000 + this.get('second') * 1_000 + this.get('millisecond')
  }

  #hourOfDay(): number {
    const whole = this.#stampOf('hourOfDay')
    const half = this.#stampOfBoth('hour', 'halfOfDay')
    const best = Math.max(whole, half) || Math.max(this.#stampOf('hour'), this.#stampOf('halfOfDay'))
    if (best === UNSET) return 0
    return best === whole ? this.get('hourOfDay') : this.get('hour') + 12 * this.get('halfOfDay')
  }

  /** Numbers that are no weekday are read as those of ISO, from Monday, once they are in a week. */
  #dayOfWeekYear(): number {
    let week = this.get('weekOfYear', 1)
    const read = this.get('dayOfWeek', SUNDAY)
    let weekday = read
    if (weekday > 7) {
      week += Math.floor((weekday - 1) / 7)
      weekday = ((weekday - 1) % 7) + 1
    } else if (weekday < 1) {
      const weeks = Math.ceil((1 - weekday) / 7)
      week -= weeks
      weekday += weeks * 7
    }
    if (weekday !== read) weekday = (weekday % 7) + 1
    return firstWeekOf(firstDayOfYear(this.get('weekYear'))) + 7 * (week - 1) + weekday - SUNDAY
  }

  #day(): number {
    let year = this.get('year', EPOCH_YEAR)
    if (this.get('era', 1) === 0) year = 1 - year
    const kind = this.#kindOfDay()
    return inItsCalendar(year, (dayOfDate) => this.#dayIn(year, kind, dayOfDate))
  }

  #dayIn(year: number, kind: KindOfDay, dayOfDate: DayOf): number {
    const newYear = dayOfDate({ year, month: 0, day: 1 })
    if (kind === 'dayOfYear') return newYear + this.get('dayOfYear') - 1
    if (kind === 'weekOfYear') return this.#inWeeks(newYear, this.get('weekOfYear'))
    const month = this.get('month')
    const ofMonth = { year: year + Math.floor(month / 12), month: remainder(month, 12), day: 1 }
    const first = dayOfDate(ofMonth)
    if (kind === 'dayOfMonth') return first + this.get('dayOfMonth', 1) - 1
    if (kind === 'weekOfMonth') return this.#inWeeks(first, this.get('weekOfMonth'))
    const weekday = this.get('dayOfWeek', SUNDAY)
    const nth = this.get('weekdayInMonth', 1)
    if (nth >= 0) return dayOfWeekAtOrBefore(first + 7 * nth - 1, weekday)
    const next = dayOfDate(
      ofMonth.month === 11 ? { ...ofMonth, year: ofMonth.year + 1, month: 0 } : { ...ofMonth, month: ofMonth.month + 1 },
    )
    return dayOfWeekAtOrBefore(next + 7 * (nth + 1) - 1, weekday)
  }

  /** The weekday, or the first day, of a week of a period that begins with `first`. */
  #inWeeks(first: number, week: number): number {
    const firstOfWeek = dayOfWeekAtOrBefore(firstWeekOf(first) + 6, this.get('dayOfWeek', SUNDAY))
    return firstOfWeek + 7 * (week - 1)
  }

  /** Which fields say the day: those that were read last, and together with a weekday where they need one. */
  #kindOfDay(): KindOfDay {
    const weekday = this.#stampOf('dayOfWeek')
    let dayOfMonth = this.#stampOf('dayOfMonth')
    const dayOfYear = this.#stampOf('dayOfYear')
    let weekOfMonth = this.#stampOfBoth('weekOfMonth', 'dayOfWeek')
    let inMonth = this.#stampOfBoth('weekdayInMonth', 'dayOfWeek')
    let weekOfYear = this.#stampOfBoth('weekOfYear', 'dayOfWeek')
    let best = Math.max(dayOfMonth, weekOfMonth, inMonth, dayOfYear, weekOfYear)
    if (best === UNSET) {
      weekOfMonth = this.#stampOf('weekOfMonth')
      inMonth = Math.max(this.#stampOf('weekdayInMonth'), weekday)
      weekOfYear = this.#stampOf('weekOfYear')
      best = Math.max(weekOfMonth, inMonth, weekOfYear)
      if (best === UNSET) best = dayOfMonth = this.#stampOf('month')
    }
    if (best === dayOfMonth) return 'dayOfMonth'
    const inYear = this.#stampOf('weekOfYear')
    const ofMonth =
      (best === weekOfMonth && this.#stampOf('weekOfMonth') >= inYear) || (best === inMonth && this.#stampOf('weekdayInMonth') >= inYear)
    if (!ofMonth) return best === dayOfYear ? 'dayOfYear' : 'weekOfYear'
    if (weekOfMonth === inMonth) return this.#stampOf('weekOfMonth') >= this.#stampOf('weekdayInMonth') ? 'weekOfMonth' : 'weekdayInMonth'
    return best === weekOfMonth ? 'weekOfMonth' : 'weekdayInMonth'
  }
}
