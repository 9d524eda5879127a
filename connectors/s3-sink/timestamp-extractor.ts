/**
 * The time of a record that time-based partitions and rotations go by. It is one that calendars have, whatever a producer has sent. Pure,
 * but for the time that the caller gives.
 */
import { logicalTypes, type SinkRecord, UnwritableRecord } from '../../connect/sdk/index.ts'
import { fieldReader } from './nested-field.ts'

/** The ms since the epoch. Throws UnwritableRecord where the record has no time. */
export type ExtractTimestamp = (record: SinkRecord, nowMs: number) => number

/** What Date can have, less the offset of any zone and the length of a day: a producer may send any number. */
const MAX_MS = 8.64e15 - 2 * 86_400_000

function inRange(ms: number): number {
  if (Math.abs(ms) <= MAX_MS) return ms
  throw new UnwritableRecord(`its time ${ms} is beyond the year 275,760: times are ms since the epoch`)
}

export type TimestampExtractorName = 'Wallclock' | 'Record' | 'RecordField'

export function timestampExtractor(name: TimestampExtractorName, field: string): ExtractTimestamp {
  if (name === 'Wallclock') return (_record, nowMs) => nowMs
  if (name === 'RecordField') return fieldExtractor(field)
  return ({ timestamp }) => {
    if (timestamp === null || timestamp < 0) throw new UnwritableRecord('it has no timestamp, and timestamp.extractor=Record needs one')
    return inRange(timestamp)
  }
}

function fieldExtractor(field: string): ExtractTimestamp {
  const read = fieldReader(field)
  return (record) => {
    const { schema, value } = read(record.value, record.valueSchema)
    const ms = millisOf(value, schema?.name)
    if (ms === null)
      throw new UnwritableRecord(
        `its field ${field} is no time: timestamp.field names one with ms since the epoch, a text as 2026-01-31T10:00:00Z, or a Timestamp`,
      )
    return inRange(ms)
  }
}

function millisOf(value: unknown, logicalName: string | undefined): number | null {
  if (value instanceof Date) return logicalName === undefined || logicalName === logicalTypes.timestamp ? value.getTime() : null
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number') return Number.isFinite(value) ? Math.trunc(value) : null
  if (typeof value !== 'string') return null
  if (/^-?\d{1,19}$/.test(value)) return Number(value)
  return isoMillis(value)
}

/** A date, or a date and a time with the offset of a zone. Without one it is in UTC. */
const iso = /^[+-]?\d{4,6}(?:-\d{2}(?:-\d{2})?)?(?:T(?:\d{2}(?::?\d{2}(?::?\d{2}(?:[.,]\d{1,9})?)?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/

function isoMillis(text: string): number | null {
  const match = iso.exec(text)
  if (!match) return null
  const hasTime = text.includes('T')
  let whole = text.replace(',', '.').replace(/(T\d{2})(?=Z|[+-]|$)/, '$1:00')
  if (hasTime && match[1] === undefined) whole += 'Z'
  whole = whole.replace(/([+-]\d{2})$/, (offset) => (hasTime && match[1] !== 'Z' && match[1] !== undefined ? `${offset}:00` : offset))
  const ms = Date.parse(whole.replace(/T(?=Z|[+-]|$)/, 'T00:00'))
  return Number.isNaN(ms) ? null : ms
}
