/**
 * Goal: a range counts as cached for a short time after an access. Method: one access, and the ranges around it.
 */
import { expect, test } from 'vitest'
import { PageCacheRanges } from '../../../core/log/page-cache-ranges.ts'

test('a range is likely cached after a recent access', () => {
  const ranges = new PageCacheRanges()
  const now = 1_700_000_000_000
  expect(ranges.isLikelyCached(0, 100, now)).toBe(false)
  ranges.recordAccess(1_000_000, 300_000, now)
  expect([
    ranges.isLikelyCached(1_100_000, 1000, now),
    ranges.isLikelyCached(1_100_000, 1_000_000, now),
    ranges.isLikelyCached(1_100_000, 1000, now + 120_000),
  ]).toEqual([true, false, false])
})
