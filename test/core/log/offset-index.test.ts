/**
 * Goal: an index search finds what a linear search finds. Method: random entries and targets.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GrowingIndex, OFFSET_ENTRY_BYTES, relativeOffsetAt, searchIndex } from '../../../core/log/offset-index.ts'

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
