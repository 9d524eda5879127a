/**
 * Goal: a key goes to the partition that the Java client would choose.
 * Method: hashes that the Java client is known to give; test/peers/client.test.ts compares with the Java producer itself.
 */
import { expect, it } from 'vitest'
import { murmur2, partitionOf } from '../../../../core/client/producer/murmur2.ts'

it.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('%s', (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash)
})

it('takes bytes above 127 as Java does', () => {
  const partitions = Array.from({ length: 256 }, (_, byte) => partitionOf(Buffer.from([byte, 255 - byte, byte]), 7))
  expect(Math.min(...partitions)).toBe(0)
  expect(Math.max(...partitions)).toBe(6)
})
