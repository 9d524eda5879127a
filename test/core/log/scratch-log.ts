/**
 * Logs in a temporary folder for one test: default settings, batches to append, all records read back, and a disk whose calls can fail.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CleanerSettings } from '../../../core/log/cleaner/cleaner-settings.ts'
import { openLogs } from '../../../core/log/index.ts'
import type { LogConfig, Logs, LogsOptions, PartitionLog, ReadBound } from '../../../core/log/types.ts'
import { type Clock, realClock } from '../../../core/system/clock.ts'
import { type Disk, realDisk } from '../../../core/system/disk.ts'
import { realHostNames } from '../../../core/system/host-names.ts'
import type { System } from '../../../core/system/index.ts'
import { type Logger, silentLogger } from '../../../core/system/logger.ts'
import { Metrics } from '../../../core/system/metrics.ts'
import { realRandom } from '../../../core/system/random.ts'
import { type BatchOptions, batches, type DecodedRecord, decodeRecords, encodeBatch } from '../../../core/wire/record-batch.ts'

export const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'

export const config: LogConfig = {
  segmentBytes: 1024 * 1024 * 1024,
  segmentMs: 7 * 24 * 3600_000,
  retentionBytes: -1,
  retentionMs: -1,
  indexIntervalBytes: 4096,
  maxMessageBytes: 1048588,
  cleanupPolicy: ['delete'],
  minCompactionLagMs: 0,
  maxCompactionLagMs: 2 ** 63,
  deleteRetentionMs: 24 * 3600_000,
  minCleanableDirtyRatio: 0.5,
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: 2 ** 63,
  messageTimestampAfterMaxMs: 3600_000,
  compressionType: 'producer',
  fileDeleteDelayMs: 60_000,
}

const hour = 3600_000
export const options = (dir: string): LogsOptions => ({
  dirs: [dir],
  nodeId: 1,
  flush: 'commit',
  retentionCheckIntervalMs: hour,
  flushOffsetCheckpointIntervalMs: hour,
  flushStartOffsetCheckpointIntervalMs: hour,
  producerIdExpirationMs: 24 * hour,
})

/** Kafka's defaults. */
export const cleanerSettings: CleanerSettings = {
  enable: true,
  threads: 1,
  dedupeBufferBytes: 128 * 1024 * 1024,
  loadFactor: 0.9,
  ioBufferBytes: 512 * 1024,
  ioBytesPerSecond: Number.MAX_VALUE,
  backoffMs: 15_000,
}

export interface Scratch {
  dir: string
  partitionDir: string
  system: System
  open(over?: Partial<LogsOptions>): Promise<Logs>
  openLog(over?: Partial<LogConfig>, logs?: Partial<LogsOptions>): Promise<{ logs: Logs; log: PartitionLog }>
  remove(): Promise<void>
}

export function scratch(parts: { disk?: Disk; clock?: Clock; logger?: Logger } = {}): Scratch {
  const dir = mkdtempSync(join(tmpdir(), 'tributary-log-'))
  const opened: Logs[] = []
  const system: System = {
    clock: parts.clock ?? realClock,
    disk: parts.disk ?? realDisk,
    random: realRandom,
    hostNames: realHostNames,
    logger: parts.logger ?? silentLogger,
    metrics: new Metrics(),
  }
  const open = async (over: Partial<LogsOptions> = {}) => {
    const logs = await openLogs({ ...options(dir), ...over }, system)
    opened.push(logs)
    return logs
  }
  return {
    dir,
    partitionDir: join(dir, 't-0'),
    system,
    open,
    async openLog(over = {}, logsOver = {}) {
      const logs = await open(logsOver)
      return { logs, log: await logs.open('t', TOPIC_ID, 0, { ...config, ...over }) }
    },
    async remove() {
      await Promise.allSettled(opened.map((logs) => logs.close()))
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

export const T0 = 1_700_000_000_000

/** A batch with one record per value. */
export const batchOf = (values: readonly string[], over: BatchOptions & { timestamp?: number; key?: string | null } = {}): Buffer =>
  encodeBatch(
    values.map((value, index) => ({
      key: over.key == null ? null : Buffer.from(over.key),
      value: Buffer.from(value),
      timestamp: (over.timestamp ?? T0) + index,
    })),
    over,
  )

export async function readRecords(
  log: PartitionLog,
  from = log.logStartOffset,
  maxBytes = 64 * 1024,
  bound?: ReadBound,
): Promise<DecodedRecord[]> {
  const records: DecodedRecord[] = []
  let offset = from
  for (;;) {
    const result = await log.read(offset, maxBytes, true, bound)
    if (result.bytes === 0) return records
    const bytes = Buffer.concat(result.chunks)
    result.release()
    for (const batch of batches(bytes)) {
      for (const record of decodeRecords(Buffer.from(batch.bytes))) if (record.offset >= from) records.push(record)
      offset = batch.header.lastOffset + 1
    }
  }
}

export const readValues = async (log: PartitionLog, from?: number, maxBytes?: number): Promise<string[]> =>
  (await readRecords(log, from, maxBytes)).map((record) => String(record.value))

/** A copy of the real disk whose calls can be replaced. */
export const faultyDisk = (): Disk & { [Call in keyof Disk]: Disk[Call] } => ({ ...realDisk })

export const nodeError = (code: string): Error => Object.assign(new Error(`${code}: injected failure`), { code })
