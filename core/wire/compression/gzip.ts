/**
 * gzip by node:zlib, at Java's default level.
 */
import { gunzipSync, gzipSync } from 'node:zlib'
import { WireError } from '../reader.ts'

export const gzip = {
  compress: (bytes: Buffer): Buffer => gzipSync(bytes),
  decompress(bytes: Buffer, limitBytes: number): Buffer {
    try {
      return gunzipSync(bytes, { maxOutputLength: limitBytes })
    } catch (error) {
      throw new WireError(`gzip: ${(error as Error).message} (${bytes.length} bytes, at most ${limitBytes} decompressed)`, { cause: error })
    }
  },
}
