/**
 * murmur2 as Kafka's Java client computes it: a key must have the same partition whichever client writes it.
 */
const SEED = 0x9747b28c
const M = 0x5bd1e995
const R = 24

export function murmur2(data: Uint8Array): number {
  const length = data.length
  let h = (SEED ^ length) | 0
  const alignedLength = length & ~3
  for (let i = 0; i < alignedLength; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24)
    k = Math.imul(k, M)
    k ^= k >>> R
    k = Math.imul(k, M)
    h = Math.imul(h, M) ^ k
  }
  const remaining = length & 3
  if (remaining === 3) h ^= data[alignedLength + 2]! << 16
  if (remaining >= 2) h ^= data[alignedLength + 1]! << 8
  if (remaining >= 1) {
    h ^= data[alignedLength]!
    h = Math.imul(h, M)
  }
  h ^= h >>> 13
  h = Math.imul(h, M)
  h ^= h >>> 15
  return h
}

export const partitionOf = (key: Uint8Array, partitions: number): number => (murmur2(key) & 0x7fff_ffff) % partitions
