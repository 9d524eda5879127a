/**
 * Java's calendar in UTC: Julian before 15 October 1582, Gregorian from then on. Weeks begin on Sunday, and the week of the first day of a
 * year is its first, as in Java without a country or with that of the United States. Days are counted from the epoch.
 */
export const DAY_MS = 86_400_000

/** 15 October 1582, the first Gregorian day. */
const FIRST_GREGORIAN_DAY = -141_427
const FIRST_GREGORIAN_YEAR = 1582

export interface CalendarDate {
  /** Astronomical: year 0 is 1 BC. */
  year: number
  /** From 0. */
  month: number
  day: number
}

/** The number of days from the epoch to the first of March of year 0, in each calendar. */
const GREGORIAN_SHIFT = 719_468
const JULIAN_SHIFT = 719_470

function daysSinceMarch(month: number): number {
  return Math.floor((153 * ((month + 10) % 12) + 2) / 5)
}

export function gregorianDay({ year, month, day }: CalendarDate): number {
  const from = month < 2 ? year - 1 : year
  const leaps = Math.floor(from / 4) - Math.floor(from / 100) + Math.floor(from / 400)
  return from * 365 + leaps + daysSinceMarch(month) + day - 1 - GREGORIAN_SHIFT
}

export function julianDay({ year, month, day }: CalendarDate): number {
  const from = month < 2 ? year - 1 : year
  return from * 365 + Math.floor(from / 4) + daysSinceMarch(month) + day - 1 - JULIAN_SHIFT
}

export type DayOf = (date: CalendarDate) => number

/** The day that `find` finds in the calendar of its time. In October 1582 a day of the gap counts as Julian. */
export function inItsCalendar(year: number, find: (dayOf: DayOf) => number): number {
  if (year < FIRST_GREGORIAN_YEAR) {
    const julian = find(julianDay)
    return julian < FIRST_GREGORIAN_DAY ? julian : find(gregorianDay)
  }
  const gregorian = find(gregorianDay)
  return gregorian >= FIRST_GREGORIAN_DAY ? gregorian : find(julianDay)
}

/** The day of a date; the month must be one of a year. */
export const dayOf = (date: CalendarDate): number => inItsCalendar(date.year, (dayOfDate) => dayOfDate(date))

export function dateOf(day: number): CalendarDate {
  const dayOfDate = day >= FIRST_GREGORIAN_DAY ? gregorianDay : julianDay
  let year = Math.floor((day + GREGORIAN_SHIFT) / 365.2425) + 1
  while (dayOfDate({ year, month: 0, day: 1 }) > day) year--
  let month = Math.min(11, Math.floor((day - dayOfDate({ year, month: 0, day: 1 })) / 28))
  while (dayOfDate({ year, month, day: 1 }) > day) month--
  return { year, month, day: day - dayOfDate({ year, month, day: 1 }) + 1 }
}

export const remainder = (value: number, divisor: number) => value - Math.floor(value / divisor) * divisor

/** As Java numbers them: 1 is Sunday. */
export const SUNDAY = 1
export const dayOfWeek = (day: number) => remainder(day + 4, 7) + 1

/** The last day of the week `of` at or before `day`. */
export const dayOfWeekAtOrBefore = (day: number, of: number) => day - remainder(day + 4 - (of - 1), 7)

/** The first day of the first week of a period that begins with `first`. */
export const firstWeekOf = (first: number) => dayOfWeekAtOrBefore(first, SUNDAY)

/** The number of the week of `day` in a period that begins with `first`. */
export const weekOf = (first: number, day: number) => Math.floor((day - firstWeekOf(first)) / 7) + 1

export const firstDayOfYear = (year: number) => dayOf({ year, month: 0, day: 1 })

/** The year that the week of `day` belongs to: a week with the first of January is the first of that year. */
export function weekYearOf(day: number, { year }: CalendarDate): number {
  return day >= firstWeekOf(firstDayOfYear(year + 1)) ? year + 1 : year
}
