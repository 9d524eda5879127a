/**
 * The codecs of record batches. Every decompression is bounded, and the bound is checked before memory is allocated where the bytes declare
 * their size, so that a few bytes from the network cannot become gigabytes (Invariant 13). Native codecs are loaded at their first use.
 * All functions are synchronous: a batch costs less than the round trip to a worker thread.
 */
import type { CodecName } from '../batch-header.ts'
import { limits } from '../limits.ts'
import { gzip } from './gzip.ts'
import { lz4 } from './lz4.ts'
import { snappy } from './snappy.ts'
import { zstd } from './zstd.ts'

export interface BlockCodec {
  compress(bytes: Buffer): Buffer
  /** Throws WireError where the bytes are not of this codec, or decompress to more than `limitBytes`. */
  decompress(bytes: Buffer, limitBytes: number): Buffer
}

const none: BlockCodec = { compress: (bytes) => bytes, decompress: (bytes) => bytes }
const codecs: Readonly<Record<CodecName, BlockCodec>> = { none, gzip, snappy, lz4, zstd }

export const compress = (codec: CodecName, bytes: Buffer): Buffer => codecs[codec].compress(bytes)

export const decompress = (codec: CodecName, bytes: Buffer, limitBytes: number = limits.decompressedBytes): Buffer =>
  codecs[codec].decompress(bytes, limitBytes)
