/**
 * Goal: a rate at or below its quota is not throttled, and one above it for at least one ms. Method: values around the quota.
 */
import { expect, test } from 'vitest'
import { Samples } from '../../../core/quotas/samples.ts'
import { throttleTimeMs } from '../../../core/quotas/throttle-time.ts'

test.each([
  [1000, 0],
  [1001, 10],
  [2000, 10_000],
])('%i bytes in a window of 1000', (bytes, expected) => {
  const samples = new Samples(11, 1000)
  samples.record(bytes, 7)
  expect(throttleTimeMs(samples, 100, 7)).toBe(expected)
})

test('a stored quota that is no number limits nothing', () => {
  const samples = new Samples(11, 1000)
  samples.record(1, 0)
  expect(throttleTimeMs(samples, Number.NaN, 0)).toBe(0)
})
