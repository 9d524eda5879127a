/**
 * Goal: a cleaning keeps exactly what Kafka keeps: the last record of each key, tombstones and markers until their horizon, nothing of
 * aborted transactions, the last batch of each producer; and what it keeps has the offsets, timestamps and codec that it had. Method: logs
 * on disk, cleaned in this thread, read back.
 */
import { readdirSync, statSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LogConfig, Logs, PartitionLog } from '../../../../core/log/types.ts'
import { realDisk } from '../../../../core/system/disk.ts'
import type { CodecName } from '../../../../core/wire/batch-header.ts'
import { batches, decodeRecords } from '../../../../core/wire/record-batch.ts'
import { config, faultyDisk, nodeError, type Scratch, scratch, T0 } from '../scratch-log.ts'
import { appendKeyed, clean, endTransaction, type KeyedRecord, keyed, rangeOf } from './compacted-log.ts'

const hour = 3600_000
let fixture: Scratch
let log: PartitionLog
beforeEach(() => {
  fixture = scratch()
})
afterEach(() => fixture.remove())

const compacted: Partial<LogConfig> = { cleanupPolicy: ['compact'], segmentBytes: 400, indexIntervalBytes: 100 }
const open = async (over: Partial<LogConfig> = {}) => {
  const { logs, log: opened } = await fixture.openLog({ ...compacted, ...over })
  log = opened
  return logs
}

const append = (records: readonly KeyedRecord[], over?: Parameters<typeof keyed>[1]) => appendKeyed(log, keyed(records, over)).durable

/** Rolls the active segment. */
const roll = async () => {
  log.configure({ ...log.config, segmentBytes: 100 })
  await append([{ key: 'roll', value: 'r' }])
  log.configure({ ...log.config, segmentBytes: compacted.segmentBytes! })
}

async function batchesOf(from = 0) {
  const found = []
  let offset = from
  for (;;) {
    const result = await log.read(offset, 1 << 20, true, 'end')
    if (result.bytes === 0) return found
    for (const { header, bytes } of batches(Buffer.concat(result.chunks))) {
      offset = header.lastOffset + 1
      const records = header.attributes & 0x20 ? [] : decodeRecords(Buffer.from(bytes))
      found.push({
        header,
        records: records.map(({ offset: at, timestamp, key, value }) => ({
          at,
          timestamp,
          key: key && String(key),
          value: value && String(value),
        })),
      })
    }
    result.release()
  }
}
const recordsOf = async () => (await batchesOf()).flatMap(({ records }) => records.map(({ at, key, value }) => `${at} ${key}=${value}`))

describe('records', () => {
  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'the last one of each key stays, with its offset and timestamp: %s',
    async (codec: CodecName) => {
      await open()
      const at = (key: string, value: string, timestamp: number) => ({ key, value, timestamp: T0 + timestamp })
      await append([at('a', 'a1', 0), at('b', 'b1', 70), at('c', 'c1', 5000)], { codec })
      await append([at('a', 'a2', 100_000), at('d', 'd1', 100_001)], { codec })
      await roll()
      const result = await clean(log)
      expect(result).toMatchObject({ endOffset: 5, isComplete: true, stats: { recordsRead: 5, recordsKept: 4, keys: 4 } })
      expect(await recordsOf()).toEqual(['1 b=b1', '2 c=c1', '3 a=a2', '4 d=d1', '5 roll=r'])
      const [first, second] = await batchesOf()
      expect(first!.header).toMatchObject({ baseOffset: 0, lastOffset: 2, count: 2, baseTimestamp: T0 + 70, maxTimestamp: T0 + 5000 })
      expect(first!.header.attributes & 7).toBe(['none', 'gzip', 'snappy', 'lz4', 'zstd'].indexOf(codec))
      expect(first!.records.map(({ timestamp }) => timestamp - T0)).toEqual([70, 5000])
      expect(second!.records.map(({ timestamp }) => timestamp - T0)).toEqual([100_000, 100_001])
    },
  )

  test('without a key go', async () => {
    const { logs } = await fixture.openLog({ ...compacted, cleanupPolicy: ['delete'] }).then((opened) => {
      log = opened.log
      return opened
    })
    await append([
      { key: null, value: 'x' },
      { key: 'k', value: 'v' },
    ])
    log.configure({ ...config, ...compacted } as LogConfig)
    await roll()
    expect(await clean(log)).toMatchObject({ stats: { invalidRecords: 1 } })
    expect(await recordsOf()).toEqual(['1 k=v', '2 roll=r'])
    await logs.close()
  })

  test('with an empty key are one key', async () => {
    await open()
    await append([
      { key: '', value: '1' },
      { key: '', value: '2' },
      { key: 'a', value: '3' },
    ])
    await roll()
    await clean(log)
    expect(await recordsOf()).toEqual(['1 =2', '2 a=3', '3 roll=r'])
  })

  test('stamped by the broker keep its time', async () => {
    await open({ messageTimestampType: 'LogAppendTime' })
    await append([
      { key: 'a', value: '1', timestamp: 5 },
      { key: 'b', value: '2', timestamp: 900 },
    ])
    const [before] = await batchesOf()
    await append([{ key: 'a', value: '3' }])
    await roll()
    await clean(log)
    const [after] = await batchesOf()
    expect(after!.header.maxTimestamp).toBe(before!.header.maxTimestamp)
    expect(after!.records).toEqual([{ ...before!.records[1] }])
  })

  test('of one batch that has nothing to remove stay byte for byte', async () => {
    await open()
    await append(
      [
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
      ],
      { codec: 'gzip' },
    )
    await roll()
    const before = (await batchesOf())[0]!.header
    await clean(log)
    expect((await batchesOf())[0]!.header).toEqual(before)
  })

  test('a full map needs several rounds', async () => {
    await open({ segmentBytes: 20_000 })
    const keys = Array.from({ length: 2_000 }, (_, index) => `key-${index}`)
    for (let pass = 0; pass < 3; pass++)
      for (let index = 0; index < keys.length; index += 100)
        await append(keys.slice(index, index + 100).map((key) => ({ key, value: `${pass}` })))
    await roll()
    let from = 0
    let rounds = 0
    for (;;) {
      const result = await clean(log, { from, mapBytes: 20_000, bufferBytes: 1000 })
      if (result === null || result.endOffset === from) break
      expect(result.isComplete).toBe(true)
      from = result.endOffset
      rounds++
      if (from === rangeOf(log, from).firstUncleanableOffset) break
    }
    expect(rounds).toBeGreaterThan(3)
    const records = await recordsOf()
    expect(records.length).toBe(2001)
    expect(records.slice(0, -1).every((record) => record.endsWith('=2'))).toBe(true)
  })
})

describe('tombstones', () => {
  test('stay until the horizon that the first cleaning sets', async () => {
    await open()
    await append([
      { key: 'a', value: '1' },
      { key: 'b', value: '2', timestamp: T0 + 9 },
    ])
    await append([{ key: 'a', value: null, timestamp: T0 + 300 }])
    await roll()
    const first = await clean(log, { nowMs: T0 + hour })
    expect(await recordsOf()).toEqual(['1 b=2', '2 a=null', '3 roll=r'])
    const [, tombstone] = await batchesOf()
    expect(tombstone!.header).toMatchObject({ attributes: 0x40, baseTimestamp: T0 + 25 * hour, maxTimestamp: T0 + 300 })
    expect(tombstone!.records[0]!.timestamp).toBe(T0 + 300)
    await roll()
    const second = await clean(log, { from: first!.endOffset, nowMs: T0 + 25 * hour - 1 })
    expect(await recordsOf()).toEqual(['1 b=2', '2 a=null', '3 roll=r', '4 roll=r'])
    expect((await batchesOf())[1]!.header.baseTimestamp).toBe(T0 + 25 * hour)
    await roll()
    await clean(log, { from: second!.endOffset, nowMs: T0 + 25 * hour })
    expect(await recordsOf()).toEqual(['1 b=2', '4 roll=r', '5 roll=r'])
  })
})

describe('transactions', () => {
  const of = (producerId: number, baseSequence: number) => ({ producerId, producerEpoch: 0, baseSequence, transactional: true })
  const end = (producerId: number, committed: boolean) => endTransaction(log, producerId, committed).durable

  test('aborted records go at once, markers when their horizon is over', async () => {
    await open()
    await append([{ key: 'a', value: 'kept' }])
    await append([{ key: 'a', value: 'aborted' }], of(1, 0))
    await end(1, false)
    await append([{ key: 'b', value: 'committed' }], of(1, 1))
    await end(1, true)
    await append([{ key: 'b', value: 'newer' }], of(1, 2))
    await end(1, true)
    await append([{ key: 'c', value: 'last of 1' }], of(1, 3))
    await end(1, true)
    await roll()
    const kinds = async () =>
      (await batchesOf()).map(({ header }) => `${header.baseOffset}${header.attributes & 0x20 ? ' marker' : ''} ${header.count}`)
    const first = await clean(log, { nowMs: T0 })
    expect(await recordsOf()).toEqual(['0 a=kept', '5 b=newer', '7 c=last of 1', '9 roll=r'])
    expect(await kinds()).toEqual(['0 1', '2 marker 1', '4 marker 1', '5 1', '6 marker 1', '7 1', '8 marker 1', '9 1'])
    expect(log.abortedTransactions(0, 100)).toEqual([{ producerId: 1, firstOffset: 1 }])
    await roll()
    const second = await clean(log, { from: first!.endOffset, nowMs: T0 })
    const horizons = (await batchesOf()).filter(({ header }) => header.attributes & 0x40).map(({ header }) => header.baseOffset)
    expect(horizons).toEqual([2, 4])
    expect(log.abortedTransactions(0, 100)).toEqual([])
    await roll()
    await clean(log, { from: second!.endOffset, nowMs: T0 + 24 * hour })
    expect(await kinds()).toEqual(['0 1', '5 1', '6 marker 1', '7 1', '8 marker 1', '10 1', '11 1'])
  })

  test('open ones, and all after them, are not cleaned', async () => {
    await open({ segmentBytes: 100 })
    await append([{ key: 'a', value: '1' }])
    await append([{ key: 'a', value: '2' }])
    await append([{ key: 'a', value: 'open' }], of(1, 0))
    await append([{ key: 'a', value: '4' }])
    await append([{ key: 'a', value: '5' }])
    expect(log.lastStableOffset).toBe(2)
    expect(rangeOf(log)).toMatchObject({ firstDirtyOffset: 0, firstUncleanableOffset: 2 })
    await clean(log)
    expect(await recordsOf()).toEqual(['1 a=2', '2 a=open', '3 a=4', '4 a=5'])
  })

  test('the last batch of a producer stays, empty, with its sequence', async () => {
    const logs = await open()
    await append(
      [
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
      ],
      { producerId: 7, producerEpoch: 3, baseSequence: 4 },
    )
    await append([
      { key: 'a', value: '3' },
      { key: 'b', value: '4' },
    ])
    await roll()
    await clean(log)
    expect(await recordsOf()).toEqual(['2 a=3', '3 b=4', '4 roll=r'])
    expect((await batchesOf())[0]!.header).toMatchObject({
      baseOffset: 0,
      lastOffset: 1,
      count: 0,
      baseSequence: 4,
      producerEpoch: 3,
      producerId: 7,
    })
    await logs.close()
    await open()
    const again = log.append(
      keyed(
        [
          { key: 'a', value: '1' },
          { key: 'b', value: '2' },
        ],
        { producerId: 7, producerEpoch: 3, baseSequence: 4 },
      ),
    )
    expect(again.baseOffset).toBe(0)
  })
})

describe('segments', () => {
  test('are merged up to segment.bytes, keep the time of their last write, and leave no other files', async () => {
    await open({ segmentBytes: 400, fileDeleteDelayMs: 0 })
    for (let index = 0; index < 40; index++) await append([{ key: `k${index % 5}`, value: 'x'.repeat(50) }])
    const logsOf = () => readdirSync(fixture.partitionDir).filter((name) => name.endsWith('.log'))
    const before = logsOf()
    const lastCleaned = before.at(-2)!
    const modified = statSync(`${fixture.partitionDir}/${lastCleaned}`).mtimeMs
    log.configure({ ...log.config, segmentBytes: 1500 })
    await clean(log)
    const after = logsOf()
    expect(after.length).toBeLessThan(before.length)
    expect(after.at(-1)).toBe(before.at(-1))
    expect(Math.abs(statSync(`${fixture.partitionDir}/${after.at(-2)}`).mtimeMs - modified)).toBeLessThan(2)
    const snapshots = readdirSync(fixture.partitionDir).filter((name) => name.endsWith('.snapshot'))
    expect(snapshots.every((name) => after.includes(name.replace('.snapshot', '.log')))).toBe(true)
    expect(readdirSync(fixture.partitionDir).filter((name) => /cleaned|swap/.test(name))).toEqual([])
  })

  test('that are large become durable in parts, so that appends to other logs do not wait for all of it', async () => {
    const partBytes = 8 * 2 ** 20
    await open({ segmentBytes: 3 * partBytes })
    const value = 'x'.repeat(900_000)
    for (let index = 0; index < 25; index++) await append([{ key: `k${index}`, value }])
    await roll()
    const disk = faultyDisk()
    let unsyncedBytes = 0
    let mostUnsynced = 0
    disk.writeSync = (file, bytes, position) => {
      unsyncedBytes += bytes.length
      mostUnsynced = Math.max(mostUnsynced, unsyncedBytes)
      return realDisk.writeSync(file, bytes, position)
    }
    disk.fdatasync = (file) => {
      unsyncedBytes = 0
      return realDisk.fdatasync(file)
    }
    const result = await clean(log, { disk })
    expect(result!.stats.bytesWritten).toBeGreaterThan(2 * partBytes)
    expect(mostUnsynced).toBeLessThan(partBytes + 2 * 2 ** 20)
    expect((await recordsOf()).length).toBe(26)
  })

  test('without a record left are read over, and recovered', async () => {
    const logs = await open({ segmentBytes: 100 })
    for (let index = 0; index < 4; index++) await append([{ key: 'a', value: `${index}` }])
    await clean(log)
    expect(await recordsOf()).toEqual(['2 a=2', '3 a=3'])
    expect(log.sizeBytes).toBeGreaterThan(0)
    await logs.close()
    await open()
    expect(await recordsOf()).toEqual(['2 a=2', '3 a=3'])
    expect([log.logStartOffset, log.logEndOffset]).toEqual([0, 4])
  })
})

describe('failures', () => {
  const disk = faultyDisk()
  let logs: Logs
  beforeEach(async () => {
    await fixture.remove()
    fixture = scratch({ disk })
    logs = await open()
    for (let index = 0; index < 20; index++) await append([{ key: `k${index % 3}`, value: 'x'.repeat(50) }])
  })
  afterEach(() => {
    Object.assign(disk, realDisk)
  })
  /** By key: the offset and the value of its last record. */
  const lastValues = async () =>
    new Map((await batchesOf()).flatMap(({ records }) => records.map(({ at, key, value }) => [key, `${at} ${value}`])))
  const temporary = () => readdirSync(fixture.partitionDir).filter((name) => /cleaned|swap/.test(name))

  test('a full disk leaves the log as it was, and nothing else', async () => {
    const before = await lastValues()
    disk.writeSync = () => {
      throw nodeError('ENOSPC')
    }
    await expect(clean(log, { disk })).rejects.toThrow('ENOSPC')
    expect(temporary()).toEqual([])
    expect(await lastValues()).toEqual(before)
    Object.assign(disk, realDisk)
    expect(await clean(log, { disk })).toMatchObject({ isComplete: true })
    expect(await lastValues()).toEqual(before)
    await append([{ key: 'a', value: '1' }])
  })

  test('where segments cannot be replaced the log fails, and the next start completes it', async () => {
    const before = await lastValues()
    let renamed = 0
    disk.rename = (from, to) => {
      if (to.endsWith('.deleted') && ++renamed === 2) throw nodeError('EIO')
      realDisk.rename(from, to)
    }
    await expect(clean(log, { disk })).rejects.toMatchObject({ error: 'KAFKA_STORAGE_ERROR' })
    expect(log.failure).not.toBeNull()
    expect(temporary().length).toBeGreaterThan(0)
    Object.assign(disk, realDisk)
    await Promise.allSettled([logs.close()])
    await open()
    expect(temporary()).toEqual([])
    expect(await lastValues()).toEqual(before)
  })
})

describe('readers', () => {
  test('of a segment that is replaced during the read get what the new one has', async () => {
    const disk = faultyDisk()
    const room = scratch({ disk })
    try {
      const opened = await room.openLog(compacted)
      log = opened.log
      for (let index = 0; index < 20; index++) await append([{ key: `k${index}`, value: 'x'.repeat(50) }])
      await opened.logs.close()
      log = (await room.openLog(compacted)).log
      let release = () => {}
      disk.read = async (...args) => {
        await new Promise<void>((resolve) => {
          release = resolve
        })
        return realDisk.read(...args)
      }
      const reading = log.read(1, 1000, true)
      expect(reading).toBeInstanceOf(Promise)
      disk.read = realDisk.read
      log.configure({ ...log.config, segmentBytes: 2000 })
      await clean(log)
      release()
      const { chunks } = await reading
      expect([...batches(Buffer.concat(chunks))][0]!.header.baseOffset).toBe(1)
    } finally {
      await room.remove()
    }
  })

  test('do not get from memory what is removed from the disk', async () => {
    await open()
    const of = { producerId: 1, producerEpoch: 0, baseSequence: 0, transactional: true }
    await append([{ key: 'a', value: 'aborted' }], of)
    await endTransaction(log, 1, false).durable
    await append([{ key: 'a', value: 'kept' }], { ...of, baseSequence: 1 })
    await endTransaction(log, 1, true).durable
    await roll()
    expect((await recordsOf())[0]).toBe('0 a=aborted')
    await clean(log)
    expect((await recordsOf())[0]).toBe('2 a=kept')
  })

  test('by timestamp find the records that are left', async () => {
    await open()
    for (let index = 0; index < 20; index++) await append([{ key: `k${index % 2}`, value: 'x'.repeat(50), timestamp: T0 + index }])
    await clean(log)
    const [first] = (await batchesOf()).map(({ records }) => records[0]!)
    expect(await log.offsetForTimestamp(T0)).toMatchObject({ offset: first!.at, timestamp: first!.timestamp })
    expect(await log.maxTimestamp()).toMatchObject({ offset: 19 })
    expect(log.available(0)).toBe(log.sizeBytes)
  })
})
