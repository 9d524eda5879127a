/**
 * Goal: tokens come back at the rate, up to what one window earns. Method: a story with times.
 */
import { expect, test } from 'vitest'
import { refillMs, TokenBucket } from '../../../core/quotas/token-bucket.ts'

test('a full bucket, a burst that owes, and its refill', () => {
  const bucket = new TokenBucket(11)
  expect(bucket.tokens(10, 123_456)).toBe(110)
  bucket.take(130, 10, 123_456)
  expect(bucket.tokens(10, 123_456)).toBe(-20)
  expect(refillMs(-20, 10)).toBe(2000)
  expect(bucket.tokens(10, 125_456)).toBe(0)
  expect(bucket.tokens(10, 126_456)).toBe(10)
  expect(bucket.tokens(10, 1_000_000)).toBe(110)
})

test('the rate may change', () => {
  const bucket = new TokenBucket(10)
  bucket.take(50, 10, 0)
  expect(bucket.tokens(2, 0)).toBe(20)
  expect(bucket.tokens(100, 1000)).toBe(120)
})
