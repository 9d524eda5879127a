/**
 * A compacted log for a test: appends, and cleanings in this thread, on any disk and at any time.
 */
import { type CleaningRange, cleaningRange } from '../../../../core/log/cleaner/cleaning-range.ts'
import { cleanableLog, cleaningRequest } from '../../../../core/log/cleaner/cleaning-request.ts'
import { type CleaningResult, cleanLog } from '../../../../core/log/cleaner/log-cleaning.ts'
import type { StoredPartitionLog } from '../../../../core/log/partition-log.ts'
import type { AppendResult, PartitionLog } from '../../../../core/log/types.ts'
import { type Disk, realDisk } from '../../../../core/system/disk.ts'
import { encodeBatch } from '../../../../core/wire/record-batch.ts'
import { cleanerSettings, T0 } from '../scratch-log.ts'

export const stored = (log: PartitionLog): StoredPartitionLog => log as StoredPartitionLog

export interface CleanOptions {
  /** The end of the last cleaning. */
  from?: number
  nowMs?: number
  disk?: Disk
  mapBytes?: number
  bufferBytes?: number
}

/** One cleaning of everything that can be cleaned. Null where there is nothing. */
export async function clean(log: PartitionLog, options: CleanOptions = {}): Promise<CleaningResult | null> {
  const { nowMs = T0, disk = realDisk } = options
  const range = rangeOf(log, options.from, nowMs)
  if (range.cleanableBytes === 0) return null
  const secret = Buffer.from('0123456789abcdef')
  const request = cleaningRequest(stored(log), range, cleanerSettings, { nowMs, secret })
  const { mapBytes = request.mapBytes, bufferBytes = request.bufferBytes } = options
  return cleanLog(
    { ...request, mapBytes, bufferBytes },
    {
      disk,
      transferred: () => undefined,
      replace: (group) => stored(log).replaceSegments(group.replaced, group.sizeBytes),
    },
  )
}

export const rangeOf = (log: PartitionLog, from?: number, nowMs = T0): CleaningRange =>
  cleaningRange(cleanableLog(stored(log)), from, nowMs)

export interface KeyedRecord {
  key: string | null
  value: string | null
  timestamp?: number
}

export const keyed = (records: readonly KeyedRecord[], over: Parameters<typeof encodeBatch>[1] = {}): Buffer =>
  encodeBatch(
    records.map(({ key, value, timestamp = T0 }) => ({
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestamp,
    })),
    over,
  )

/** Any transactional batch begins a transaction here: no coordinator is asked. */
export const appendKeyed = (log: PartitionLog, batch: Buffer): AppendResult => log.append(batch, 'client', 'disabled')

export const endTransaction = (log: PartitionLog, producerId: number, committed: boolean, producerEpoch = 0): AppendResult =>
  log.appendEndTxnMarker({ producerId, producerEpoch, committed, coordinatorEpoch: 0, transactionVersion: 0 })
