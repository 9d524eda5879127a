/**
 * Compresses the content of an object chunk by chunk, without state between the chunks: an object that is open costs no memory of a
 * compressor. What comes out is one gzip member, or a row of zstd frames, which every reader takes as one.
 */
import { promisify } from 'node:util'
import { constants, crc32, deflateRaw, zstdCompress } from 'node:zlib'

const deflate = promisify(deflateRaw)
const zstd = promisify(zstdCompress)

export type CompressionType = 'none' | 'gzip' | 'zstd'

export interface Compression {
  /** The compressed form of the next chunk; with `end` also what ends the content. */
  next(chunk: Buffer, end: boolean): Promise<Buffer[]>
}

export const compressionExtension: Readonly<Record<CompressionType, string>> = { none: '', gzip: '.gz', zstd: '.zst' }

/** `level` is zlib's, -1 for its default; zstd takes its own default then. */
export function compression(type: CompressionType, level: number): Compression {
  if (type === 'gzip') return new Gzip(level)
  if (type === 'zstd') return { next: async (chunk) => (chunk.length === 0 ? [] : [await zstd(chunk, zstdOptions(level))]) }
  return { next: async (chunk) => (chunk.length === 0 ? [] : [chunk]) }
}

const zstdOptions = (level: number) => (level < 0 ? {} : { params: { [constants.ZSTD_c_compressionLevel]: level } })

/** Magic, deflate, no flags, no time of change, no extra flags, an unknown system: the same content gives the same bytes. */
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
/** An empty last block of deflate. */
const LAST_BLOCK = Buffer.from([0x03, 0x00])

class Gzip implements Compression {
  readonly #level: number
  #checksum = 0
  #length = 0
  #begun = false

  constructor(level: number) {
    this.#level = level
  }

  async next(chunk: Buffer, end: boolean): Promise<Buffer[]> {
    const parts: Buffer[] = []
    if (!this.#begun) parts.push(GZIP_HEADER)
    this.#begun = true
    if (chunk.length > 0) {
      this.#checksum = crc32(chunk, this.#checksum)
      this.#length += chunk.length
      // The flush ends the chunk at a byte, so that the next one can follow.
      parts.push(await deflate(chunk, { level: this.#level, finishFlush: constants.Z_SYNC_FLUSH }))
    }
    if (end) {
      const trailer = Buffer.alloc(8)
      trailer.writeUInt32LE(this.#checksum, 0)
      trailer.writeUInt32LE(this.#length % 2 ** 32, 4)
      parts.push(LAST_BLOCK, trailer)
    }
    return parts
  }
}
