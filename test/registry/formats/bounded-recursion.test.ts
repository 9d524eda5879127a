/** Goal: a recursion over pairs ends, however deep the pairs lie, and each is compared. Method: long rows and long circles of numbers. */
import { expect, test } from 'vitest'
import { BoundedRecursion } from '../../../registry/formats/bounded-recursion.ts'

/** Compares pair n by comparing pair n + 1 up to the end, which is the beginning again in a circle. */
function walk(count: number, circle: boolean) {
  const recursion = new BoundedRecursion<number>()
  const done = new Set<number>()
  const inProgress = new Set<number>()
  let deepest = 0
  const compare = (first: number) => {
    if (done.has(first) || inProgress.has(first) || recursion.waits(first, first)) return
    inProgress.add(first)
    deepest = Math.max(deepest, inProgress.size)
    try {
      recursion.descend(first, first, () => {
        if (circle || first + 1 < count) compare((first + 1) % count)
      })
      done.add(first)
    } finally {
      inProgress.delete(first)
    }
  }
  recursion.run(() => compare(0), compare)
  return { done, deepest }
}

test.each([
  ['a row', false],
  ['a circle', true],
])('%s of many pairs is compared whole, with a bounded stack', (_, circle) => {
  const { done, deepest } = walk(50_000, circle)
  expect(done.size).toBe(50_000)
  expect(deepest).toBeLessThan(500)
})

test('an error of a comparison comes out', () => {
  const recursion = new BoundedRecursion<number>()
  const fail = () => {
    throw new Error('broken')
  }
  expect(() => recursion.run(() => recursion.descend(1, 1, fail), fail)).toThrow('broken')
})
