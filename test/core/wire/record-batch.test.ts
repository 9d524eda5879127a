/**
 * Goal: batches are Kafka's, byte for byte: Apache Kafka's are read, and the same when they are written again; ours are read back; and a
 * broken batch throws nothing but a WireError. Method: bytes captured from Apache Kafka (test/golden/record-batches.json describes how),
 * random records in every codec, flipped bits with a corrected CRC.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { at, attributes, BATCH_OVERHEAD, codecs, readBatchHeader, rewriteCrc } from '../../../core/wire/batch-header.ts'
import { WireError } from '../../../core/wire/reader.ts'
import {
  BatchBuilder,
  type BatchRecord,
  batches,
  controlType,
  controlTypes,
  decodeRecords,
  encodeBatch,
  recordSizeBound,
  stampProducer,
  toBuffer,
  wholeBatchesEnd,
} from '../../../core/wire/record-batch.ts'

interface Golden {
  topics: Record<string, { bytes: string; abortedTransactions: { producerId: number; firstOffset: number }[] }>
}
const golden: Golden = JSON.parse(readFileSync(join(import.meta.dirname, '../../golden/record-batches.json'), 'utf8'))
const bytesOf = (topic: string) => Buffer.from(golden.topics[topic]!.bytes, 'base64')
/** The input of the producer of the golden bytes. */
const line = (i: number) => ({
  key: `station-${i % 7}`,
  value: `{"id":${i},"level":${(i * 37) % 101},"note":"the river is calm, the river is calm"}`,
  headers: [`trace=${i}`, 'kind=reading'],
})

describe.each([...codecs])('what Apache Kafka wrote with %s', (codec) => {
  const bytes = bytesOf(codec)
  it('is read', () => {
    const [first, ...more] = [...batches(bytes)]
    expect(more).toHaveLength(0)
    expect(first!.header).toMatchObject({ baseOffset: 0, count: 40, lastOffset: 39, magic: 2, sizeBytes: bytes.length })
    const read = decodeRecords(first!.bytes).map(({ offset, key, value, headers, timestampType }) => ({
      offset,
      key: key!.toString(),
      value: value!.toString(),
      headers: headers.map((header) => `${header.key}=${header.value}`),
      timestampType,
    }))
    expect(read).toEqual(Array.from({ length: 40 }, (_, offset) => ({ offset, ...line(offset), timestampType: 'CreateTime' })))
  })

  it('is the same when written again', () => {
    const header = readBatchHeader(bytes)
    const again = encodeBatch(decodeRecords(bytes), { ...header, codec: 'none' })
    const plain = bytesOf('none')
    if (codec === 'none') expect(again.equals(plain)).toBe(true)
    const uncompressed = decodeRecords(encodeBatch(decodeRecords(bytes), { ...header, codec }))
    expect(uncompressed).toEqual(decodeRecords(bytes))
  })
})

it('reads the transactions that Apache Kafka wrote', () => {
  const kinds = [...batches(bytesOf('transactions'))].map(({ header, bytes }) => {
    if ((header.attributes & attributes.control) === 0) return header.count
    return controlType(decodeRecords(bytes)[0]!.key) === controlTypes.commit ? 'commit' : 'abort'
  })
  expect(kinds.filter((kind) => kind === 'abort')).toHaveLength(golden.topics.transactions!.abortedTransactions.length)
  expect(kinds.slice(0, 4)).toEqual([4, 'abort', 4, 'commit'])
})

const content = fc.option(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)))
const timestamp = fc.oneof(
  fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 }),
  fc.integer({ min: 0, max: 2 ** 50 }),
  fc.nat(200),
)
const record: fc.Arbitrary<BatchRecord> = fc.record({
  key: content,
  value: content,
  headers: fc.oneof(fc.constant(undefined), fc.array(fc.record({ key: fc.string(), value: content }), { maxLength: 3 })),
  timestamp,
})

describe('our batches', () => {
  it('are read back in every codec', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 100 }),
        fc.constantFrom(...codecs),
        fc.nat(2 ** 40),
        (records, codec, baseOffset) => {
          const batch = encodeBatch(records, { codec, baseOffset, leaderEpoch: 7, producerId: 12, producerEpoch: 3, baseSequence: 99 })
          expect(readBatchHeader(batch)).toMatchObject({
            baseOffset,
            leaderEpoch: 7,
            producerId: 12,
            producerEpoch: 3,
            baseSequence: 99,
            count: records.length,
            maxTimestamp: Math.max(...records.map((entry) => entry.timestamp)),
          })
          expect(decodeRecords(batch)).toEqual(
            records.map((entry, index) => ({
              offset: baseOffset + index,
              timestamp: entry.timestamp,
              timestampType: 'CreateTime',
              key: entry.key,
              value: entry.value,
              headers: entry.headers ?? [],
            })),
          )
        },
      ),
      { numRuns: 300 },
    )
  })

  it('are never larger than recordSizeBound', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 50 }), (records) => {
        const builder = new BatchBuilder()
        let bound = BATCH_OVERHEAD
        for (const entry of records) {
          builder.append(entry)
          bound += recordSizeBound(entry)
          expect(builder.sizeBytes).toBeLessThanOrEqual(bound)
        }
        expect(builder.build().length).toBe(builder.sizeBytes)
      }),
    )
  })

  it('have the same bytes whatever memory they are written to, and however their values and headers are given', () => {
    const shared = fc.array(fc.record({ key: fc.string(), value: content }), { minLength: 1, maxLength: 2 })
    const how = fc.record({ record, frozen: fc.option(fc.nat(1)), writesItself: fc.boolean() })
    fc.assert(
      fc.property(fc.tuple(shared, shared), fc.array(how, { minLength: 1, maxLength: 30 }), fc.nat(2_000), (headers, given, size) => {
        for (const one of headers) Object.freeze(one)
        // Memory of another batch has other bytes in it, and may be too small.
        const fast = new BatchBuilder(Buffer.alloc(size, 0xa5))
        const slow = new BatchBuilder(Buffer.alloc(100_000))
        for (const { record, frozen, writesItself } of given) {
          const { key, value, timestamp } = record
          const itself = value && { length: value.length, writeTo: (target: Buffer, start: number) => void target.set(value, start) }
          fast.appendParts(key, writesItself ? itself : value, frozen === null ? record.headers : headers[frozen], timestamp)
          slow.append({ key, value, timestamp, headers: frozen === null ? record.headers : headers[frozen]!.map((one) => ({ ...one })) })
        }
        expect(fast.build()).toEqual(slow.build())
      }),
    )
  })

  it('have what writes itself, and headers that are the same for many records', () => {
    const headers = Object.freeze([
      { key: 'ключ', value: Buffer.from('a value that is longer than a loop copies') },
      { key: 'n', value: null },
    ])
    const others = [{ key: 'other', value: Buffer.from('1') }]
    const text = 'written in place'
    const writable = { length: text.length, writeTo: (target: Buffer, start: number) => void target.write(text, start) }
    const builder = new BatchBuilder(Buffer.alloc(70))
    for (const ofRecord of [headers, headers, others, Object.freeze([...headers]), headers]) {
      const before = builder.sizeBytes
      builder.appendParts(null, writable, ofRecord, 5)
      expect(builder.sizeBytes - before).toBeLessThanOrEqual(recordSizeBound({ key: null, value: writable, headers: ofRecord }))
    }
    others[0] = { key: 'another', value: Buffer.from('2') }
    builder.appendParts(null, toBuffer(writable), others, 5)
    const records = decodeRecords(builder.build())
    expect(records.map((entry) => String(entry.value))).toEqual(Array(6).fill(text))
    expect(records.map((entry) => entry.headers)).toEqual([
      headers,
      headers,
      [{ key: 'other', value: Buffer.from('1') }],
      headers,
      headers,
      others,
    ])
  })

  it('share the headers of records in a row that have the same, and no others', () => {
    const headers = (...texts: string[]) => texts.map((text) => ({ key: text.slice(0, 2), value: Buffer.from(text.slice(2)) }))
    const of = [headers('k1a', 'k2b'), headers('k1a', 'k2b'), headers('k1a', 'k2c'), headers('k1a'), headers('k1ab'), [], headers('k1ab')]
    const batch = encodeBatch(of.map((ofRecord) => ({ key: null, value: null, headers: ofRecord, timestamp: 1 })))
    const records = decodeRecords(batch)
    expect(records.map((entry) => entry.headers)).toEqual(of)
    expect(records.map((entry, index) => entry.headers === records[index - 1]?.headers)).toEqual([false, true, ...Array(5).fill(false)])
  })

  it('refuse headers that are longer or shorter than the same ones before', () => {
    for (const change of [1, -1]) {
      const headers = [{ key: 'k', value: Buffer.from('four') }]
      const batch = encodeBatch([1, 2].map(() => ({ key: null, value: null, headers, timestamp: 1 })))
      const second = batch.length - (batch.length - BATCH_OVERHEAD) / 2
      const longer = Buffer.concat([batch, Buffer.from([0])])
      const changed = change === 1 ? longer : batch.subarray(0, -1)
      changed[second] = changed[second]! + 2 * change
      changed.writeInt32BE(changed.length - 12, at.batchLength)
      rewriteCrc(changed, 0, changed.length)
      expect(() => decodeRecords(changed)).toThrow(WireError)
    }
  })

  it('keep offset gaps, as compaction leaves them', () => {
    const builder = new BatchBuilder()
    for (const delta of [0, 5, 300, 70_000]) builder.append({ key: null, value: Buffer.from(`${delta}`), timestamp: 1 }, delta)
    const batch = builder.build({ baseOffset: 1000, lastOffsetDelta: 100_000 })
    expect(readBatchHeader(batch).lastOffset).toBe(101_000)
    expect(decodeRecords(batch).map((entry) => entry.offset)).toEqual([1000, 1005, 1300, 71_000])
    expect(decodeRecords(batch, { fromOffset: 1006 }).map((entry) => entry.offset)).toEqual([1300, 71_000])
  })

  it('have one timestamp for all records with LogAppendTime', () => {
    const batch = encodeBatch(
      [1, 2, 3].map((time) => ({ key: null, value: null, timestamp: time })),
      { logAppendTime: 77 },
    )
    expect(decodeRecords(batch).map((entry) => [entry.timestamp, entry.timestampType])).toEqual(Array(3).fill([77, 'LogAppendTime']))
  })

  it('may be empty', () => {
    const batch = encodeBatch([], { baseOffset: 5, lastOffsetDelta: 4 })
    expect(decodeRecords(batch)).toEqual([])
    expect(readBatchHeader(batch)).toMatchObject({ count: 0, lastOffset: 9 })
  })

  it('can be stamped with another producer', () => {
    const batch = encodeBatch([{ key: null, value: Buffer.from('x'), timestamp: 1 }], { codec: 'zstd' })
    stampProducer(batch, { producerId: 5, producerEpoch: 2, baseSequence: 40, transactional: true })
    expect(readBatchHeader(batch)).toMatchObject({
      producerId: 5,
      producerEpoch: 2,
      baseSequence: 40,
      attributes: 4 | attributes.transactional,
    })
    expect(decodeRecords(batch)).toHaveLength(1)
    stampProducer(batch, { producerId: -1, producerEpoch: -1, baseSequence: -1 })
    expect(readBatchHeader(batch).attributes).toBe(4)
  })
})

describe('a truncated or broken batch', () => {
  const whole = encodeBatch(
    Array.from({ length: 20 }, (_, i) => ({
      key: Buffer.from(`k${i}`),
      value: Buffer.alloc(50, i),
      headers: [{ key: 'h', value: Buffer.from('v') }],
      timestamp: i,
    })),
  )

  it('is left out at the end of a fetch response', () => {
    const three = Buffer.concat([whole, whole, whole])
    for (const cut of [1, 12, 61, whole.length - 1, whole.length, whole.length + 5]) {
      const torn = three.subarray(0, three.length - cut)
      const kept = Math.floor(torn.length / whole.length)
      expect([...batches(torn)]).toHaveLength(kept)
      expect(wholeBatchesEnd(torn)).toBe(kept * whole.length)
    }
  })

  it('is rejected for its CRC', () => {
    fc.assert(
      fc.property(fc.integer({ min: at.attributes, max: whole.length - 1 }), fc.nat(7), (position, bit) => {
        const broken = Buffer.from(whole)
        broken[position]! ^= 1 << bit
        expect(() => decodeRecords(broken)).toThrow(WireError)
      }),
    )
  })

  it('throws nothing but WireError, also where the CRC is right', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), fc.nat(255), fc.constantFrom(...codecs), (position, byte, codec) => {
        const broken = encodeBatch(decodeRecords(whole), { codec })
        if (position >= broken.length || (position >= at.batchLength && position < at.leaderEpoch)) return
        broken[position] = byte
        rewriteCrc(broken, 0, broken.length)
        try {
          decodeRecords(broken, { limitBytes: 1_000_000 })
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['a count that the bytes cannot hold', at.count, 0x7fff_ffff],
    ['a negative count', at.count, -1],
    ['fewer offsets than records', at.lastOffsetDelta, 3],
  ])('is refused for %s', (_, position, lie) => {
    const broken = Buffer.from(whole)
    broken.writeInt32BE(lie, position)
    rewriteCrc(broken, 0, broken.length)
    expect(() => decodeRecords(broken)).toThrow(WireError)
  })

  it('is rejected for another format, another length, a size below its own header', () => {
    const old = Buffer.from(whole)
    old[at.magic] = 1
    expect(() => decodeRecords(old)).toThrow(/format 1/)
    expect(() => [...batches(old)]).toThrow(/format 1/)
    expect(() => decodeRecords(whole.subarray(0, whole.length - 1))).toThrow(/declares/)
    const tiny = Buffer.from(whole)
    tiny.writeInt32BE(3, at.batchLength)
    expect(() => [...batches(tiny)]).toThrow(/batch of 15 bytes/)
    expect(() => wholeBatchesEnd(tiny)).toThrow(/batch of 15 bytes/)
  })
})
