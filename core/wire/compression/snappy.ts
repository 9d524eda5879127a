/**
 * Snappy. Written in the block framing of xerial's snappy-java, as the Java clients write it; read in that framing and raw, as librdkafka
 * writes it. A block declares its size: the sum is checked against the limit, and each declaration against the best ratio of the format,
 * before memory is allocated (CVE-2023-34455).
 */
import { createRequire } from 'node:module'
import { WireError } from '../reader.ts'

type Native = { compressSync(bytes: Buffer): Buffer; uncompressSync(bytes: Buffer, options: { asBuffer: true }): Buffer }
let loaded: Native | undefined
function native(): Native {
  loaded ??= createRequire(import.meta.url)('snappy') as Native
  return loaded
}

/** Magic, version 1, lowest compatible version 1. */
const HEADER = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00, 0, 0, 0, 1, 0, 0, 0, 1])
const MAGIC_LENGTH = 8
const MAGIC_WORD = HEADER.readInt32BE(0)
/** The block size of snappy-java. */
const BLOCK_BYTES = 32 * 1024
/** A copy of 64 bytes needs at least 3. */
const BEST_RATIO = 22

/** The decompressed size that a raw block declares in its first bytes. */
function declaredSize(block: Buffer): number {
  let size = 0
  for (let index = 0; index < 5; index++) {
    const byte = block[index]
    if (byte === undefined) break
    size += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) {
      if (size > block.length * BEST_RATIO) throw new WireError(`snappy: a block of ${block.length} bytes declares ${size}`)
      return size
    }
  }
  throw new WireError('snappy: a block does not declare its size')
}

function framedBlocks(bytes: Buffer): Buffer[] {
  const blocks: Buffer[] = []
  let position = HEADER.length
  while (position < bytes.length) {
    if (position + 4 > bytes.length) throw new WireError('snappy: truncated block length')
    const length = bytes.readInt32BE(position)
    if (length === MAGIC_WORD) {
      // Concatenated streams: each has its own header.
      position += HEADER.length
      continue
    }
    position += 4
    if (length < 0 || length > bytes.length - position)
      throw new WireError(`snappy: a block of ${length} bytes, ${bytes.length - position} left`)
    blocks.push(bytes.subarray(position, position + length))
    position += length
  }
  return blocks
}

export const snappy = {
  compress(bytes: Buffer): Buffer {
    const { compressSync } = native()
    const pieces: Buffer[] = [HEADER]
    for (let position = 0; position < bytes.length; position += BLOCK_BYTES) {
      const block = compressSync(bytes.subarray(position, position + BLOCK_BYTES))
      const length = Buffer.allocUnsafe(4)
      length.writeInt32BE(block.length)
      pieces.push(length, block)
    }
    return Buffer.concat(pieces)
  },
  decompress(bytes: Buffer, limitBytes: number): Buffer {
    const framed = bytes.length >= HEADER.length && bytes.compare(HEADER, 0, MAGIC_LENGTH, 0, MAGIC_LENGTH) === 0
    const blocks = framed ? framedBlocks(bytes) : [bytes]
    let total = 0
    for (const block of blocks) {
      total += declaredSize(block)
      if (total > limitBytes) throw new WireError(`snappy: ${bytes.length} bytes declare ${total} or more, the limit is ${limitBytes}`)
    }
    try {
      const { uncompressSync } = native()
      const pieces = blocks.map((block) => uncompressSync(block, { asBuffer: true }))
      return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, total)
    } catch (error) {
      throw new WireError(`snappy: ${(error as Error).message}`, { cause: error })
    }
  },
}
