/**
 * Goal: zstd of many frames is read to its end, and from the store once. Method: contents that count what is fetched of them.
 */
import { Readable } from 'node:stream'
import { zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { bytesOf } from '../../../connectors/file-readers/decompression.ts'
import type { FileContent } from '../../../connectors/file-readers/file-content.ts'

/** In pieces of a size, as a store sends them. */
function counted(bytes: Buffer, pieceBytes: number) {
  const counts = { fetched: 0 }
  const content: FileContent = {
    sizeBytes: bytes.length,
    stream: (start) =>
      Readable.from(
        (function* () {
          for (let at = start; at < bytes.length; at += pieceBytes) {
            const piece = bytes.subarray(at, at + pieceBytes)
            counts.fetched += piece.length
            yield piece
          }
        })(),
        { objectMode: false },
      ),
    range: () => Promise.reject(new Error('no range is read')),
    close: async () => {},
  }
  return { content, counts }
}

async function text(content: FileContent, start = 0): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of bytesOf(content, 'zstd', start)) parts.push(part)
  return Buffer.concat(parts).toString()
}

const lines = Array.from({ length: 300 }, (_, at) => `line ${at} ${'x'.repeat(at)}\n`)
const frames = Buffer.concat(lines.map((line) => zstdCompressSync(line)))

test.each([1, 7, 1000, frames.length])('an object of many frames is fetched once, in pieces of %i bytes', async (pieceBytes) => {
  const { content, counts } = counted(frames, pieceBytes)
  expect(await text(content)).toBe(lines.join(''))
  expect(counts.fetched).toBe(frames.length)
})

test('frames with other contents, of more than one block, and skippable ones are read', async () => {
  const large = Buffer.alloc(1_000_000, 'abc')
  const random = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 2_654_435_761) % 251))
  const skippable = Buffer.from([0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9])
  const parts = [large, Buffer.alloc(0), random]
  const { content } = counted(Buffer.concat([skippable, ...parts.map((part) => zstdCompressSync(part)), skippable]), 10_000)
  expect(await text(content)).toBe(Buffer.concat(parts).toString())
})

test('reading goes on in the middle', async () => {
  expect(await text(counted(frames, 1000).content, lines.slice(0, 200).join('').length)).toBe(lines.slice(200).join(''))
})

test.each([
  ['is cut off', frames.subarray(0, -3), 'it ends in the middle of a zstd frame'],
  ['has something else behind a frame', Buffer.concat([frames, Buffer.from('else')]), 'it is no zstd'],
])('an object that %s is an error', async (_what, bytes, message) => {
  await expect(text(counted(bytes, 1000).content)).rejects.toThrow(message)
})
