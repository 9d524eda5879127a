/**
 * Goal: what Redis is asked for at once has about 8 MiB, whatever the size of entries and keys. Method: sizes are told, and the counts that
 * follow are looked at.
 */
import { expect, test } from 'vitest'
import { ReadSize } from '../../../connectors/redis-driver/read-size.ts'

const MIB = 1024 * 1024

test('it begins with few, and grows to the most as long as they are small', () => {
  const size = new ReadSize(500)
  const counts = [size.count]
  while (size.count < 500) {
    size.took(size.count, size.count * 100)
    counts.push(size.count)
  }
  expect(counts).toEqual([10, 20, 40, 80, 160, 320, 500])
  expect(new ReadSize(3).count).toBe(3)
})

test('large ones are asked for a few at a time, one at least, and small ones after them many again', () => {
  const size = new ReadSize(500)
  size.took(10, 10 * MIB)
  expect(size.count).toBe(8)
  size.took(8, 80 * MIB)
  expect(size.count).toBe(1)
  size.took(0, 0)
  expect(size.count).toBe(1)
  size.took(8, 8 * MIB, 4)
  expect(size.count).toBe(2)
  for (let read = 0; read < 9; read++) size.took(1, 0)
  expect(size.count).toBe(500)
})
