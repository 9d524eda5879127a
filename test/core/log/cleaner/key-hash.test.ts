/**
 * Goal: the hash of a key depends on every byte, on the length and on the secret, and two keys never have the same hash. Method: the known
 * first rounds by an independent implementation, a hundred thousand similar keys, single bits that are turned over.
 */
import { describe, expect, test } from 'vitest'
import { KeyHash } from '../../../../core/log/cleaner/key-hash.ts'

const secret = Buffer.from('0123456789abcdef')

const hashOf = (bytes: Buffer, by = new KeyHash(secret)): string => {
  by.hash(bytes, 0, bytes.length)
  return [by.h0, by.h1, by.h2, by.h3].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
}

/** HalfSipHash-1-3 of 64 bits, written from its definition. */
function halfSipHash(bytes: Buffer, key: Buffer): string {
  const rotate = (value: number, by: number) => (value << by) | (value >>> (32 - by)) | 0
  const v = [key.readInt32LE(0), key.readInt32LE(4) ^ 0xee, 0x6c796765 ^ key.readInt32LE(0), 0x74656462 ^ key.readInt32LE(4)]
  const rounds = (count: number) => {
    for (let round = 0; round < count; round++) {
      v[0] = (v[0]! + v[1]!) | 0
      v[1] = rotate(v[1]!, 5) ^ v[0]
      v[0] = rotate(v[0], 16)
      v[2] = (v[2]! + v[3]!) | 0
      v[3] = rotate(v[3]!, 8) ^ v[2]
      v[0] = (v[0] + v[3]) | 0
      v[3] = rotate(v[3], 7) ^ v[0]
      v[2] = (v[2] + v[1]) | 0
      v[1] = rotate(v[1], 13) ^ v[2]
      v[2] = rotate(v[2], 16)
    }
  }
  const padded = Buffer.concat([bytes, Buffer.alloc(4 - (bytes.length % 4))])
  padded[padded.length - 1] = bytes.length & 0xff
  for (let at = 0; at < padded.length; at += 4) {
    v[3] = v[3]! ^ padded.readInt32LE(at)
    rounds(1)
    v[0] = v[0]! ^ padded.readInt32LE(at)
  }
  v[2] = v[2]! ^ 0xee
  rounds(3)
  const first = v[1]! ^ v[3]!
  v[1] = v[1]! ^ 0xdd
  rounds(3)
  return [first, v[1]! ^ v[3]!].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
}

describe('the hash of a key', () => {
  test('is two HalfSipHash with independent secrets', () => {
    for (let length = 0; length < 40; length++) {
      const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 37 + length) & 0xff))
      expect(hashOf(bytes)).toBe(halfSipHash(bytes, secret.subarray(0, 8)) + halfSipHash(bytes, secret.subarray(8)))
    }
  })

  test('differs for a hundred thousand similar keys, in all parts', () => {
    const by = new KeyHash(secret)
    const seen = new Set<string>()
    const halves = [new Set<number>(), new Set<number>()]
    for (let index = 0; index < 100_000; index++) {
      seen.add(hashOf(Buffer.from(`key-${index}`), by))
      halves[0]!.add(by.h0 * 2 ** 21 + (by.h1 >>> 11))
      halves[1]!.add(by.h2 * 2 ** 21 + (by.h3 >>> 11))
    }
    expect([seen.size, halves[0]!.size, halves[1]!.size]).toEqual([100_000, 100_000, 100_000])
  })

  test('changes in about half of its bits with one bit of the key, and with the secret', () => {
    const bits = (a: string, b: string) => (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).replaceAll('0', '').length
    const key = Buffer.from('a key of 21 bytes ...')
    for (let bit = 0; bit < key.length * 8; bit++) {
      const other = Buffer.from(key)
      other[bit >> 3]! ^= 1 << (bit & 7)
      expect(Math.abs(bits(hashOf(key), hashOf(other)) - 64)).toBeLessThan(40)
    }
    expect(Math.abs(bits(hashOf(key), hashOf(key, new KeyHash(Buffer.from('0123456789abcdeg')))) - 64)).toBeLessThan(60)
    expect(hashOf(Buffer.alloc(1))).not.toBe(hashOf(Buffer.alloc(2)))
  })
})
