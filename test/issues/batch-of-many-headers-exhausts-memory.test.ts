/**
 * Goal: a batch of a few kilobytes that contains millions of headers does not take gigabytes of the broker's memory, whatever is requested
 * of it. Method: such a batch on topics whose settings make the broker read its records, and a lookup of an offset by time; decoding the
 * records fails.
 */
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { at, rewriteCrc } from '../../core/wire/batch-header.ts'
import { WireError } from '../../core/wire/reader.ts'
import { decodeRecords, encodeBatch } from '../../core/wire/record-batch.ts'
import { Writer } from '../../core/wire/writer.ts'
import { type Scratch, scratch } from '../core/log/scratch-log.ts'

let scratchLog: Scratch
beforeEach(() => {
  scratchLog = scratch()
})
afterEach(() => scratchLog.remove())

/** A batch of `count` records with `headers` headers each; a header is an empty key without a value. */
function batchOfHeaders(count: number, headers: number, timestamp: number): Buffer {
  const list = Buffer.alloc(headers * 2)
  for (let index = 1; index < list.length; index += 2) list[index] = 1
  const records = new Writer()
  for (let index = 0; index < count; index++) {
    const record = new Writer()
    record.int8(0)
    record.varlong(index)
    record.varint(index)
    record.varint(1)
    record.int8(0x6b)
    record.varint(-1)
    record.varint(headers)
    record.raw(list)
    records.varint(record.length)
    records.raw(record.bytes())
  }
  const head = encodeBatch([{ key: null, value: null, timestamp }], { codec: 'gzip' }).subarray(0, at.count + 4)
  const batch = Buffer.concat([head, gzipSync(records.bytes())])
  batch.writeInt32BE(batch.length - 12, at.batchLength)
  batch.writeInt32BE(count - 1, at.lastOffsetDelta)
  batch.writeInt32BE(count, at.count)
  batch.writeBigInt64BE(BigInt(timestamp + count - 1), at.maxTimestamp)
  rewriteCrc(batch, 0, batch.length)
  return batch
}

test('it is stored, compressed again and found by time without its headers being decoded', async () => {
  const now = Date.now()
  const batch = batchOfHeaders(50, 100_000, now)
  expect(batch.length).toBeLessThan(20_000)
  expect(() => decodeRecords(batch)).toThrow(WireError)
  const { log } = await scratchLog.openLog({
    cleanupPolicy: ['compact', 'delete'],
    compressionType: 'zstd',
    messageTimestampBeforeMaxMs: 60_000,
  })
  await log.append(batch).durable
  expect(log.logEndOffset).toBe(50)
  expect(log.sizeBytes).toBeLessThan(20_000)
  expect(await log.offsetForTimestamp(now + 7)).toMatchObject({ offset: 7, timestamp: now + 7 })
  expect(await log.maxTimestamp()).toMatchObject({ offset: 49, timestamp: now + 49 })
})
