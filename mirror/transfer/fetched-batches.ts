/**
 * Splits the records of a fetch response into batches for the target and offset ranges without records for it. Throws CORRUPT_MESSAGE at a
 * batch that cannot be mirrored.
 */
import { KafkaError } from '../../core/errors.ts'
import { type BatchHeader, MAGIC, readBatchHeader } from '../../core/wire/batch-header.ts'
import { type ReencodedBatch, type RewriteOptions, reencode, requiredRewrite } from './batch-rewrite.ts'
import type { FramePool } from './frame-pool.ts'
import type { PendingBatch } from './send-queue.ts'

export interface FetchedBatchesOptions extends RewriteOptions {
  /** `orders-0`, for error messages. */
  name: string
  /** Whether a batch belongs to an aborted transaction; null where none does. */
  isAborted: ((header: BatchHeader, batch: Buffer) => boolean) | null
  /** The pool of the response's memory: a batch that keeps using it is retained there. */
  frames: FramePool | null
}

export function* fetchedBatches(records: Buffer, options: FetchedBatchesOptions): Generator<PendingBatch> {
  const { name, isAborted, frames, targetAppendTime } = options
  let { fetchOffset } = options
  let position = 0
  while (position < records.length) {
    const header = readBatchHeader(records, position)
    const { sizeBytes } = header
    if (header.magic !== MAGIC) throw corrupt(name, header, `its record format is version ${header.magic}, only version 2 can be mirrored`)
    const batch = records.subarray(position, position + sizeBytes)
    position += sizeBytes
    if (header.lastOffset < fetchOffset) continue
    const rewrite = isAborted?.(header, batch) ? 'skip' : requiredRewrite(header, { fetchOffset, targetAppendTime })
    const reencoded = rewrite === 'reencode' ? reencodeFetched(name, batch, header, fetchOffset) : null
    fetchOffset = header.lastOffset + 1
    const skipped = rewrite === 'skip' || (rewrite === 'reencode' && !reencoded)
    if (rewrite === 'restamp') frames?.retain(batch)
    yield {
      bytes: skipped ? null : (reencoded?.bytes ?? batch),
      count: skipped ? 0 : (reencoded?.count ?? header.count),
      ranges: skipped ? [] : (reencoded?.ranges ?? [{ upstreamOffset: header.baseOffset, length: header.count }]),
      nextUpstreamOffset: fetchOffset,
      leaderEpoch: header.leaderEpoch,
      maxTimestamp: header.maxTimestamp,
      stamped: false,
      downstreamOffset: null,
      sentMs: 0,
    }
  }
}

function reencodeFetched(name: string, batch: Buffer, header: BatchHeader, fetchOffset: number): ReencodedBatch | null {
  try {
    return reencode(batch, header, fetchOffset)
  } catch (cause) {
    throw corrupt(name, header, (cause as Error).message, cause)
  }
}

const corrupt = (name: string, { baseOffset }: BatchHeader, why: string, cause?: unknown) =>
  new KafkaError(
    'CORRUPT_MESSAGE',
    `${name}: the batch at offset ${baseOffset} of the source cannot be read: ${why}; inspect it with kafka-dump-log, or start after it`,
    { cause },
  )
