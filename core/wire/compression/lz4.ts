/**
 * LZ4 in its frame format, as batches of format v2 have it. Written with independent blocks of 64 KiB, the only kind that Kafka's Java
 * reader accepts; read with dependent blocks, content size and checksums as well. The frame is walked first, so that its decompressed size
 * is checked against the limit before memory is allocated.
 */
import { createRequire } from 'node:module'
import { WireError } from '../reader.ts'

type Native = { compressFrameSync(bytes: Buffer): Buffer; decompressFrameSync(bytes: Buffer): Buffer }
let loaded: Native | undefined
function native(): Native {
  loaded ??= createRequire(import.meta.url)('lz4-napi') as Native
  return loaded
}

const MAGIC = 0x184d2204
const flag = { blockChecksum: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 } as const
const MIN_MATCH = 4

/** A length that is continued in bytes of 255. `cursor` is the position after it. */
let cursor = 0
function longLength(bytes: Buffer, position: number, end: number, start: number): number {
  let length = start
  let at = position
  for (;;) {
    if (at >= end) throw new WireError('lz4: truncated length')
    const byte = bytes[at++]!
    length += byte
    if (byte !== 255) break
  }
  cursor = at
  return length
}

/** The decompressed size of one block: literals and matches are counted, nothing is copied. */
function blockSize(bytes: Buffer, start: number, end: number): number {
  let size = 0
  let at = start
  while (at < end) {
    const token = bytes[at++]!
    let literals = token >>> 4
    if (literals === 15) {
      literals = longLength(bytes, at, end, literals)
      at = cursor
    }
    at += literals
    size += literals
    if (at >= end) break
    at += 2
    let match = token & 0x0f
    if (match === 15) {
      match = longLength(bytes, at, end, match)
      at = cursor
    }
    size += match + MIN_MATCH
  }
  return size
}

/**
 * Throws where the frame decompresses to more than `limitBytes`, or has no end mark, with which Java's reader fails. Far below the limit it
 * adds upper bounds of the block sizes.
 */
function checkFrame(bytes: Buffer, limitBytes: number): void {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== MAGIC) throw new WireError('lz4: not a frame')
  const flags = bytes[4]!
  const largestBlock = 256 * 4 ** ((bytes[5]! >>> 4) & 7)
  let position = 7 + (flags & flag.contentSize ? 8 : 0) + (flags & flag.dictionary ? 4 : 0)
  let size = 0
  while (position + 4 <= bytes.length) {
    const field = bytes.readUInt32LE(position)
    position += 4
    if (field === 0 && position + (flags & flag.contentChecksum ? 4 : 0) <= bytes.length) return
    if (field === 0) break
    const length = field & 0x7fff_ffff
    const end = position + length
    if (end > bytes.length) throw new WireError(`lz4: a block of ${length} bytes, ${bytes.length - position} left`)
    if (field >= 0x8000_0000) size += length
    else if (size + largestBlock * 2 < limitBytes) size += Math.min(largestBlock, length * 255)
    else size += blockSize(bytes, position, end)
    if (size > limitBytes) throw new WireError(`lz4: ${bytes.length} bytes decompress to ${size} or more, the limit is ${limitBytes}`)
    position = end + (flags & flag.blockChecksum ? 4 : 0)
  }
  throw new WireError('lz4: truncated frame')
}

export const lz4 = {
  compress: (bytes: Buffer): Buffer => native().compressFrameSync(bytes),
  decompress(bytes: Buffer, limitBytes: number): Buffer {
    checkFrame(bytes, limitBytes)
    try {
      return native().decompressFrameSync(bytes)
    } catch (error) {
      throw new WireError(`lz4: ${(error as Error).message}`, { cause: error })
    }
  },
}
