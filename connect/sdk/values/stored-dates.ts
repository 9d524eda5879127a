/**
 * What Kafka Connect stores of dates, times of day and timestamps, and the dates that it reads from that: with its checks, so that no
 * converter writes or delivers a date that another one would refuse. Pure.
 */
import { DataError } from '../errors.ts'
import { logicalTypes } from '../schema.ts'

const DAY_MS = 86_400_000

const isTimeOfDay = (ms: number): boolean => ms >= 0 && ms <= DAY_MS

/** The number that is stored of a date. `name` is that of a logical type. */
export function storedDate(name: string | undefined, date: Date): number {
  const ms = date.getTime()
  if (Number.isNaN(ms)) throw new DataError(`an invalid date for ${name}`)
  if (name === logicalTypes.date) {
    if (ms % DAY_MS !== 0) throw new DataError('Kafka Connect Date type should not have any time fields set to non-zero values.')
    return ms / DAY_MS
  }
  if (name === logicalTypes.time && !isTimeOfDay(ms))
    throw new DataError('Kafka Connect Time type should not have any date fields set to non-zero values.')
  return ms
}

/** The date of a stored number. */
export function dateOf(name: string | undefined, stored: number): Date {
  if (name === logicalTypes.time && !isTimeOfDay(stored)) throw new DataError(`${stored} is not a time of day in milliseconds`)
  const date = new Date(name === logicalTypes.date ? stored * DAY_MS : stored)
  // Java's dates have a larger range than JavaScript's.
  if (Number.isNaN(date.getTime())) throw new DataError(`${stored} is out of the range of a date: check its unit`)
  return date
}
