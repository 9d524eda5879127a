/**
 * Goal: what is derived is kept for a bounded number of keys, those that were used last. Method: more keys than the limit.
 */
import { expect, test } from 'vitest'
import { DerivedValues } from '../../../../connect/transforms/data/derived-values.ts'

test('the key that was unused for longest goes first', () => {
  const derived: string[] = []
  const cache = new DerivedValues<string, string>(2)
  const upper = (key: string) => {
    derived.push(key)
    return key.toUpperCase()
  }
  const get = (key: string) => cache.get(key, upper)
  expect(['a', 'b', 'a', 'c', 'a', 'b'].map(get)).toEqual(['A', 'B', 'A', 'C', 'A', 'B'])
  expect(derived).toEqual(['a', 'b', 'c', 'b'])
  expect(cache.size).toBe(2)
})

test('what fails is tried again, and is not kept', () => {
  const cache = new DerivedValues<string, string>(0)
  expect(() =>
    cache.get('a', () => {
      throw new Error('no')
    }),
  ).toThrow('no')
  expect(cache.get('a', () => 'A')).toBe('A')
})
