/**
 * Dates as texts, as Kafka Connect's Values writes them: a time on the first day of the epoch, a date at the start of a day, else both.
 */
const DAY_MS = 86_400_000
const DATE_LENGTH = 10

export function isoText(date: Date): string {
  const ms = date.getTime()
  const text = date.toISOString()
  // Kafka Connect takes every date before 1970 as a time, and loses its day.
  if (ms < DAY_MS && ms >= 0) return text.slice(DATE_LENGTH + 1)
  return ms % DAY_MS === 0 ? text.slice(0, DATE_LENGTH) : text
}
