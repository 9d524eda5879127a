/**
 * Reads a dead-letter queue from a cursor on, within limits, and says where the next read goes on. A cursor also has the end that the first
 * read has seen: what is written meanwhile, such as letters that fail again, is not part of the same scan.
 */
import type { Client } from '../../core/client/types.ts'
import type { Clock } from '../../core/system/clock.ts'
import { ConnectError } from '../types.ts'
import type { DeadLetter } from './dead-letter.ts'

/** A request gets a response after this time, with a cursor to go on (Invariant 13). */
const SCAN_TIMEOUT_MS = 30_000
const POLL_TIMEOUT_MS = 1_000
/** Bytes that the consumer holds at most. */
const FETCH_BYTES = 4 * 1024 * 1024
const POLL_RECORDS = 500

interface Range {
  from: number
  /** Null: the end of the partition as of now. */
  end: number | null
}

/** `0:17-500,1:3-90`: by partition, the next offset and the end; the end may be left out. */
export function parseCursor(text: string): Map<number, Range> {
  const cursor = new Map<number, Range>()
  for (const part of text.split(',')) {
    const found = /^(\d{1,9}):(\d{1,15})(?:-(\d{1,15}))?$/.exec(part.trim())
    if (!found) throw new ConnectError(400, `since is ${text}, but must be the \`next\` of a response, such as 0:17-500`)
    cursor.set(Number(found[1]), { from: Number(found[2]), end: found[3] === undefined ? null : Number(found[3]) })
  }
  return cursor
}

const formatCursor = (ranges: ReadonlyMap<number, { from: number; end: number }>): string | null =>
  [...ranges.values()].every(({ from, end }) => from >= end)
    ? null
    : [...ranges].map(([partition, { from, end }]) => `${partition}:${from}-${end}`).join(',')

/** The part of the topic that a cursor says; a partition that it does not name is read from its beginning. */
async function rangesOf(client: Client, topic: string, since: string | undefined): Promise<Map<number, { from: number; end: number }>> {
  const cursor = since === undefined ? new Map<number, Range>() : parseCursor(since)
  const metadata = await client.topic(topic, { refresh: true, allowCreation: false })
  const partitions = (metadata?.partitions ?? []).map(({ index }) => ({ topic, partition: index }))
  if (partitions.length === 0) return new Map()
  const [begins, ends] = await Promise.all([
    client.admin.listOffsets(partitions.map((partition) => ({ ...partition, spec: 'earliest' as const }))),
    client.admin.listOffsets(
      partitions.map((partition) => ({ ...partition, spec: 'latest' as const })),
      1,
    ),
  ])
  return new Map(
    partitions.map(({ partition }, index) => {
      const [begin, latest] = [Math.max(0, begins[index]!.offset), Math.max(0, ends[index]!.offset)]
      const given = cursor.get(partition)
      return [partition, { from: Math.max(begin, given?.from ?? 0), end: Math.min(latest, given?.end ?? latest) }]
    }),
  )
}

/** Calls `onLetter` for each letter until it returns false. `next` is null where everything up to the end was read. */
export async function scanLetters(
  client: Client,
  clock: Clock,
  topic: string,
  since: string | undefined,
  onLetter: (letter: DeadLetter) => boolean,
): Promise<{ next: string | null }> {
  const ranges = await rangesOf(client, topic, since)
  const reading = [...ranges].filter(([, { from, end }]) => from < end)
  if (reading.length === 0) return { next: null }
  const consumer = client.consumer({
    autoOffsetReset: 'earliest',
    isolationLevel: 'read_committed',
    maxPollRecords: POLL_RECORDS,
    fetchMaxBytes: FETCH_BYTES,
    maxPartitionFetchBytes: FETCH_BYTES,
  })
  const deadline = clock.monotonic() + SCAN_TIMEOUT_MS
  try {
    consumer.assign(reading.map(([partition, { from }]) => ({ topic, partition, offset: from })))
    while (formatCursor(ranges) !== null && clock.monotonic() < deadline) {
      for (const { partition, records, nextOffset } of await consumer.poll(POLL_TIMEOUT_MS)) {
        const range = ranges.get(partition)!
        for (const record of records) {
          if (record.offset >= range.end) break
          range.from = record.offset + 1
          if (!onLetter({ topic, partition, record })) return { next: formatCursor(ranges) }
        }
        range.from = Math.max(range.from, Math.min(nextOffset, range.end))
      }
    }
    return { next: formatCursor(ranges) }
  } finally {
    await consumer.close()
  }
}
