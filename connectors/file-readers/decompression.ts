/**
 * The bytes of a file after decompression, as a stream: nothing is held but a block. Files of several members or frames, one after the
 * other, are read to their end.
 */
import { createGunzip } from 'node:zlib'
import type { FileContent } from './file-content.ts'
import { lz4Bytes } from './lz4-frames.ts'
import { through } from './through.ts'
import { zstdBytes } from './zstd-frames.ts'

export type Compression = 'none' | 'gzip' | 'zstd' | 'lz4' | 'snappy'

const endings: readonly (readonly [string, Compression])[] = [
  ['.gz', 'gzip'],
  ['.gzip', 'gzip'],
  ['.zst', 'zstd'],
  ['.zstd', 'zstd'],
  ['.lz4', 'lz4'],
  ['.sz', 'snappy'],
  ['.snappy', 'snappy'],
]

export const compressionOf = (name: string, configured: Compression | 'auto'): Compression =>
  configured === 'auto' ? (endings.find(([ending]) => name.toLowerCase().endsWith(ending))?.[1] ?? 'none') : configured

/** The bytes from `start` on, counted after decompression. */
export async function* bytesOf(content: FileContent, compression: Compression, start: number): AsyncGenerator<Buffer, void, void> {
  if (compression === 'none') {
    yield* content.stream(start) as AsyncIterable<Buffer>
    return
  }
  let left = start
  for await (const chunk of decompressed(content, compression)) {
    if (left >= chunk.length) left -= chunk.length
    else {
      yield left > 0 ? chunk.subarray(left) : chunk
      left = 0
    }
  }
}

function decompressed(content: FileContent, compression: Exclude<Compression, 'none'>): AsyncIterable<Buffer> {
  switch (compression) {
    case 'gzip':
      return through(content.stream(0), createGunzip())
    case 'zstd':
      return zstdBytes(content.stream(0) as AsyncIterable<Buffer>)
    case 'lz4':
      return lz4Bytes(content.stream(0) as AsyncIterable<Buffer>)
    case 'snappy':
      return snappyBytes(content.stream(0) as AsyncIterable<Buffer>)
  }
}

/** Snappy's framing format. */
async function* snappyBytes(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const { Decompressor } = await import('snappy')
  const decompressor = new Decompressor()
  for await (const chunk of source) {
    const bytes = decompressor.update(chunk)
    if (bytes.length > 0) yield bytes
  }
  const rest = await decompressor.finish()
  if (rest.length > 0) yield rest
}
