/**
 * Goal: a batch is mirrored with a new header and the same payload, its CRC right without reading the payload; a batch that cannot be
 * mirrored like that becomes a dense batch of the same records. Method: every codec, random records, checked by the CRC and the decoder of
 * core/wire.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { at, attributes, BATCH_OVERHEAD, codecs, computeCrc, readBatchHeader, rewriteCrc } from '../../../core/wire/batch-header.ts'
import { crc32c } from '../../../core/wire/crc32c.ts'
import { BatchBuilder, type BatchRecord, decodeRecords, encodeBatch } from '../../../core/wire/record-batch.ts'
import { reencode, requiredRewrite, restamp } from '../../../mirror/transfer/batch-rewrite.ts'
import { patchCrc } from '../../../mirror/transfer/crc-patch.ts'

const bytes = fc.uint8Array({ maxLength: 40 }).map((each) => Buffer.from(each))
const record: fc.Arbitrary<BatchRecord> = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  timestamp: fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 }),
  headers: fc.array(fc.record({ key: fc.string(), value: fc.option(bytes) }), { maxLength: 2 }),
})
const records = fc.array(record, { minLength: 1, maxLength: 30 })
const stamp = { producerId: 4242, producerEpoch: 3, baseSequence: 77 }
const content = (batch: Buffer) => decodeRecords(batch).map(({ key, value, headers, timestamp }) => ({ key, value, headers, timestamp }))

describe('the CRC of a message whose beginning changes', () => {
  test('is that of the whole', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        fc.uint8Array({ maxLength: 3000 }),
        fc.infiniteStream(fc.nat(255)),
        (head, tail, noise) => {
          const before = Buffer.concat([head, tail])
          const after = Buffer.from(before)
          for (let i = 0; i < head.length; i++) after[i] = noise.next().value
          expect(patchCrc(crc32c(before), before.subarray(0, head.length), after, 0, tail.length)).toBe(crc32c(after) >>> 0)
        },
      ),
    )
  })
})

describe('a batch that only gets a new header', () => {
  test.each(codecs)('%s: new head, right CRC, the same payload and records', (codec) => {
    fc.assert(
      fc.property(records, fc.nat(5000), fc.boolean(), (given, baseOffset, transactional) => {
        const batch = encodeBatch(given, {
          codec,
          baseOffset,
          producerId: 9,
          producerEpoch: 1,
          baseSequence: 5,
          transactional,
          leaderEpoch: 8,
        })
        const buffer = Buffer.concat([Buffer.alloc(13), batch])
        expect(requiredRewrite(readBatchHeader(batch), { fetchOffset: baseOffset, targetAppendTime: false })).toBe('restamp')
        restamp(buffer, 13, batch.length, stamp)
        const moved = buffer.subarray(13)
        const header = readBatchHeader(moved)
        expect(header).toMatchObject({ ...stamp, baseOffset: 0, leaderEpoch: -1, count: given.length })
        expect(header.attributes & ~attributes.codecMask).toBe(0)
        expect(computeCrc(moved, 0, moved.length)).toBe(header.crc)
        expect(moved.subarray(BATCH_OVERHEAD).equals(batch.subarray(BATCH_OVERHEAD))).toBe(true)
        expect(content(moved)).toEqual(content(batch))
      }),
      { numRuns: 40 },
    )
  })

  test('a payload that was damaged keeps a CRC that does not fit', () => {
    const batch = encodeBatch([{ key: null, value: Buffer.alloc(100, 7), timestamp: 1 }])
    batch[90] = 8
    restamp(batch, 0, batch.length, stamp)
    expect(computeCrc(batch, 0, batch.length)).not.toBe(readBatchHeader(batch).crc)
  })

  test('a delete horizon goes, the times of the records stay', () => {
    const batch = encodeBatch([
      { key: Buffer.from('k'), value: null, timestamp: 1000 },
      { key: Buffer.from('l'), value: null, timestamp: 1005 },
    ])
    batch.writeInt16BE(attributes.deleteHorizon, at.attributes)
    rewriteCrc(batch, 0, batch.length)
    const times = decodeRecords(batch).map((each) => each.timestamp)
    restamp(batch, 0, batch.length, stamp)
    expect(decodeRecords(batch).map((each) => each.timestamp)).toEqual(times)
    expect(readBatchHeader(batch).attributes).toBe(0)
  })
})

describe('a batch that cannot go as it is', () => {
  test('markers and empty batches are skipped', () => {
    const marker = encodeBatch([{ key: Buffer.from([0, 0, 0, 1]), value: Buffer.alloc(6), timestamp: 1 }], {
      control: true,
      transactional: true,
    })
    expect(requiredRewrite(readBatchHeader(marker), { fetchOffset: 0, targetAppendTime: false })).toBe('skip')
    const empty = new BatchBuilder().build({ lastOffsetDelta: 9 })
    expect(requiredRewrite(readBatchHeader(empty), { fetchOffset: 0, targetAppendTime: false })).toBe('skip')
  })

  test.each(codecs)('%s: gaps of compaction close, and the ranges are the source offsets of the records', (codec) => {
    fc.assert(
      fc.property(
        records,
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 30, maxLength: 30 }),
        fc.nat(100),
        (given, jumps, skip) => {
          const builder = new BatchBuilder()
          const offsets: number[] = []
          let delta = -1
          for (const [index, each] of given.entries()) {
            delta += jumps[index]!
            offsets.push(500 + delta)
            builder.append(each, delta)
          }
          const batch = builder.build({ codec, baseOffset: 500, lastOffsetDelta: delta + 3 })
          const header = readBatchHeader(batch)
          const from = 500 + (skip % (delta + 1))
          expect(requiredRewrite(header, { fetchOffset: from, targetAppendTime: false })).toBe('reencode')
          const reencoded = reencode(batch, header, from)!
          const kept = offsets.filter((offset) => offset >= from)
          expect(reencoded.count).toBe(kept.length)
          expect(reencoded.ranges.flatMap(({ upstreamOffset, length }) => Array.from({ length }, (_, i) => upstreamOffset + i))).toEqual(
            kept,
          )
          expect(readBatchHeader(reencoded.bytes)).toMatchObject({ count: kept.length, lastOffsetDelta: kept.length - 1 })
          expect(content(reencoded.bytes)).toEqual(content(batch).slice(-kept.length))
          restamp(reencoded.bytes, 0, reencoded.bytes.length, stamp)
          expect(computeCrc(reencoded.bytes, 0, reencoded.bytes.length)).toBe(readBatchHeader(reencoded.bytes).crc)
        },
      ),
      { numRuns: 25 },
    )
  })

  test('LogAppendTime: the record takes the time of the batch, unless the target stamps it anyway', () => {
    const batch = encodeBatch(
      [
        { key: null, value: null, timestamp: 5 },
        { key: null, value: null, timestamp: 6 },
      ],
      { logAppendTime: 99 },
    )
    const header = readBatchHeader(batch)
    expect(requiredRewrite(header, { fetchOffset: 0, targetAppendTime: true })).toBe('restamp')
    expect(requiredRewrite(header, { fetchOffset: 0, targetAppendTime: false })).toBe('reencode')
    expect(decodeRecords(reencode(batch, header, 0)!.bytes).map((each) => [each.timestamp, each.timestampType])).toEqual([
      [99, 'CreateTime'],
      [99, 'CreateTime'],
    ])
  })

  test('nothing left behind the wanted offset', () => {
    const batch = encodeBatch([{ key: null, value: null, timestamp: 5 }], { baseOffset: 10, lastOffsetDelta: 5 })
    expect(reencode(batch, readBatchHeader(batch), 12)).toBeNull()
  })
})
