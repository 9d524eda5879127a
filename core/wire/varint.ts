/**
 * Zig-zag varints inside record batches, read without a cursor object: a value is returned, and `varintEnd` is the position after it. For
 * the loops over records, which read several of them for each record.
 */
import { Reader, WireError } from './reader.ts'

/** The position after the value that was read last. */
export let varintEnd = 0

/** A zig-zag int32. */
export function readVarint(bytes: Buffer, position: number): number {
  let at = position
  let raw = 0
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]
    if (byte === undefined) throw new WireError('a varint runs past the end of the batch')
    if (shift === 28 && byte > 0x0f) throw new WireError('varint longer than 32 bits')
    raw |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  varintEnd = at
  return (raw >>> 1) ^ -(raw & 1)
}

/** Bits that the first four bytes of a varlong hold, and those of all its bits that a safe integer may have. */
const LOW_BITS = 28
const SAFE_HIGH = 2 ** (53 - LOW_BITS)

/** A zig-zag int64 that must be a safe integer. */
export function readVarlong(bytes: Buffer, position: number): number {
  let at = position
  let raw = 0
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = bytes[at++]!
    raw |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      varintEnd = at
      return (raw >>> 1) ^ -(raw & 1)
    }
  }
  let high = 0
  for (let shift = 0; shift < LOW_BITS; shift += 7) {
    const byte = bytes[at++]!
    high |= (byte & 0x7f) << shift
    if (byte < 0x80 && high < SAFE_HIGH) {
      varintEnd = at
      const zigzag = raw + high * 2 ** LOW_BITS
      return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
    }
    if (byte < 0x80) break
  }
  const reader = new Reader(bytes, position)
  const value = reader.varlong()
  varintEnd = reader.position
  return value
}
