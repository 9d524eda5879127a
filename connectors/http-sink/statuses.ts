/**
 * Ranges of HTTP statuses as a setting has them, `429,500-599` or `400-`. Pure.
 */
export type StatusRange = readonly [first: number, last: number]

const RANGE = /^(\d{3})(?:(-)(\d{3})?)?$/
const LAST = 599

const rangeOf = (entry: string): StatusRange | null => {
  const match = RANGE.exec(entry)
  if (!match) return null
  const first = Number(match[1])
  const last = match[3] !== undefined ? Number(match[3]) : match[2] ? LAST : first
  return first >= 400 && first <= last && last <= LAST ? [first, last] : null
}

/** What is wrong with a list of ranges. */
export function rangesProblem(entries: readonly string[]): string | undefined {
  const wrong = entries.find((entry) => rangeOf(entry) === null)
  return wrong === undefined ? undefined : `${wrong} is no range of statuses from 400 to 599: write 429, 500-599 or 400-`
}

export const rangesOf = (entries: readonly string[]): StatusRange[] => entries.map((entry) => rangeOf(entry)!)

export const isIn = (ranges: readonly StatusRange[], status: number): boolean =>
  ranges.some(([first, last]) => status >= first && status <= last)
