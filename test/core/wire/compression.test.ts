/**
 * Goal: every codec reads what any client writes, and no compressed bytes decompress to more than the limit.
 * Method: round trips of random bytes; the framings of other clients, built by hand; bombs of each kind; random bytes.
 */
import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import lz4Native from 'lz4-napi'
import snappyNative from 'snappy'
import { describe, expect, it } from 'vitest'
import { codecs } from '../../../core/wire/batch-header.ts'
import { compress, decompress } from '../../../core/wire/compression/index.ts'
import { WireError } from '../../../core/wire/reader.ts'

const LIMIT = 1_000_000
const compressing = codecs.filter((codec) => codec !== 'none')
const content = fc.oneof(
  fc.uint8Array({ maxLength: 200_000 }).map((bytes) => Buffer.from(bytes)),
  fc.tuple(fc.string({ minLength: 1 }), fc.nat(30_000)).map(([text, times]) => Buffer.from(text.repeat(times % 5000))),
)

describe.each(compressing)('%s', (codec) => {
  it('decompresses to the original', () => {
    fc.assert(
      fc.property(content, (bytes) => {
        expect(decompress(codec, compress(codec, bytes), LIMIT).equals(bytes)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  it('decompresses inputs of many sizes around its block size', () => {
    for (const size of [0, 1, 32 * 1024 - 1, 32 * 1024, 32 * 1024 + 1, 64 * 1024, 64 * 1024 + 1, 300_000]) {
      const bytes = Buffer.alloc(size, 'the river is calm, ')
      expect(decompress(codec, compress(codec, bytes), LIMIT).equals(bytes)).toBe(true)
    }
  })

  it('rejects what decompresses to more than the limit, and accepts the limit exactly', () => {
    const bomb = compress(codec, Buffer.alloc(20_000_000))
    expect(bomb.length).toBeLessThan(1_500_000)
    expect(() => decompress(codec, bomb, LIMIT)).toThrow(WireError)
    expect(decompress(codec, compress(codec, Buffer.alloc(LIMIT)), LIMIT)).toHaveLength(LIMIT)
    expect(() => decompress(codec, compress(codec, Buffer.alloc(LIMIT + 1)), LIMIT)).toThrow(WireError)
  })

  it('throws nothing but WireError at random bytes and at broken ones', () => {
    const good = compress(codec, Buffer.from('calm, rising, falling, '.repeat(100)))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(), fc.nat(255), (random, position, byte) => {
        const broken = Buffer.from(good)
        broken[position % broken.length] = byte
        for (const bytes of [Buffer.from(random), broken, good.subarray(0, position % good.length)])
          try {
            decompress(codec, bytes, LIMIT)
          } catch (error) {
            expect(error).toBeInstanceOf(WireError)
          }
      }),
      { numRuns: 300 },
    )
  })
})

describe('snappy', () => {
  it('is written as the Java clients write it', () => {
    const framed = compress('snappy', Buffer.alloc(70_000, 'calm'))
    expect(framed.subarray(0, 16).toString('hex')).toBe('82534e41505059000000000100000001')
  })

  it('is read raw, as librdkafka writes it, and from concatenated streams', () => {
    const bytes = Buffer.from('calm, rising, '.repeat(300))
    expect(decompress('snappy', snappyNative.compressSync(bytes), LIMIT).equals(bytes)).toBe(true)
    const joined = Buffer.concat([compress('snappy', bytes), compress('snappy', bytes)])
    expect(decompress('snappy', joined, LIMIT).equals(Buffer.concat([bytes, bytes]))).toBe(true)
  })

  it('rejects a declared size before it allocates memory', () => {
    expect(() => decompress('snappy', Buffer.from('ffffffff0f00', 'hex'), 2 ** 40)).toThrow(/declares 4294967295/)
    const header = compress('snappy', Buffer.alloc(0))
    expect(() => decompress('snappy', Buffer.concat([header, Buffer.from('7fffffff00', 'hex')]), LIMIT)).toThrow(WireError)
  })
})

describe('lz4', () => {
  const bytes = Buffer.from('calm, rising, falling, '.repeat(20_000))
  it('is written in independent blocks, the only kind that Java reads', () => {
    const frame = compress('lz4', bytes)
    expect(frame.readUInt32LE(0)).toBe(0x184d2204)
    expect(frame[4]! & 0x20).toBe(0x20)
  })

  it('is read with checksums of blocks and content', () => {
    const frame = lz4Native.compressFrameSync(bytes, { contentChecksum: true, blockChecksums: true })
    expect(decompress('lz4', frame, LIMIT).equals(bytes)).toBe(true)
  })

  it.each([{}, { contentChecksum: true }])('is refused without the end of its frame, as by Java: %j', (options) => {
    const frame = lz4Native.compressFrameSync(bytes, options)
    const endBytes = options.contentChecksum ? 8 : 4
    for (let cut = 1; cut <= endBytes; cut++) expect(() => decompress('lz4', frame.subarray(0, -cut), LIMIT)).toThrow(WireError)
  })

  it('counts exactly where the maximum block size does not decide', () => {
    const frame = compress('lz4', bytes)
    expect(decompress('lz4', frame, bytes.length).equals(bytes)).toBe(true)
    expect(() => decompress('lz4', frame, bytes.length - 1)).toThrow(/decompress to/)
  })
})

describe('the limit', () => {
  it('applies to concatenated streams', () => {
    const once = gzipSync(Buffer.alloc(600_000))
    expect(() => decompress('gzip', Buffer.concat([once, once]), LIMIT)).toThrow(WireError)
  })

  it('does not accept another format', () => {
    expect(() => decompress('gzip', deflateSync(Buffer.from('x')), LIMIT)).toThrow(WireError)
  })
})
