/**
 * Zstandard's frames (RFC 8878), one after the other: Node decompresses one and leaves out what follows, so their ends are found here. The
 * file is read once, however many frames it has.
 */
import { Readable } from 'node:stream'
import { createZstdDecompress } from 'node:zlib'
import { StreamBytes } from './stream-bytes.ts'
import { through } from './through.ts'

const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a50
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const
const BLOCK_HEADER_BYTES = 3
const RLE = 1
const RESERVED = 3
const CHECKSUM_BYTES = 4

export async function* zstdBytes(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const bytes = new StreamBytes(source, 'a zstd frame')
  try {
    for (;;) {
      const magic = await bytes.take(4, true)
      if (!magic) return
      const number = magic.readUInt32LE(0)
      if (number === MAGIC)
        yield* through(Readable.from(frame(magic, bytes), { objectMode: false }), createZstdDecompress()) as AsyncIterable<Buffer>
      else if ((number & ~0xf) >>> 0 === SKIPPABLE) await bytes.skip(await bytes.number())
      else throw new Error('it is no zstd')
    }
  } finally {
    await bytes.close()
  }
}

/** The bytes of one frame, a block at a time. */
async function* frame(magic: Buffer, bytes: StreamBytes): AsyncGenerator<Buffer, void, void> {
  const descriptor = (await bytes.take(1))!
  const flags = descriptor[0]!
  const isSingleSegment = (flags & 0x20) !== 0
  const sizeBytes = CONTENT_SIZE_BYTES[(flags >> 6) as 0 | 1 | 2 | 3] || (isSingleSegment ? 1 : 0)
  const headerBytes = (isSingleSegment ? 0 : 1) + DICTIONARY_ID_BYTES[(flags & 3) as 0 | 1 | 2 | 3] + sizeBytes
  yield Buffer.concat([magic, descriptor, (await bytes.take(headerBytes))!])
  for (let isLast = false; !isLast; ) {
    const header = (await bytes.take(BLOCK_HEADER_BYTES))!
    yield header
    const fields = header.readUIntLE(0, BLOCK_HEADER_BYTES)
    isLast = (fields & 1) !== 0
    const type = (fields >> 1) & 3
    if (type === RESERVED) throw new Error('its zstd frame has a block of no valid type')
    const length = type === RLE ? 1 : fields >> 3
    if (length > 0) yield (await bytes.take(length))!
  }
  if ((flags & 4) !== 0) yield (await bytes.take(CHECKSUM_BYTES))!
}
