/**
 * The English names in dates, as Java writes and reads them.
 */
export const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const
/** From Sunday. */
export const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const
export const SHORT_LENGTH = 3
export const ERAS = ['BC', 'AD'] as const
export const LONG_ERAS = ['Before Christ', 'Anno Domini'] as const
export const HALVES_OF_DAY = ['AM', 'PM'] as const

const hours = (count: number) => count * 60
/** The minutes to UTC of the names of time zones that are read. Java knows more, in the languages of its locales. */
export const ZONES: readonly (readonly [name: string, minutes: number])[] = [
  ['Coordinated Universal Time', 0],
  ['Greenwich Mean Time', 0],
  ['UTC', 0],
  ['GMT', 0],
  ['WET', 0],
  ['WEST', hours(1)],
  ['BST', hours(1)],
  ['CET', hours(1)],
  ['CEST', hours(2)],
  ['EET', hours(2)],
  ['EEST', hours(3)],
  ['MSK', hours(3)],
  ['JST', hours(9)],
  ['EST', hours(-5)],
  ['EDT', hours(-4)],
  ['CST', hours(-6)],
  ['CDT', hours(-5)],
  ['MST', hours(-7)],
  ['MDT', hours(-6)],
  ['PST', hours(-8)],
  ['PDT', hours(-7)],
]
