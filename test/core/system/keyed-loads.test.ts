/**
 * Goal: each key is loaded once; a failed load is tried again by the next caller, and a load that was cleared meanwhile counts for nothing.
 * Method: loads that the test ends by hand.
 */
import { expect, test } from 'vitest'
import { KeyedLoads } from '../../../core/system/keyed-loads.ts'

test('callers share a load, and a failed one is tried again', async () => {
  let attempts = 0
  const loads = new KeyedLoads(async (_, complete) => {
    attempts++
    complete()
    if (attempts === 1) throw new Error('the disk failed')
  })
  const first = [loads.load(1), loads.load(1)]
  for (const load of first) await expect(load).rejects.toThrow('the disk failed')
  expect(loads.isLoaded(1)).toBe(false)
  await loads.load(1)
  await loads.load(1)
  expect(loads.isLoaded(1)).toBe(true)
  expect(loads.isLoaded(2)).toBe(false)
  expect(attempts).toBe(2)
})

test('what is cleared during its load is not loaded', async () => {
  let release = () => {}
  const loads = new KeyedLoads(async (_, complete) => {
    await new Promise<void>((resolve) => {
      release = resolve
    })
    expect(complete()).toBe(false)
  })
  const load = loads.load(1)
  loads.clear()
  release()
  await load
  expect(loads.isLoaded(1)).toBe(false)
})
