/**
 * Reads a partition from one offset to another, batch by batch: internal topics at start, and the tails that a crash left behind.
 * It waits for leaders and goes on after errors that pass; what does not pass is thrown.
 */

import type { Client } from '../../core/client/index.ts'
import { type ErrorName, isRetriable, KafkaError } from '../../core/errors.ts'
import type { Clock } from '../../core/system/clock.ts'
import { attributes, type BatchHeader } from '../../core/wire/batch-header.ts'
import { batches, type DecodedRecord, decodeRecords } from '../../core/wire/record-batch.ts'
import { abortedBatchFilter } from '../transfer/aborted-transactions.ts'

const MAX_BYTES = 4 * 1024 * 1024
const MAX_WAIT_MS = 200
const RETRY_MS = 50
const RETRY_MAX_MS = 1_000
/** Tries in a row that bring nothing before the reason is handed up. */
const MAX_TRIES = 60

export interface ScanOptions {
  client: Client
  clock: Clock
  signal: AbortSignal
  /** Leaves out what belongs to aborted or open transactions. */
  committedOnly?: boolean
}

export interface ScannedBatch {
  header: BatchHeader
  bytes: Buffer
}

/** The batches that hold offsets from `from` up to but not including `to`. Ends early where the log holds nothing more below `to`. */
export async function* scanBatches(
  { client, clock, signal, committedOnly = false }: ScanOptions,
  topic: string,
  partition: number,
  from: number,
  to: number,
): AsyncGenerator<ScannedBatch> {
  const raw = client.raw()
  try {
    let offset = from
    let tries = 0
    while (offset < to) {
      if (signal.aborted) throw new KafkaError('NETWORK_EXCEPTION', `reading ${topic}-${partition} was given up`)
      const metadata = await client.topic(topic, { refresh: tries > 0 })
      const place = metadata?.partitions[partition]
      let error: ErrorName = 'LEADER_NOT_AVAILABLE'
      if (metadata && place && place.leader >= 0) {
        const [result] = await raw
          .fetch(place.leader, [{ topic, partition, topicId: metadata.id, offset, leaderEpoch: -1 }], {
            maxWaitMs: MAX_WAIT_MS,
            minBytes: 1,
            maxBytes: MAX_BYTES,
            partitionMaxBytes: MAX_BYTES,
            isolationLevel: committedOnly ? 1 : 0,
          })
          .catch((failure: unknown) => {
            if (failure instanceof KafkaError && failure.retriable)
              return [{ error: failure.error, records: Buffer.alloc(0), highWatermark: -1, lastStableOffset: -1, abortedTransactions: [] }]
            throw failure
          })
        if (result && result.error === null) {
          let seen = false
          const leftOut = committedOnly ? abortedBatchFilter(result.abortedTransactions) : null
          const end = committedOnly ? result.lastStableOffset : result.highWatermark
          for (const { header, bytes } of batches(result.records)) {
            seen = true
            const unwanted = leftOut?.(header, bytes) ?? false
            if (header.lastOffset < offset) continue
            if (header.baseOffset >= to) return
            offset = header.lastOffset + 1
            if (!unwanted) yield { header, bytes }
          }
          if (seen) {
            tries = 0
            continue
          }
          if (end >= 0 && offset >= end) return
          error = 'OFFSET_NOT_AVAILABLE'
        } else error = (result?.error as ErrorName | undefined) ?? 'UNKNOWN_SERVER_ERROR'
      }
      if (!isRetriable(error) || ++tries > MAX_TRIES) throw new KafkaError(error, `reading ${topic}-${partition} at ${offset}: ${error}`)
      await clock.sleep(Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(tries, 10)), signal)
    }
  } finally {
    await raw.close()
  }
}

/** Where a partition begins and ends now; throws where that cannot be learned. */
export async function readLogBounds(client: Client, topic: string, partition: number): Promise<{ start: number; end: number }> {
  const ask = (spec: 'earliest' | 'latest') => client.admin.listOffsets([{ topic, partition, spec }])
  const [[start], [end]] = await Promise.all([ask('earliest'), ask('latest')])
  const error = start!.error ?? end!.error
  if (error) throw new KafkaError(error as ErrorName, `offsets of ${topic}-${partition}: ${error}`)
  return { start: start!.offset, end: end!.offset }
}

/** All records of a topic's partition that are there now. */
export async function scanRecords(
  options: ScanOptions,
  topic: string,
  partition: number,
  each: (record: DecodedRecord) => void,
): Promise<void> {
  const { start, end } = await readLogBounds(options.client, topic, partition)
  for await (const { header, bytes } of scanBatches(options, topic, partition, start, end)) {
    if (header.attributes & attributes.control || header.count === 0) continue
    for (const record of decodeRecords(bytes)) each(record)
  }
}
