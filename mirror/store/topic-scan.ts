/**
 * Reads a partition from one offset to another, batch by batch: internal topics at the start, and what a crash left on the target. It waits
 * for leaders and retries retriable errors; other errors are thrown.
 */

import type { Client, RawAccess, RawFetchResult, TopicPartition } from '../../core/client/index.ts'
import { type ErrorName, isRetriable, KafkaError } from '../../core/errors.ts'
import { backoffMs } from '../../core/system/backoff.ts'
import type { Clock } from '../../core/system/clock.ts'
import type { Random } from '../../core/system/random.ts'
import { attributes, type BatchHeader } from '../../core/wire/batch-header.ts'
import { batches, type DecodedRecord, decodeRecords } from '../../core/wire/record-batch.ts'
import { abortedBatchFilter } from '../transfer/aborted-transactions.ts'

const MAX_BYTES = 4 * 1024 * 1024
const MAX_WAIT_MS = 200
const BACKOFF = { baseMs: 50, maxMs: 1_000 }
/** Attempts in a row without a batch before the error is thrown. */
const MAX_ATTEMPTS = 60

export interface ScanOptions {
  client: Client
  clock: Clock
  random: Random
  signal: AbortSignal
  /** Leaves out the records of aborted and open transactions. */
  committedOnly?: boolean
}

export interface ScannedBatch {
  header: BatchHeader
  bytes: Buffer
}

/** The log start offset and the log end offset of a partition. */
export interface LogBounds {
  start: number
  end: number
}

/** The batches that have offsets from `from` up to but not including `to`. Ends early if the log ends before `to`. */
export async function* scanBatches(
  { client, clock, random, signal, committedOnly = false }: ScanOptions,
  topic: string,
  partition: number,
  from: number,
  to: number,
): AsyncGenerator<ScannedBatch> {
  const raw = client.raw()
  try {
    let offset = from
    let attempts = 0
    while (offset < to) {
      if (signal.aborted) throw new KafkaError('NETWORK_EXCEPTION', `reading ${topic}-${partition} was cancelled`)
      const result = await fetchOnce(client, raw, { topic, partition, offset, committedOnly, refresh: attempts > 0 })
      let error: ErrorName
      if (result.error === null) {
        const requested = offset
        const isAborted = committedOnly ? abortedBatchFilter(result.abortedTransactions) : null
        for (const { header, bytes } of batches(result.records)) {
          const aborted = isAborted?.(header, bytes) ?? false
          if (header.lastOffset < offset) continue
          if (header.baseOffset >= to) return
          offset = header.lastOffset + 1
          if (!aborted) yield { header, bytes }
        }
        if (offset > requested) {
          attempts = 0
          continue
        }
        const end = committedOnly ? result.lastStableOffset : result.highWatermark
        if (end >= 0 && offset >= end) return
        error = 'OFFSET_NOT_AVAILABLE'
      } else error = result.error as ErrorName
      if (!isRetriable(error) || ++attempts > MAX_ATTEMPTS)
        throw new KafkaError(error, `reading ${topic}-${partition} at offset ${offset}: ${error}`)
      await clock.sleep(backoffMs(BACKOFF, attempts, random), signal)
    }
  } finally {
    await raw.close()
  }
}

type FetchResult = Pick<RawFetchResult, 'error' | 'records' | 'highWatermark' | 'lastStableOffset' | 'abortedTransactions'>

const failedFetch = (error: string): FetchResult => ({
  error,
  records: Buffer.alloc(0),
  highWatermark: -1,
  lastStableOffset: -1,
  abortedTransactions: [],
})

async function fetchOnce(
  client: Client,
  raw: RawAccess,
  from: TopicPartition & { offset: number; committedOnly: boolean; refresh: boolean },
): Promise<FetchResult> {
  const { topic, partition, offset, committedOnly, refresh } = from
  const metadata = await client.topic(topic, { refresh })
  const leader = metadata?.partitions[partition]?.leader ?? -1
  if (!metadata || leader < 0) return failedFetch('LEADER_NOT_AVAILABLE')
  try {
    const [result] = await raw.fetch(leader, [{ topic, partition, topicId: metadata.id, offset, leaderEpoch: -1 }], {
      maxWaitMs: MAX_WAIT_MS,
      minBytes: 1,
      maxBytes: MAX_BYTES,
      partitionMaxBytes: MAX_BYTES,
      isolationLevel: committedOnly ? 1 : 0,
    })
    return result ?? failedFetch('UNKNOWN_SERVER_ERROR')
  } catch (error) {
    if (error instanceof KafkaError && error.retriable) return failedFetch(error.error)
    throw error
  }
}

/** The bounds of each partition's log now, in order. With isolation level 1 the end is the last stable offset. */
export async function readLogBounds(
  client: Client,
  partitions: readonly TopicPartition[],
  isolationLevel: 0 | 1 = 0,
): Promise<LogBounds[]> {
  const list = (spec: 'earliest' | 'latest') =>
    client.admin.listOffsets(
      partitions.map(({ topic, partition }) => ({ topic, partition, spec })),
      isolationLevel,
    )
  const [starts, ends] = await Promise.all([list('earliest'), list('latest')])
  return partitions.map(({ topic, partition }, index) => {
    const [start, end] = [starts[index]!, ends[index]!]
    const error = start.error ?? end.error
    if (error) throw new KafkaError(error, `offsets of ${topic}-${partition}: ${error}`)
    return { start: start.offset, end: end.offset }
  })
}

/** All records of a partition that it has now. */
export async function scanRecords(
  options: ScanOptions,
  topic: string,
  partition: number,
  onRecord: (record: DecodedRecord) => void,
): Promise<void> {
  const [bounds] = await readLogBounds(options.client, [{ topic, partition }])
  for await (const { header, bytes } of scanBatches(options, topic, partition, bounds!.start, bounds!.end)) {
    if (header.attributes & attributes.control || header.count === 0) continue
    for (const record of decodeRecords(bytes)) onRecord(record)
  }
}
