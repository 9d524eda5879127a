/**
 * Goal: the pure parts of the log room decide as Kafka does. Method: each by its own, with no disk: sequences and epochs of producers, leader epochs, retention,
 * checkpoints, snapshots and index searches against a naive search.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  formatEpochs,
  formatOffsets,
  parseEpochs,
  parseOffsets,
  parsePartitionMetadata,
  parseProperties,
} from '../../../core/log/checkpoint.ts'
import { LeaderEpochCache } from '../../../core/log/leader-epoch-cache.ts'
import { GrowingIndex, OFFSET_ENTRY_BYTES, relativeOffsetAt, searchIndex } from '../../../core/log/offset-index.ts'
import { PageCacheRanges } from '../../../core/log/page-cache-ranges.ts'
import { decodeSnapshot, encodeSnapshot } from '../../../core/log/producer-snapshot.ts'
import { advanceSequence, MAX_PRODUCERS, ProducerState } from '../../../core/log/producer-state.ts'
import { expiredSegments } from '../../../core/log/retention.ts'
import { TailCache, TailCacheBudget } from '../../../core/log/tail-cache.ts'
import { type BatchHeader, readBatchHeader } from '../../../core/wire/batch-header.ts'
import { batchOf, config } from './scratch-log.ts'

const header = (
  producerId: number,
  baseSequence: number,
  count: number,
  baseOffset: number,
  over: Partial<BatchHeader> = {},
): BatchHeader => ({
  ...readBatchHeader(batchOf(['x'])),
  producerId,
  producerEpoch: 0,
  baseSequence,
  baseOffset,
  count,
  lastOffsetDelta: count - 1,
  lastOffset: baseOffset + count - 1,
  ...over,
})

describe('producer state', () => {
  test('sequences wrap from 2147483647 to 0', () => {
    expect([advanceSequence(5, 1), advanceSequence(2147483647, 1), advanceSequence(2147483646, 5)]).toEqual([6, 0, 3])
    const state = new ProducerState()
    state.apply(header(1, 2147483646, 4, 0))
    expect(state.check(header(1, 2147483646, 4, 0))?.baseOffset).toBe(0)
    expect(state.check(header(1, 2, 1, 0))).toBeNull()
    expect(() => state.check(header(1, 3, 1, 0))).toThrow(expect.objectContaining({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }))
  })

  test('an unknown producer may begin anywhere; expiry makes one unknown, an open transaction does not', () => {
    const state = new ProducerState()
    expect(state.check(header(1, 77, 1, 0))).toBeNull()
    state.apply(header(1, 77, 1, 0, { maxTimestamp: 100 }))
    state.apply(header(2, 0, 1, 1, { maxTimestamp: 100, attributes: 0x10 }))
    state.expire(101)
    expect([...state.all()].map((entry) => entry.producerId)).toEqual([2])
    expect(state.firstUnstableOffset(10)).toBe(1)
  })

  test('undo puts the state back', () => {
    const state = new ProducerState()
    state.apply(header(1, 0, 1, 0))
    const before = [...state.all()]
    const one = state.apply(header(1, 1, 1, 1))
    const two = state.apply(header(9, 0, 1, 2, { attributes: 0x10 }))
    state.revert(9, two)
    state.revert(1, one)
    expect([...state.all()]).toEqual(before)
    expect(state.firstUnstableOffset(10)).toBeNull()
  })

  test('remembers a bounded number of producers', () => {
    const state = new ProducerState()
    for (let id = 0; id < MAX_PRODUCERS + 10; id++) state.apply(header(id, 0, 1, id))
    expect(state.size).toBe(MAX_PRODUCERS)
    expect(state.get(0)).toBeUndefined()
  })

  test('a snapshot keeps the last batch of each producer; a damaged one is none', () => {
    const state = new ProducerState()
    state.apply(header(1, 2147483647, 3, 5))
    state.apply(header(2, 0, 1, 8, { attributes: 0x10 }))
    const bytes = encodeSnapshot([...state.all()])
    expect(decodeSnapshot(bytes)).toEqual([...state.all()])
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= 0x10
      expect(decodeSnapshot(damaged)).toBeNull()
      expect(decodeSnapshot(bytes.subarray(0, at))).toBeNull()
    }
  })
})

describe('leader epochs', () => {
  const epochs = () => new LeaderEpochCache([1, 3, 7].map((epoch, index) => ({ epoch, startOffset: index * 10 + 5 })))

  test('know the epoch of an offset and the end of an epoch', () => {
    expect([4, 5, 14, 15, 99].map((offset) => epochs().epochForOffset(offset))).toEqual([-1, 1, 1, 3, 7])
    const ends = [0, 1, 2, 3, 6, 7, 8].map((epoch) => epochs().endOffsetFor(epoch, 40))
    expect(ends.map(({ leaderEpoch, endOffset }) => [leaderEpoch, endOffset])).toEqual([
      [0, 5],
      [1, 15],
      [1, 15],
      [3, 25],
      [3, 25],
      [7, 40],
      [-1, -1],
    ])
  })

  test('are cut with the log', () => {
    const cut = epochs()
    expect([cut.truncateFromEnd(16), cut.entries.length, cut.truncateFromEnd(16)]).toEqual([true, 2, false])
    expect([cut.truncateFromStart(15), cut.entries]).toEqual([true, [{ epoch: 3, startOffset: 15 }]])
    expect([cut.assign(3, 20), cut.assign(4, 15), cut.entries]).toEqual([false, true, [{ epoch: 4, startOffset: 15 }]])
  })
})

describe('retention', () => {
  const segment = (endOffset: number, sizeBytes: number, latest: number) => ({ endOffset, sizeBytes, latestTimestamp: () => latest })
  const three = [segment(10, 100, 1000), segment(20, 100, 2000), segment(30, 100, 3000)]
  const facts = { logStartOffset: 0, highWatermark: 30, nowMs: 4000 }

  test.each([
    ['nothing is asked for', {}, facts, 0],
    ['size, kept whole', { retentionBytes: 201 }, facts, 0],
    ['size', { retentionBytes: 200 }, facts, 1],
    ['size, the active one too where nothing is to be kept', { retentionBytes: 0 }, facts, 3],
    ['time', { retentionMs: 1500 }, facts, 2],
    ['time, the active one too', { retentionMs: 500 }, facts, 3],
    ['the high watermark holds', { retentionMs: 500 }, { ...facts, highWatermark: 15 }, 1],
    ['a log start that passed', {}, { ...facts, logStartOffset: 20 }, 2],
    ['compacted only', { retentionMs: 0, retentionBytes: 0, cleanupPolicy: ['compact'] as const }, facts, 0],
  ])('%s', (_what, over, given, expected) => {
    expect(expiredSegments(three, { ...config, ...over }, given)).toBe(expected)
  })
})

describe('text files', () => {
  test('round trip, and damage is noticed', () => {
    const offsets = [{ topic: 'with-dash', partition: 3, offset: 12 }]
    expect(formatOffsets(offsets)).toBe('0\n1\nwith-dash 3 12\n')
    expect(parseOffsets(formatOffsets(offsets))).toEqual(new Map([['with-dash-3', 12]]))
    expect(parseEpochs(formatEpochs([{ epoch: 2, startOffset: 9 }]))).toEqual([{ epoch: 2, startOffset: 9 }])
    for (const damaged of ['', '1\n0\n', '0\n2\nt 0 1\n', '0\n1\nt 0\n', '0\n1\nt x 1\n', '0\n1\nt 0 -4\n', '0\n-1\n'])
      expect(parseOffsets(damaged)).toBeNull()
    expect(parsePartitionMetadata('version: 0\ntopic_id: short')).toBeNull()
    expect(parseProperties('#c\na=b=c\n x = y \n')).toEqual(
      new Map([
        ['a', 'b=c'],
        ['x', 'y'],
      ]),
    )
  })
})

describe('index search', () => {
  test('finds the greatest entry at or below the target', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(5000), { maxLength: 500 }), fc.integer({ min: -1, max: 5001 }), (keys, target) => {
        const sorted = keys.sort((a, b) => a - b)
        const index = new GrowingIndex(OFFSET_ENTRY_BYTES)
        for (const key of sorted) {
          const { bytes, at } = index.extend()
          bytes.writeUInt32BE(key, at)
          bytes.writeUInt32BE(key * 2, at + 4)
        }
        const content = index.content
        const found = searchIndex(
          index.count,
          OFFSET_ENTRY_BYTES,
          (position, length) => content.subarray(position, position + length),
          relativeOffsetAt,
          target,
        )
        expect(found?.readUInt32BE(0)).toBe(sorted.findLast((key) => key <= target))
      }),
    )
  })
})

describe('memory', () => {
  test('a tail holds what it counts, small batches of large frames included, and all tails share a bound', () => {
    const budget = new TailCacheBudget()
    const tails = Array.from({ length: 20 }, () => new TailCache(budget))
    for (const tail of tails) {
      for (let offset = 0; offset < 1200; offset++) {
        const frame = Buffer.allocUnsafeSlow(8 * 1024)
        tail.append(frame.subarray(100, 1124), offset, offset, offset * 1024)
      }
    }
    expect(budget.usedBytes).toBeLessThanOrEqual(16 * 1024 * 1024)
    const index = tails.at(-1)!.find(1190)
    const { chunks, bytes } = tails.at(-1)!.collect(index, 8 * 1024, true, 1200)
    expect(bytes).toBe(8 * 1024)
    expect(chunks.length).toBeLessThanOrEqual(2)
    for (const tail of tails) tail.clear()
    expect(budget.usedBytes).toBe(0)
  })

  test('warm is what was touched a short while ago', () => {
    const warm = new PageCacheRanges()
    const now = 1_700_000_000_000
    expect(warm.isLikelyCached(0, 100, now)).toBe(false)
    warm.recordAccess(1_000_000, 300_000, now)
    expect([
      warm.isLikelyCached(1_100_000, 1000, now),
      warm.isLikelyCached(1_100_000, 1_000_000, now),
      warm.isLikelyCached(1_100_000, 1000, now + 120_000),
    ]).toEqual([true, false, false])
  })
})
