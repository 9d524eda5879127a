/**
 * Goal: a partition accepts batches as Kafka does and serves exactly these. Method: a real log in a temporary folder; each rule by a batch
 * that keeps it and one that breaks it; reads from the tail cache and from disk are compared by opening the log again.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { realClock } from '../../../core/system/clock.ts'
import { at, rewriteCrc, writeInt64 } from '../../../core/wire/batch-header.ts'
import { batchOf, readRecords, readValues, type Scratch, scratch, T0 } from './scratch-log.ts'

let fixture: Scratch
beforeEach(() => {
  fixture = scratch()
})
afterEach(() => fixture.remove())

const numbered = (count: number, prefix = 'v') => Array.from({ length: count }, (_, index) => `${prefix}${index}`)

describe('append', () => {
  test('assigns offsets in the order of the calls; the high watermark advances once the batch is durable', async () => {
    const { log } = await fixture.openLog()
    const first = log.append(batchOf(['a', 'b']))
    const second = log.append(batchOf(['c']))
    expect([first.baseOffset, first.lastOffset, second.baseOffset]).toEqual([0, 1, 2])
    expect([log.logEndOffset, log.highWatermark]).toEqual([3, 0])
    let advances = 0
    log.onAdvance(() => advances++)
    await second.written
    await second.durable
    expect([log.highWatermark, log.lastStableOffset, advances]).toEqual([3, 3, 1])
    expect(await readValues(log)).toEqual(['a', 'b', 'c'])
  })

  test.each([
    ['a flipped bit', 'CORRUPT_MESSAGE', (batch: Buffer) => void (batch[batch.length - 1]! ^= 1)],
    ['another magic', 'INVALID_RECORD', (batch: Buffer) => void batch.writeInt8(1, at.magic)],
    ['a wrong length', 'CORRUPT_MESSAGE', (batch: Buffer) => void batch.writeInt32BE(batch.length, at.batchLength)],
    ['a length below the header', 'CORRUPT_MESSAGE', (batch: Buffer) => void batch.writeInt32BE(5, at.batchLength)],
    ['a wrong count', 'INVALID_RECORD', (batch: Buffer) => void batch.writeInt32BE(7, at.count)],
    ['an unknown codec', 'INVALID_RECORD', (batch: Buffer) => void batch.writeInt16BE(5, at.attributes)],
    ['a control bit', 'INVALID_RECORD', (batch: Buffer) => void batch.writeInt16BE(0x20, at.attributes)],
    ['a base offset', 'INVALID_RECORD', (batch: Buffer) => void writeInt64(batch, 3, at.baseOffset)],
    ['LogAppendTime', 'INVALID_TIMESTAMP', (batch: Buffer) => void batch.writeInt16BE(0x08, at.attributes)],
    ['a producer without a sequence', 'INVALID_RECORD', (batch: Buffer) => void writeInt64(batch, 9, at.producerId)],
  ])('refuses %s', async (what, error, damage) => {
    const { log } = await fixture.openLog()
    const batch = batchOf(['a'])
    damage(batch)
    if (what !== 'a flipped bit') rewriteCrc(batch, 0, batch.length)
    expect(() => log.append(batch)).toThrow(expect.objectContaining({ error }))
    expect(log.logEndOffset).toBe(0)
    await log.append(batchOf(['fine'])).durable
    expect(await readValues(log)).toEqual(['fine'])
  })

  test('refuses two batches, truncated ones, large ones, and timestamps out of bounds', async () => {
    const { log } = await fixture.openLog({ maxMessageBytes: 1000, messageTimestampBeforeMaxMs: 60_000 })
    const now = realClock.now()
    const refuses = (batch: Buffer, error: string) => expect(() => log.append(batch)).toThrow(expect.objectContaining({ error }))
    refuses(Buffer.concat([batchOf(['a']), batchOf(['b'])]), 'INVALID_RECORD')
    refuses(batchOf(['a']).subarray(0, 65), 'CORRUPT_MESSAGE')
    refuses(Buffer.alloc(0), 'CORRUPT_MESSAGE')
    refuses(batchOf(['x'.repeat(1000)]), 'MESSAGE_TOO_LARGE')
    refuses(batchOf(['a'], { timestamp: now + 7200_000 }), 'INVALID_TIMESTAMP')
    refuses(batchOf(['a'], { timestamp: now - 120_000, codec: 'gzip' }), 'INVALID_TIMESTAMP')
    await log.append(batchOf(['a'], { timestamp: now })).durable
  })

  test('requires keys where the topic is compacted', async () => {
    const { log } = await fixture.openLog({ cleanupPolicy: ['compact'] })
    expect(() => log.append(batchOf(['a']))).toThrow(expect.objectContaining({ error: 'INVALID_RECORD' }))
    await log.append(batchOf(['a'], { key: 'k', codec: 'lz4' })).durable
  })

  test('sets the timestamp under LogAppendTime', async () => {
    const { log } = await fixture.openLog({ messageTimestampType: 'LogAppendTime' })
    const before = realClock.now()
    const result = log.append(batchOf(['a', 'b'], { timestamp: 5 }))
    await result.durable
    expect(result.logAppendTimeMs).toBeGreaterThanOrEqual(before)
    const records = await readRecords(log)
    expect(records.map((record) => [record.timestamp, record.timestampType])).toEqual([
      [result.logAppendTimeMs, 'LogAppendTime'],
      [result.logAppendTimeMs, 'LogAppendTime'],
    ])
  })

  test('recompresses where the topic sets a codec', async () => {
    const { log } = await fixture.openLog({ compressionType: 'gzip' })
    await log.append(batchOf(['x'.repeat(5000)], { codec: 'lz4', producerId: 4, producerEpoch: 0, baseSequence: 0 })).durable
    const result = await log.read(0, 10_000, true)
    const [batch] = result.chunks
    expect(batch!.readInt16BE(at.attributes) & 7).toBe(1)
    expect(batch!.readInt32BE(at.baseSequence)).toBe(0)
    expect(await readValues(log)).toEqual(['x'.repeat(5000)])
  })

  test('stores a duplicate of an idempotent producer once, also after a restart', async () => {
    const produced = (sequence: number, epoch = 0) => batchOf(['a', 'b'], { producerId: 7, producerEpoch: epoch, baseSequence: sequence })
    let { logs, log } = await fixture.openLog()
    const first = log.append(produced(0))
    const duplicate = log.append(produced(0))
    expect([duplicate.baseOffset, duplicate.lastOffset, log.logEndOffset]).toEqual([0, 1, 2])
    await duplicate.durable
    expect(log.highWatermark).toBe(2)
    await first.durable
    for (let sequence = 2; sequence <= 10; sequence += 2) log.append(produced(sequence))
    expect(log.append(produced(2)).baseOffset).toBe(2)
    expect(() => log.append(produced(0))).toThrow(expect.objectContaining({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }))
    expect(() => log.append(produced(14))).toThrow(expect.objectContaining({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }))
    await logs.close()
    ;({ logs, log } = await fixture.openLog())
    expect(log.append(produced(10)).baseOffset).toBe(10)
    expect(() => log.append(produced(4, 1))).toThrow(expect.objectContaining({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }))
    expect(log.append(produced(0, 1)).baseOffset).toBe(12)
    expect(() => log.append(produced(12, 0))).toThrow(expect.objectContaining({ error: 'INVALID_PRODUCER_EPOCH' }))
  })

  test('rolls by size and by the timestamps of the records', async () => {
    const { log } = await fixture.openLog({ segmentBytes: 1000, segmentMs: 10_000 })
    const big = 'x'.repeat(400)
    for (let index = 0; index < 5; index++) log.append(batchOf([big]))
    await log.append(batchOf([big], { timestamp: T0 + 20_000 })).durable
    await log.append(batchOf(['late'], { timestamp: T0 + 40_000 })).durable
    expect(log.isBehindActiveSegment(5)).toBe(true)
    expect(log.isBehindActiveSegment(6)).toBe(false)
    expect((await readValues(log)).length).toBe(7)
  })
})

describe('read', () => {
  test.each([['from memory'], ['from disk']])('returns whole batches, %s', async (where) => {
    let { logs, log } = await fixture.openLog()
    for (const value of numbered(20)) log.append(batchOf([value]))
    await log.append(batchOf(numbered(3, 'w'))).durable
    if (where === 'from disk') {
      await logs.close()
      ;({ logs, log } = await fixture.openLog())
    }
    const size = batchOf(['v0']).length
    expect((await log.read(0, size * 2 + 5, true)).bytes).toBe(size * 2)
    expect((await log.read(0, 1, true)).bytes).toBe(size)
    expect((await log.read(0, 1, false)).bytes).toBe(0)
    expect((await log.read(0, 0, true)).bytes).toBe(size)
    expect((await log.read(23, 1000, true)).bytes).toBe(0)
    expect((await readRecords(log, 21)).map((record) => record.offset)).toEqual([21, 22])
    for (const offset of [24, -1])
      await expect(async () => log.read(offset, 1000, true)).rejects.toMatchObject({ error: 'OFFSET_OUT_OF_RANGE' })
    expect(await readValues(log)).toEqual([...numbered(20), ...numbered(3, 'w')])
    expect(log.available(0)).toBe(log.sizeBytes)
    expect(log.available(23)).toBe(0)
  })

  test('returns a first batch larger than the requested bytes, and larger than any pooled buffer', async () => {
    let { logs, log } = await fixture.openLog({ maxMessageBytes: 10_000_000 })
    await log.append(batchOf(['x'.repeat(3_000_000)])).durable
    await log.append(batchOf(['y'])).durable
    await logs.close()
    ;({ logs, log } = await fixture.openLog())
    const result = await log.read(0, 100, true)
    expect(result.bytes).toBeGreaterThan(3_000_000)
    result.release()
    expect((await readValues(log)).map((value) => value.length)).toEqual([3_000_000, 1])
  })

  test('serves nothing that is not durable', async () => {
    const { log } = await fixture.openLog()
    const { written, durable } = log.append(batchOf(['a']))
    await written
    if (log.highWatermark === 0) expect((await log.read(0, 1000, true)).bytes).toBe(0)
    await durable
    expect((await log.read(0, 1000, true)).bytes).toBeGreaterThan(0)
  })

  test('continues from segment to segment, from any offset', async () => {
    let { logs, log } = await fixture.openLog({ segmentBytes: 20_000, indexIntervalBytes: 500 })
    for (const value of numbered(600)) log.append(batchOf([value.padEnd(100, '.')]))
    await log.append(batchOf(['end'])).durable
    await logs.close()
    ;({ logs, log } = await fixture.openLog({ segmentBytes: 20_000 }))
    for (const from of [0, 1, 57, 58, 113, 114, 115, 299, 300, 512, 599, 600]) {
      expect((await readRecords(log, from, 3000)).map((record) => record.offset)).toEqual(
        Array.from({ length: 601 - from }, (_, index) => from + index),
      )
    }
  })

  test('keeps a bounded tail cache: older offsets are read from disk', async () => {
    const { log } = await fixture.openLog()
    const value = 'z'.repeat(200_000)
    for (let index = 0; index < 60; index++) await log.append(batchOf([`${index}:${value}`])).durable
    expect((await readValues(log, 0, 1_000_000)).map((found) => found.split(':')[0])).toEqual(numbered(60, ''))
  })
})

describe('timestamps, leader epochs, log start offset', () => {
  test('finds offsets by timestamp, in rolled segments and the active one, before and after a restart', async () => {
    let { logs, log } = await fixture.openLog({ segmentBytes: 5000, indexIntervalBytes: 300 })
    for (let index = 0; index < 100; index++)
      log.append(batchOf(['a', 'b'], { timestamp: T0 + index * 1000, codec: index % 2 ? 'zstd' : 'none' }))
    await log.append(batchOf(['old'], { timestamp: T0 })).durable
    for (let round = 0; round < 2; round++) {
      expect(await log.offsetForTimestamp(0)).toMatchObject({ offset: 0, timestamp: T0, leaderEpoch: 0 })
      expect(await log.offsetForTimestamp(T0 + 1)).toMatchObject({ offset: 1, timestamp: T0 + 1 })
      expect(await log.offsetForTimestamp(T0 + 2)).toMatchObject({ offset: 2, timestamp: T0 + 1000 })
      expect(await log.offsetForTimestamp(T0 + 57_000)).toMatchObject({ offset: 114 })
      expect(await log.offsetForTimestamp(T0 + 99_001)).toMatchObject({ offset: 199 })
      expect(await log.offsetForTimestamp(T0 + 99_002)).toBeNull()
      expect(await log.maxTimestamp()).toMatchObject({ offset: 199, timestamp: T0 + 99_001 })
      await logs.close()
      ;({ logs, log } = await fixture.openLog({ segmentBytes: 5000 }))
    }
  })

  test('the largest timestamp is that of a record which is not deleted', async () => {
    const { log } = await fixture.openLog({ segmentBytes: 2000 })
    await log.append(batchOf(['a', 'b', 'c'], { timestamp: T0 + 90_000 })).durable
    await log.append(batchOf(['d'], { timestamp: T0 + 80_000 })).durable
    await log.append(batchOf(['e', 'f'], { timestamp: T0 + 85_000 })).durable
    await log.append(batchOf(['g', 'h', 'i'], { timestamp: T0 + 70_000 })).durable
    for (let index = 0; index < 50; index++) await log.append(batchOf(['late'], { timestamp: T0 + 1_000 + index })).durable
    const largestFrom = async (offset: number) => {
      await log.deleteRecordsBefore(offset)
      return log.maxTimestamp()
    }
    expect(await largestFrom(0)).toMatchObject({ offset: 2, timestamp: T0 + 90_002 })
    expect(await largestFrom(2)).toMatchObject({ offset: 2, timestamp: T0 + 90_002 })
    expect(await largestFrom(3)).toMatchObject({ offset: 5, timestamp: T0 + 85_001 })
    expect(await largestFrom(6)).toMatchObject({ offset: 8, timestamp: T0 + 70_002 })
    expect(await largestFrom(8)).toMatchObject({ offset: 8, timestamp: T0 + 70_002 })
    expect(await largestFrom(9)).toMatchObject({ offset: 58, timestamp: T0 + 1_049 })
    expect(await largestFrom(59)).toBeNull()
  })

  test('an empty log has no timestamps', async () => {
    const { log } = await fixture.openLog()
    expect(await log.offsetForTimestamp(0)).toBeNull()
    expect(await log.maxTimestamp()).toBeNull()
    expect(log.endOffsetForEpoch(0)).toEqual({ leaderEpoch: 0, endOffset: 0 })
  })

  test('has the leader epoch of each offset', async () => {
    const { log } = await fixture.openLog()
    await log.append(batchOf(['a', 'b'])).durable
    expect(log.epochAt(1)).toBe(log.leaderEpoch)
    expect(log.endOffsetForEpoch(log.leaderEpoch)).toEqual({ leaderEpoch: log.leaderEpoch, endOffset: 2 })
    expect(log.endOffsetForEpoch(log.leaderEpoch + 1)).toEqual({ leaderEpoch: -1, endOffset: -1 })
  })

  test('deleted records stay deleted after a restart', async () => {
    let { logs, log } = await fixture.openLog({ segmentBytes: 1000 })
    for (let index = 0; index < 30; index++) log.append(batchOf(['x'.repeat(100)]))
    await log.append(batchOf(['end'])).durable
    expect(await log.deleteRecordsBefore(17)).toBe(17)
    expect(await log.deleteRecordsBefore(5)).toBe(17)
    await expect(log.deleteRecordsBefore(99)).rejects.toMatchObject({ error: 'OFFSET_OUT_OF_RANGE' })
    await expect(async () => log.read(16, 1000, true)).rejects.toMatchObject({ error: 'OFFSET_OUT_OF_RANGE' })
    expect((await readRecords(log)).map((record) => record.offset)[0]).toBe(17)
    await logs.close()
    ;({ logs, log } = await fixture.openLog())
    expect([log.logStartOffset, log.logEndOffset]).toEqual([17, 31])
    expect(await log.deleteRecordsBefore(-1)).toBe(31)
    expect(await readValues(log)).toEqual([])
    await log.append(batchOf(['new'])).durable
    expect((await readRecords(log)).map((record) => record.offset)).toEqual([31])
  })
})
