/**
 * Goal: what a producer appends can be read again by every consumer: a batch whose records contradict its header is rejected as Apache
 * Kafka rejects it, and the log is unchanged. Method: batches built byte by byte and single bits turned over, the CRC made right again,
 * appended to a real log.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PartitionLog } from '../../../core/log/types.ts'
import { BATCH_OVERHEAD, codecs, readBatchHeader, rewriteCrc } from '../../../core/wire/batch-header.ts'
import { compress } from '../../../core/wire/compression/index.ts'
import { decodeRecords, encodeBatch } from '../../../core/wire/record-batch.ts'
import { batchOfRecords, malformedPayloads, malformedRecords, record } from '../../malformed-batches.ts'
import { readRecords, type Scratch, scratch } from './scratch-log.ts'

let room: Scratch
let log: PartitionLog
beforeEach(async () => {
  room = scratch()
  log = (await room.openLog()).log
  await log.append(batchOfRecords([record(0)])).durable
})
afterEach(() => room.remove())

async function expectRejected(batch: Buffer, error: string): Promise<void> {
  const { logEndOffset, sizeBytes } = log
  expect(() => log.append(batch)).toThrow(expect.objectContaining({ error }))
  expect(log).toMatchObject({ logEndOffset, sizeBytes })
  await log.append(batchOfRecords([record(0)])).durable
  expect((await readRecords(log)).map(({ offset }) => offset)).toEqual([0, 1])
}

const pairs = codecs.flatMap((codec) => Object.entries(malformedRecords).map(([name, lie]) => ({ codec, name, ...lie })))
test.each(pairs)('$codec: $name', ({ codec, records, count }) =>
  expectRejected(batchOfRecords(records, { codec, count }), 'INVALID_RECORD'),
)

const packed = codecs
  .filter((codec) => codec !== 'none')
  .flatMap((codec) => Object.entries(malformedPayloads).map(([name, change]) => ({ codec, name, change })))
test.each(packed)('$codec: $name', ({ codec, change }) => {
  const payload = change(compress(codec, Buffer.concat([record(0), record(1)])))
  return expectRejected(batchOfRecords([], { codec, count: 2, payload }), 'INVALID_RECORD')
})

test('one bit that is turned over is rejected, or changes nothing that keeps a consumer from reading the batch', async () => {
  const timestamp = Date.now()
  const records = Array.from({ length: 5 }, (_, index) => ({
    key: index % 2 === 0 ? Buffer.from(`key-${index}`) : null,
    value: Buffer.from(`value ${index} of a batch`),
    headers: index === 3 ? [{ key: 'trace', value: Buffer.from('1') }] : [],
    timestamp: timestamp + index * 100,
  }))
  let stored = 0
  let last: Promise<void> | undefined
  let rejected = 0
  fc.assert(
    fc.property(fc.constantFrom(...codecs), fc.nat(), (codec, bit) => {
      const batch = encodeBatch(records, { codec })
      const position = BATCH_OVERHEAD + ((bit >>> 3) % (batch.length - BATCH_OVERHEAD))
      batch[position]! ^= 1 << (bit & 7)
      rewriteCrc(batch, 0, batch.length)
      const { logEndOffset } = log
      try {
        last = log.append(batch).durable
      } catch (error) {
        expect(['INVALID_RECORD', 'INVALID_TIMESTAMP']).toContain((error as { error?: string }).error)
        expect(log.logEndOffset).toBe(logEndOffset)
        rejected++
        return
      }
      stored++
      expect(decodeRecords(batch).map(({ offset }) => offset - logEndOffset)).toEqual([0, 1, 2, 3, 4])
    }),
    { numRuns: 3000 },
  )
  expect(Math.min(stored, rejected)).toBeGreaterThan(100)
  await last
  expect((await readRecords(log)).length).toBe(1 + stored * 5)
})

describe('the largest timestamp', () => {
  test.each(codecs)('%s: is that of the records, whatever the header says', async (codec) => {
    const now = Date.now()
    for (const maxTimestamp of [now + 5000, now + 10, now, 5, -1]) {
      const batch = batchOfRecords([record(0), record(1, { timestampDelta: 10 }), record(2)], { codec, baseTimestamp: now, maxTimestamp })
      await log.append(batch).durable
      expect(readBatchHeader(batch)).toMatchObject({ baseTimestamp: now, maxTimestamp: now + 10 })
      expect(decodeRecords(batch).map((one) => one.timestamp - now)).toEqual([0, 10, 0])
    }
    expect(await log.maxTimestamp()).toMatchObject({ offset: 2, timestamp: now + 10 })
  })

  test.each(codecs)('%s: a record too far ahead is rejected, also behind an honest header', async (codec) => {
    const records = [record(0), record(1, { timestampDelta: 7_200_000 })]
    await expectRejected(batchOfRecords(records, { codec }), 'INVALID_TIMESTAMP')
  })

  test('one that no reader can represent is not stored, however far message.timestamp.after.max.ms reaches', async () => {
    log.configure({ ...log.config, messageTimestampAfterMaxMs: 2 ** 63 })
    const parts = { baseTimestamp: Number.MAX_SAFE_INTEGER - 1 }
    await expectRejected(batchOfRecords([record(0), record(1, { timestampDelta: 2 })], parts), 'INVALID_RECORD')
    await log.append(batchOfRecords([record(0), record(1, { timestampDelta: 1 })], parts)).durable
    expect(await log.maxTimestamp()).toMatchObject({ timestamp: Number.MAX_SAFE_INTEGER })
  })

  test('records without a timestamp have none', async () => {
    const batch = encodeBatch([{ key: null, value: null, timestamp: -1 }])
    await log.append(batch).durable
    expect(readBatchHeader(batch).maxTimestamp).toBe(-1)
  })
})
