/**
 * Goal: caches keep no more than they may, what is used stays, what is too old leaves, and what must be loaded is loaded once. Method:
 * direct calls, with a clock of the test.
 */
import { expect, test } from 'vitest'
import { BoundedCache, LoadingCache } from '../../../connect/schema-registry/bounded-cache.ts'
import { SchemaPending } from '../../../connect/sdk/index.ts'

test('what was used least recently leaves first', () => {
  const cache = new BoundedCache<string, number>(2)
  cache.set('a', 1)
  cache.set('b', 2)
  expect(cache.get('a')).toBe(1)
  cache.set('c', 3)
  expect([cache.get('a'), cache.get('b'), cache.get('c'), cache.size]).toEqual([1, undefined, 3, 2])
})

test('what is too old leaves', () => {
  const cache = new BoundedCache<string, number>(2)
  cache.set('a', 1, 10)
  expect([cache.get('a', 9), cache.get('a', 10), cache.size]).toEqual([1, undefined, 0])
})

test('a value is loaded once for all who wait, and again when its time is over', async () => {
  let now = 0
  let loads = 0
  const cache = new LoadingCache<number>(2, 100, () => now)
  const get = () => cache.get('a', 'a', async () => ++loads)
  const waiting = [0, 1].map(() => {
    try {
      return get()
    } catch (error) {
      return (error as SchemaPending).loaded
    }
  })
  await Promise.all(waiting)
  expect([get(), loads]).toEqual([1, 1])
  now = 100
  expect(get).toThrow(SchemaPending)
})

test('a load that fails is not kept', async () => {
  const cache = new LoadingCache<number>(2, null, () => 0)
  let fails = true
  const get = () =>
    cache.get('a', 'a', async () => {
      if (fails) throw new Error('down')
      return 1
    })
  const pending = (() => {
    try {
      return get()
    } catch (error) {
      return (error as SchemaPending).loaded
    }
  })()
  await expect(pending).rejects.toThrow('down')
  fails = false
  expect(get).toThrow(SchemaPending)
  await new Promise((resolve) => setImmediate(resolve))
  expect(get()).toBe(1)
})
