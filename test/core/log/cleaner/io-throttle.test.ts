/**
 * Goal: a cleaning reads and writes no more bytes in a second than it may, also when the rate changes during a wait, and ends when it must.
 * Method: a clock that advances when somebody sleeps.
 */
import { expect, test } from 'vitest'
import { IoThrottle } from '../../../../core/log/cleaner/io-throttle.ts'
import { type Clock, realClock } from '../../../../core/system/clock.ts'

function sleepingClock(): { clock: Clock; now: () => number; onSleep(task: () => void): void } {
  let now = 0
  let task = () => {}
  const clock: Clock = {
    ...realClock,
    monotonic: () => now,
    sleep: async (ms) => {
      now += ms
      task()
    },
  }
  return {
    clock,
    now: () => now,
    onSleep: (next) => {
      task = next
    },
  }
}

const ignore = () => {}

test('keeps to the rate', async () => {
  const { clock, now } = sleepingClock()
  const throttle = new IoThrottle(clock, () => 1000)
  for (let index = 0; index < 100; index++) await throttle.transferred(100, ignore)
  expect(Math.abs(now() - 10_000)).toBeLessThan(400)
})

test('does not wait without a limit', () => {
  const { clock } = sleepingClock()
  const throttle = new IoThrottle(clock, () => Number.MAX_VALUE)
  expect(throttle.transferred(2 ** 40, ignore)).toBeUndefined()
})

test('a new rate applies to what is waited for', async () => {
  const { clock, now, onSleep } = sleepingClock()
  let rate = 0
  const throttle = new IoThrottle(clock, () => rate)
  onSleep(() => {
    if (now() >= 1000) rate = 1e9
  })
  await throttle.transferred(1000, ignore)
  expect(now()).toBeLessThan(1500)
})

test('ends where the check throws', async () => {
  const { clock, now } = sleepingClock()
  const throttle = new IoThrottle(clock, () => 1)
  const check = () => {
    if (now() > 5000) throw new Error('aborted')
  }
  await expect(throttle.transferred(1_000_000, check)).rejects.toThrow('aborted')
  expect(now()).toBeLessThan(6000)
})
