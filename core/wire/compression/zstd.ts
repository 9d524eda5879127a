/**
 * Zstandard by node:zlib.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { WireError } from '../reader.ts'

export const zstd = {
  compress: (bytes: Buffer): Buffer => zstdCompressSync(bytes),
  decompress(bytes: Buffer, limitBytes: number): Buffer {
    try {
      return zstdDecompressSync(bytes, { maxOutputLength: limitBytes })
    } catch (error) {
      throw new WireError(`zstd: ${(error as Error).message} (${bytes.length} bytes, at most ${limitBytes} decompressed)`, { cause: error })
    }
  },
}
