/** Goal: a bounded wait ends with its promise, its limit or its signal, whichever is first, and leaves no timer. Method: fake timers. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { realClock } from '../../../core/system/clock.ts'
import { within } from '../../../core/system/within.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('true once the promise is settled, either way, or where there is none', async () => {
  expect(await within(realClock, 1_000, Promise.resolve('value'))).toBe(true)
  expect(await within(realClock, 1_000, Promise.reject(new Error('failed')))).toBe(true)
  expect(await within(realClock, 1_000, null)).toBe(true)
  expect(vi.getTimerCount()).toBe(0)
})

test('false after the limit', async () => {
  const waited = within(realClock, 1_000, new Promise(() => {}))
  await vi.advanceTimersByTimeAsync(999)
  expect(vi.getTimerCount()).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(await waited).toBe(false)
  expect(vi.getTimerCount()).toBe(0)
})

test('false once the signal aborts, also where it has aborted before', async () => {
  const abort = new AbortController()
  const waited = within(realClock, 1_000, new Promise(() => {}), abort.signal)
  abort.abort()
  expect(await waited).toBe(false)
  expect(await within(realClock, 1_000, new Promise(() => {}), abort.signal)).toBe(false)
  expect(await within(realClock, 1_000, Promise.resolve(), abort.signal)).toBe(true)
  expect(vi.getTimerCount()).toBe(0)
})
