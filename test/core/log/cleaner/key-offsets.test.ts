/**
 * Goal: the table has the last offset of every key that it took, within its bytes. Method: random keys against a Map, a table that is full,
 * offsets that are far apart, the memory of the process.
 */
import { expect, test } from 'vitest'
import { KeyHash } from '../../../../core/log/cleaner/key-hash.ts'
import { KeyOffsets, MIN_MAP_BYTES, SLOT_BYTES } from '../../../../core/log/cleaner/key-offsets.ts'

const key = new KeyHash(Buffer.from('0123456789abcdef'))
const hashed = (text: string): KeyHash => {
  const bytes = Buffer.from(text)
  key.hash(bytes, 0, bytes.length)
  return key
}

test('grows, and has the last offset of each key', () => {
  const map = new KeyOffsets({ startOffset: 1_000_000_000_000, maxBytes: 64 * 1024 * 1024, loadFactor: 0.9 })
  const expected = new Map<string, number>()
  let seed = 7
  for (let index = 0; index < 100_000; index++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    const text = `k${(seed >>> 4) % 20_000}`
    if (!map.put(hashed(text), 1_000_000_000_000 + index)) throw new Error('full')
    expected.set(text, 1_000_000_000_000 + index)
  }
  expect(map.size).toBe(expected.size)
  expect(map.latestOffset).toBe(1_000_000_099_999)
  expect([...expected].filter(([text, offset]) => map.get(hashed(text)) !== offset)).toEqual([])
  expect(map.get(hashed('another'))).toBe(-1)
  expect(map.bytes).toBeLessThan(expected.size * SLOT_BYTES * 3)
})

test('takes no more keys than fit into its bytes, and keeps those that it has', () => {
  const maxBytes = 100_000
  const map = new KeyOffsets({ startOffset: 0, maxBytes, loadFactor: 0.9 })
  let taken = 0
  while (map.put(hashed(`k${taken}`), taken)) taken++
  expect(map.bytes).toBeLessThanOrEqual(maxBytes)
  expect(taken).toBeGreaterThan((maxBytes / SLOT_BYTES) * 0.5)
  expect(map.utilization).toBeGreaterThan(0.5)
  expect(map.latestOffset).toBe(taken - 1)
  for (let index = 0; index < taken; index++) expect(map.get(hashed(`k${index}`))).toBe(index)
  expect(map.put(hashed('k0'), taken)).toBe(true)
})

test('of the smallest size takes a key, and none that is too far from the first', () => {
  const map = new KeyOffsets({ startOffset: 5, maxBytes: MIN_MAP_BYTES, loadFactor: 0.9 })
  expect(map.put(hashed('a'), 5)).toBe(true)
  expect(map.put(hashed('b'), 5 + 2 ** 31)).toBe(false)
  expect(map.put(hashed('c'), 5 + 2 ** 31 - 2)).toBe(true)
  expect([map.get(hashed('a')), map.get(hashed('c'))]).toEqual([5, 5 + 2 ** 31 - 2])
})

test('frees its memory without a garbage collection', () => {
  const map = new KeyOffsets({ startOffset: 0, maxBytes: 64 * 1024 * 1024, loadFactor: 0.9 })
  for (let index = 0; index < 200_000; index++) map.put(hashed(`k${index}`), index)
  const { bytes } = map
  const before = process.memoryUsage().arrayBuffers
  map.release()
  expect(before - process.memoryUsage().arrayBuffers).toBeGreaterThan(bytes * 0.9)
  expect(map.bytes).toBe(0)
})
