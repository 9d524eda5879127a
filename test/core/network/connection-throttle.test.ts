/**
 * Goal: a connection is throttled until the latest end that it was told, but never so long that a client that is gone stays unnoticed
 * (Invariant 13). Method: a clock of the test.
 */
import { expect, test } from 'vitest'
import { ConnectionThrottle } from '../../../core/network/connection-throttle.ts'
import { limits } from '../../../core/network/limits.ts'
import { TestClock } from '../groups/memory-store.ts'

function fixture() {
  const clock = new TestClock()
  const all = { throttledConnections: 0 }
  const ends: number[] = []
  const throttle = new ConnectionThrottle(clock, all, () => ends.push(clock.monotonic()))
  return { clock, all, ends, throttle }
}

test('the later end counts, whatever comes first', async () => {
  const { clock, all, ends, throttle } = fixture()
  throttle.extend(1000)
  throttle.extend(300)
  expect([throttle.isActive, all.throttledConnections]).toEqual([true, 1])
  await clock.pass(500)
  throttle.extend(2000)
  await clock.pass(1999)
  expect([throttle.isActive, ends]).toEqual([true, []])
  await clock.pass(1)
  expect([throttle.isActive, ends, all.throttledConnections]).toEqual([false, [2500], 0])
})

test('it ends early once, and may begin again', async () => {
  const { clock, all, ends, throttle } = fixture()
  throttle.end()
  throttle.extend(1000)
  throttle.end()
  throttle.end()
  expect([ends, all.throttledConnections]).toEqual([[0], 0])
  throttle.extend(5)
  await clock.pass(5000)
  expect(ends).toEqual([0, 5])
})

test('it lasts no longer than the limit', async () => {
  const { clock, ends, throttle } = fixture()
  throttle.extend(2 ** 31 - 1)
  await clock.pass(limits.muteMs)
  expect(ends).toEqual([limits.muteMs])
})
