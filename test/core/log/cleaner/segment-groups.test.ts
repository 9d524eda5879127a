/**
 * Goal: neighbours are merged as Kafka merges them. Method: each limit by itself.
 */
import { expect, test } from 'vitest'
import { groupSegments } from '../../../../core/log/cleaner/segment-groups.ts'

const of = (baseOffset: number, sizeBytes: number, indexBytes = 0, timeIndexBytes = 0) => ({
  baseOffset,
  sizeBytes,
  indexBytes,
  timeIndexBytes,
})
const FAR = 2 ** 31

test.each([
  ['by bytes', [of(0, 60), of(10, 40), of(20, 1), of(30, 99), of(40, 1)], [[0, 10], [20, 30], [40]]],
  ['a large one alone', [of(0, 500), of(10, 1)], [[0], [10]]],
  ['by the offset index', [of(0, 1, 30), of(10, 1, 20), of(20, 1, 1)], [[0, 10], [20]]],
  ['by the time index', [of(0, 1, 0, 30), of(10, 1, 0, 21)], [[0], [10]]],
  [
    'by the range of offsets',
    [of(0, 1), of(FAR - 10, 1), of(FAR, 1), of(FAR + 5, 1)],
    [
      [0, FAR - 10],
      [FAR, FAR + 5],
    ],
  ],
  ['empty ones whatever their offsets', [of(0, 1), of(FAR * 2, 0)], [[0, FAR * 2]]],
  ['none', [], []],
])('%s', (_, segments, expected) => {
  const groups = groupSegments(segments, { segmentBytes: 100, indexBytes: 50, endOffset: (segments.at(-1)?.baseOffset ?? 0) + 10 })
  expect(groups.map((group) => group.map(({ baseOffset }) => baseOffset))).toEqual(expected)
})
