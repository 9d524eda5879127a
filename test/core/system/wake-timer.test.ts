/** Goal: a wake timer runs its task at the earliest time that it was given, once, and never after it is canceled. Method: fake timers. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { realClock } from '../../../core/system/clock.ts'
import { WakeTimer } from '../../../core/system/wake-timer.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test.each([true, false])('runs at the earliest time, and again at the next (keepsAlive: %s)', async (keepsAlive) => {
  const woken: number[] = []
  const start = realClock.monotonic()
  const timer = new WakeTimer(realClock, () => void woken.push(realClock.monotonic() - start), { keepsAlive })
  for (const afterMs of [300, 100, 200]) timer.wakeAt(start + afterMs)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(woken).toEqual([100])
  timer.wakeAt(start + 1_500)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(woken).toEqual([100, 1_500])
})

test.each([true, false])('does not run after cancel, but can be given a time again (keepsAlive: %s)', async (keepsAlive) => {
  const task = vi.fn()
  const timer = new WakeTimer(realClock, task, { keepsAlive })
  timer.wakeAt(realClock.monotonic() + 100)
  timer.cancel()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(task).not.toHaveBeenCalled()
  expect(vi.getTimerCount()).toBe(0)
  timer.wakeAt(realClock.monotonic() + 100)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(task).toHaveBeenCalledTimes(1)
})

test('does not keep the process alive unless it is asked to', () => {
  const timeout = vi.spyOn(globalThis, 'setTimeout')
  const hasRef = (keepsAlive: boolean) => {
    new WakeTimer(realClock, () => {}, { keepsAlive }).wakeAt(realClock.monotonic() + 100)
    return (timeout.mock.results.at(-1)!.value as NodeJS.Timeout).hasRef()
  }
  expect([hasRef(true), hasRef(false)]).toEqual([true, false])
})
