/**
 * Goal: the tail caches stay within their budget. Method: small batches in large frames, in many caches.
 */
import { expect, test } from 'vitest'
import { TailCache, TailCacheBudget } from '../../../core/log/tail-cache.ts'

test('small batches of large frames are copied, and all caches share a budget', () => {
  const budget = new TailCacheBudget()
  const caches = Array.from({ length: 20 }, () => new TailCache(budget))
  for (const cache of caches) {
    for (let offset = 0; offset < 1200; offset++) {
      const frame = Buffer.allocUnsafeSlow(8 * 1024)
      cache.append(frame.subarray(100, 1124), offset, offset, offset * 1024)
    }
  }
  expect(budget.usedBytes).toBeLessThanOrEqual(16 * 1024 * 1024)
  const index = caches.at(-1)!.find(1190)
  const { chunks, bytes } = caches.at(-1)!.collect(index, 8 * 1024, true, 1200)
  expect(bytes).toBe(8 * 1024)
  expect(chunks.length).toBeLessThanOrEqual(2)
  for (const cache of caches) cache.clear()
  expect(budget.usedBytes).toBe(0)
})
