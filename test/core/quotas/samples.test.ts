/**
 * Goal: a rate over samples is the one that Kafka measures, and a client that waits as long as it is told stays within its quota. Method: a
 * story with times, and random loads.
 */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Samples } from '../../../core/quotas/samples.ts'
import { throttleTimeMs } from '../../../core/quotas/throttle-time.ts'

describe('a window of eleven samples of a second', () => {
  test('the first values are measured as if ten seconds had passed', () => {
    const samples = new Samples(11, 1000)
    expect([samples.windowMs(500), samples.rate(500), samples.mean(500)]).toEqual([10_000, 0, 0])
    samples.record(1000, 5000)
    expect([samples.windowMs(5000), samples.rate(5000)]).toEqual([10_000, 100])
    expect([samples.windowMs(5250), samples.windowMs(6000)]).toEqual([10_250, 10_000])
  })

  test('values count until nothing of their sample is in the window', () => {
    const samples = new Samples(11, 1000)
    samples.record(100, 0)
    samples.record(100, 900)
    for (let second = 1; second <= 11; second++) samples.record(10, second * 1000)
    // The first sample began before the window, and its last value is in it.
    expect([samples.sum(11_899), samples.windowMs(11_899)]).toEqual([310, 11_899])
    expect(samples.sum(11_900)).toBe(110)
    expect(samples.mean(11_900)).toBe(10)
    expect([samples.sum(60_000), samples.rate(60_000)]).toEqual([0, 0])
  })

  test('what is taken back does not count', () => {
    const samples = new Samples(11, 1000)
    samples.record(500, 0)
    samples.record(-500, 10)
    expect(samples.rate(20)).toBe(0)
  })
})

describe('the throttle time', () => {
  test('brings the rate over a longer window to the quota', () => {
    const samples = new Samples(11, 1000)
    samples.record(3000, 0)
    expect(throttleTimeMs(samples, 300, 0)).toBe(0)
    expect(throttleTimeMs(samples, 100, 0)).toBe(20_000)
    expect(throttleTimeMs(samples, 100, 0, 1000)).toBe(1000)
    expect(throttleTimeMs(samples, Number.POSITIVE_INFINITY, 0)).toBe(0)
    // An int32 on the wire.
    expect(throttleTimeMs(samples, 1e-9, 0)).toBe(2 ** 31 - 1)
  })

  test('a client whose requests are small for its quota stays within it by waiting', () => {
    const load = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 50_000 }), pauseMs: fc.integer({ min: 0, max: 50 }) }), {
      minLength: 200,
      maxLength: 400,
    })
    fc.assert(
      fc.property(load, fc.integer({ min: 50_000, max: 200_000 }), (requests, limit) => {
        const samples = new Samples(11, 1000)
        let now = 0
        let sent = 0
        let largest = 0
        for (const { bytes, pauseMs } of requests) {
          samples.record(bytes, now)
          sent += bytes
          largest = Math.max(largest, bytes)
          now += pauseMs + throttleTimeMs(samples, limit, now)
        }
        // At the start a whole window may be used at once.
        expect(sent).toBeLessThanOrEqual((limit * (now + 11_000)) / 1000 + 2 * largest)
      }),
      { numRuns: 200 },
    )
  })
})
