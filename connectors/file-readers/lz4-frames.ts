/**
 * LZ4's frame format: frames of blocks, of which each may refer to the 64 KB before it. A block is decompressed when all of it is there,
 * and no more than one is held.
 */
import { StreamBytes } from './stream-bytes.ts'

const MAGIC = 0x184d2204
const SKIPPABLE = 0x184d2a50
const BLOCK_BYTES: Readonly<Record<number, number>> = { 4: 64 * 1024, 5: 256 * 1024, 6: 1024 * 1024, 7: 4 * 1024 * 1024 }
const DICTIONARY_BYTES = 64 * 1024
const STORED = 0x80000000

export async function* lz4Bytes(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const bytes = new StreamBytes(source, 'an LZ4 frame')
  try {
    for (;;) {
      const magic = (await bytes.take(4, true))?.readUInt32LE(0)
      if (magic === undefined) return
      if (magic === MAGIC) yield* frame(bytes)
      else if ((magic & ~0xf) >>> 0 === SKIPPABLE) await bytes.skip(await bytes.number())
      else throw new Error('it is no LZ4 frame')
    }
  } finally {
    await bytes.close()
  }
}

async function* frame(bytes: StreamBytes): AsyncGenerator<Buffer, void, void> {
  const { uncompressSync } = await import('lz4-napi')
  const [flags, sizes] = (await bytes.take(2))! as unknown as [number, number]
  const has = (bit: number) => (flags & (1 << bit)) !== 0
  if (flags >> 6 !== 1) throw new Error('its LZ4 frame has another version')
  const maxBytes = BLOCK_BYTES[(sizes >> 4) & 7]
  if (!maxBytes) throw new Error('its LZ4 frame has blocks of no valid size')
  if (has(0)) throw new Error('its LZ4 frame needs a dictionary')
  // The size of the content, and the checksum of the header.
  await bytes.take((has(3) ? 8 : 0) + 1)
  let dictionary: Buffer = Buffer.alloc(0)
  for (;;) {
    const size = await bytes.number()
    if (size === 0) break
    const length = size & ~STORED
    if (length > maxBytes) throw new Error('its LZ4 frame has a block that is larger than the frame allows')
    const block = (await bytes.take(length))!
    if (has(4)) await bytes.take(4)
    const content = (size & STORED) !== 0 ? Buffer.from(block) : uncompressSync(sized(block, maxBytes), has(5) ? undefined : dictionary)
    yield content
    if (!has(5)) dictionary = Buffer.concat([dictionary, content]).subarray(-DICTIONARY_BYTES)
  }
  if (has(2)) await bytes.take(4)
}

/** The library wants the size of the content before a block; it is at most that. */
function sized(block: Buffer, maxBytes: number): Buffer {
  const input = Buffer.allocUnsafe(block.length + 4)
  input.writeUInt32LE(maxBytes, 0)
  block.copy(input, 4)
  return input
}
