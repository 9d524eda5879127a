/**
 * The folders of a record's object below that of its topic, as Confluent's partitioners name them: by partition, by fields, or by time.
 * Pure.
 */
import { type Schema, type SinkRecord, UnwritableRecord } from '../../connect/sdk/index.ts'
import type { ZoneOffset } from '../../connect/sdk/zone-offset.ts'
import { type FormatLocal, jodaFormat } from './joda-format.ts'
import { fieldReader } from './nested-field.ts'
import type { ExtractTimestamp } from './timestamp-extractor.ts'

export interface Partitioner {
  /** The part of the object's name between the topic and the file. Throws UnwritableRecord. */
  encodedPartition(record: SinkRecord, nowMs: number): string
  /** What rotate.interval.ms goes by; null where the partitions are not of time. */
  readonly timestamp: ExtractTimestamp | null
}

export const defaultPartitioner: Partitioner = {
  encodedPartition: ({ partition }) => `partition=${partition}`,
  timestamp: null,
}

export function fieldPartitioner(names: readonly string[], delimiter: string): Partitioner {
  const readers = names.map((name) => ({ name, read: fieldReader(name) }))
  return {
    encodedPartition({ value, valueSchema }) {
      const parts = readers.map(({ name, read }) => {
        const field = read(value, valueSchema)
        return `${name}=${field.value === null ? 'null' : partitionText(name, field.value, field.schema)}`
      })
      return parts.join(delimiter)
    },
    timestamp: null,
  }
}

/** Floats, bytes, structs and times would make names that nobody can foretell. */
function partitionText(name: string, value: unknown, schema: Schema | null): string {
  if (typeof value === 'string' && (schema === null || schema.type === 'string')) return value
  if (typeof value === 'boolean' || typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)))
    if (schema === null || /^(int\d+|boolean)$/.test(schema.type)) return String(value)
  throw new UnwritableRecord(
    `its field ${name} is ${schema ? `of type ${schema.name ?? schema.type}` : 'no text, whole number or boolean'}, and partition.field.name ` +
      'takes texts, whole numbers and booleans',
  )
}

export interface TimePartitions {
  durationMs: number
  pathFormat: string
  locale: string
  offset: ZoneOffset
  timestamp: ExtractTimestamp
}

/** Remembered names, so that one record of many costs no formatting (Invariant 13). */
const MAX_NAMES = 1_000

export function timePartitioner({ durationMs, pathFormat, locale, offset, timestamp }: TimePartitions): Partitioner {
  const format: FormatLocal = jodaFormat(pathFormat, locale)
  const names = new Map<number, string>()
  return {
    timestamp,
    encodedPartition(record, nowMs) {
      const start = partitionStart(timestamp(record, nowMs), durationMs, offset)
      let name = names.get(start)
      if (name === undefined) {
        if (names.size >= MAX_NAMES) names.clear()
        names.set(start, (name = format(start + offset(start))))
      }
      return name
    },
  }
}

/**
 * The instant at which the partition of a time begins: the local clock, cut to the duration. Of a local time that a change of clocks skips
 * or repeats it is what Joda-Time's convertLocalToUTC gives, so that names are those of Confluent's sink.
 */
export function partitionStart(ms: number, durationMs: number, offset: ZoneOffset): number {
  const local = ms + offset(ms)
  const cut = durationMs > 0 ? Math.trunc(local / durationMs) * durationMs : local
  const first = offset(cut)
  const second = offset(cut - first)
  const isStraddling = first !== second && first < 0 && offset(cut - second) !== second
  return cut - (isStraddling ? first : second)
}

/** With the name of the schema as a folder before or behind those of another partitioner. */
export function schemaPartitioner(inner: Partitioner, affix: 'PREFIX' | 'SUFFIX', delimiter: string): Partitioner {
  return {
    timestamp: inner.timestamp,
    encodedPartition(record, nowMs) {
      const own = `schema_name=${record.valueSchema?.name ?? 'null'}`
      const other = inner.encodedPartition(record, nowMs)
      return affix === 'PREFIX' ? own + delimiter + other : other + delimiter + own
    },
  }
}

/** Records without a value have a folder of their own. They neither have nor need a time. */
export function tombstonePartitioner(inner: Partitioner, folder: string): Partitioner {
  const { timestamp } = inner
  return {
    timestamp: timestamp && ((record, nowMs) => (record.value === null ? (record.timestamp ?? nowMs) : timestamp(record, nowMs))),
    encodedPartition: (record, nowMs) => (record.value === null ? folder : inner.encodedPartition(record, nowMs)),
  }
}
