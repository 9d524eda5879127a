/**
 * Goal: a time that is longer than a timer of Node takes is a long one. Method: the real clock, beside a short timer.
 */
import { expect, test } from 'vitest'
import { realClock } from '../../../core/system/clock.ts'

const MONTH_MS = 31 * 24 * 60 * 60 * 1000

test('a sleep of a month is not over at once, and ends where its signal aborts', async () => {
  const stop = new AbortController()
  let isOver = false
  const sleeping = realClock.sleep(MONTH_MS, stop.signal).then(() => (isOver = true))
  await realClock.sleep(20)
  expect(isOver).toBe(false)
  stop.abort()
  await sleeping
})

test('a task after a month is not run at once', async () => {
  let isRun = false
  const timer = realClock.after(MONTH_MS, () => (isRun = true))
  await realClock.sleep(20)
  expect(isRun).toBe(false)
  timer.cancel()
})
