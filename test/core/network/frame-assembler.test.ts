/**
 * Goal: the frames do not depend on the chunks, and an invalid length allocates no memory. Method: streams of random frames cut at random
 * positions; lengths at the limits.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameAssembler, type FrameLimits } from '../../../core/network/frame-assembler.ts'
import { limits } from '../../../core/network/limits.ts'
import { WireError } from '../../../core/wire/reader.ts'

const limitsOf = (maxBytes: number): FrameLimits => ({
  ...{ minBytes: 8, maxBytes, maxSetting: 'socket.request.max.bytes' },
  eagerBytes: limits.eagerFrameBytes,
})

const framed = (payload: Buffer) => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(payload.length)
  return Buffer.concat([length, payload])
}

test('frames do not depend on how the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 8, maxLength: 300 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 400 })),
      (payloads, cuts) => {
        const frames = payloads.map((payload) => Buffer.from(payload))
        const stream = Buffer.concat(frames.map(framed))
        const assembler = new FrameAssembler(limitsOf(1000))
        const got: Buffer[] = []
        let at = 0
        for (let i = 0; at < stream.length; i++) {
          const end = Math.min(stream.length, at + (cuts[i % Math.max(1, cuts.length)] ?? 7))
          assembler.push(stream.subarray(at, end), (frame) => got.push(Buffer.from(frame)))
          at = end
        }
        expect(got).toEqual(frames)
      },
    ),
  )
})

test('a frame inside a chunk is a view of it', () => {
  const chunk = Buffer.concat([framed(Buffer.from('12345678')), framed(Buffer.from('abcdefgh'))])
  const frames: Buffer[] = []
  new FrameAssembler(limitsOf(100)).push(chunk, (frame) => frames.push(frame))
  expect(frames.map(String)).toEqual(['12345678', 'abcdefgh'])
  for (const frame of frames) expect(frame.buffer).toBe(chunk.buffer)
})

test('a large frame gets its memory as its bytes arrive', () => {
  const size = 4 * limits.eagerFrameBytes
  const assembler = new FrameAssembler(limitsOf(size))
  const before = process.memoryUsage().arrayBuffers
  const length = Buffer.alloc(4)
  length.writeInt32BE(size)
  assembler.push(length, () => {})
  assembler.push(Buffer.alloc(10), () => {})
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * limits.eagerFrameBytes)
  let got: Buffer | undefined
  const rest = Buffer.alloc(size - 10, 7)
  assembler.push(rest, (frame) => {
    got = frame
  })
  expect(got?.length).toBe(size)
  expect(got?.[9]).toBe(0)
  expect(got?.[10]).toBe(7)
  expect(got?.[size - 1]).toBe(7)
})

test.each([-1, -(2 ** 31), 0, 1, 7, 1001, 2 ** 31 - 1, 0x47455420])('a length of %i is rejected', (size) => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(size)
  expect(() => new FrameAssembler(limitsOf(1000)).push(length, () => {})).toThrow(WireError)
})
