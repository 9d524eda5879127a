/**
 * Goal: a consumer is never given emptied batches alone where others follow: kafkajs does not get past them. Method: a log whose first
 * segment ends with a batch that compaction has emptied, read from each offset.
 */
import { afterEach, expect, test } from 'vitest'
import { batches } from '../../core/wire/record-batch.ts'
import { appendKeyed, clean, keyed, stored } from '../core/log/cleaner/compacted-log.ts'
import { config, type Scratch, scratch, T0, TOPIC_ID } from '../core/log/scratch-log.ts'

let fixture: Scratch
afterEach(() => fixture.remove())

const producer = (producerId: number, baseSequence: number) => ({ producerId, producerEpoch: 0, baseSequence })

test.each([
  { follows: 'a record', transactional: false, read: '2: 1' },
  { follows: 'nothing but an open transaction', transactional: true, read: '1: 0' },
])('behind an emptied batch comes $follows', async ({ transactional, read: expected }) => {
  fixture = scratch()
  const logs = await fixture.open()
  // One batch fills a segment.
  const compacted = { ...config, cleanupPolicy: ['compact' as const], segmentBytes: 200, fileDeleteDelayMs: 0, deleteRetentionMs: 0 }
  const log = await logs.open('t', TOPIC_ID, 0, compacted)
  const value = 'x'.repeat(120)
  appendKeyed(log, keyed([{ key: 'a', value }], producer(1, 0)))
  appendKeyed(log, keyed([{ key: 'a', value: null }], producer(1, 1)))
  appendKeyed(log, keyed([{ key: 'b', value }], { ...producer(2, 0), transactional }))
  await appendKeyed(log, keyed([{ key: 'c', value }], { ...producer(2, 1), transactional })).durable
  // The first cleaning keeps the tombstone, the second removes it and keeps its batch, which is the last one of its producer.
  await clean(log)
  await clean(log, { nowMs: T0 + 1 })

  const read = async (offset: number, maxBytes = 1024 * 1024) => {
    const result = await log.read(offset, maxBytes, true, 'lastStableOffset')
    const found = [...batches(Buffer.concat(result.chunks))].map(({ header }) => `${header.lastOffset}: ${header.count}`)
    result.release()
    return found
  }
  expect(stored(log).segments.map(({ baseOffset, sizeBytes }) => [baseOffset, sizeBytes > 61])).toEqual([
    [0, false],
    [2, true],
    [3, true],
  ])
  for (const offset of [0, 1]) expect(await read(offset), `from ${offset}`).toEqual([expected])
  expect(await read(1, 1), 'at least one batch').toEqual([expected])
})
