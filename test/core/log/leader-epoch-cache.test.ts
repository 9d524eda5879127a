/**
 * Goal: leader epochs are looked up and truncated as in Kafka (KIP-101, KIP-279). Method: one cache with gaps between its epochs.
 */
import { expect, test } from 'vitest'
import { LeaderEpochCache } from '../../../core/log/leader-epoch-cache.ts'

const epochs = () => new LeaderEpochCache([1, 3, 7].map((epoch, index) => ({ epoch, startOffset: index * 10 + 5 })))

test('the epoch of an offset and the end offset of an epoch', () => {
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

test('epochs are truncated with the log', () => {
  const cache = epochs()
  expect([cache.truncateFromEnd(16), cache.entries.length, cache.truncateFromEnd(16)]).toEqual([true, 2, false])
  expect([cache.truncateFromStart(15), cache.entries]).toEqual([true, [{ epoch: 3, startOffset: 15 }]])
  expect([cache.assign(3, 20), cache.assign(4, 15), cache.entries]).toEqual([false, true, [{ epoch: 4, startOffset: 15 }]])
})
