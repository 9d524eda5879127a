/**
 * A cursor over received bytes. It reads Kafka's primitive encodings (big endian; unsigned LEB128 for `uvarint`; zig-zag for `varint`
 * and `varlong`), never past the end, and allocates memory only for bytes that are present.
 * Every failure is a `WireError`: the received bytes violate the protocol.
 */
import { limits } from './limits.ts'

export class WireError extends Error {
  override name = 'WireError'
}

const TWO_32 = 0x1_0000_0000

export class Reader {
  readonly buffer: Buffer
  readonly end: number
  position: number
  /** Elements of all arrays so far, and their limit: each needs many times the memory of its bytes. */
  elements = 0
  maxElements = Number.POSITIVE_INFINITY

  constructor(buffer: Buffer, position = 0, end = buffer.length) {
    this.buffer = buffer
    this.position = position
    this.end = end
  }

  get remaining(): number {
    return this.end - this.position
  }

  /** Moves past `length` bytes and returns the position of the first. */
  skip(length: number): number {
    const at = this.position
    if (length < 0 || length > this.end - at) throw new WireError(`${length} bytes needed at ${at}, ${this.end - at} left`)
    this.position = at + length
    return at
  }

  int8(): number {
    return this.buffer.readInt8(this.skip(1))
  }

  int16(): number {
    return this.buffer.readInt16BE(this.skip(2))
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.skip(2))
  }

  int32(): number {
    return this.buffer.readInt32BE(this.skip(4))
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.skip(4))
  }

  /** An int64 that must be a safe integer: an offset, an id, a time. */
  int64(): number {
    const at = this.skip(8)
    const value = this.buffer.readInt32BE(at) * TWO_32 + this.buffer.readUInt32BE(at + 4)
    if (!Number.isSafeInteger(value)) throw new WireError(`int64 at ${at} is outside the safe range`)
    return value
  }

  /** An int64, or the safe integer nearest to it. */
  nearestInt64(): number {
    const at = this.skip(8)
    const value = this.buffer.readInt32BE(at) * TWO_32 + this.buffer.readUInt32BE(at + 4)
    return Math.max(Number.MIN_SAFE_INTEGER, Math.min(value, Number.MAX_SAFE_INTEGER))
  }

  /** An int64 as the nearest double: beyond the safe integers it is rounded, and Java's Long.MAX_VALUE is 2^63. */
  roundedInt64(): number {
    const at = this.skip(8)
    return this.buffer.readInt32BE(at) * TWO_32 + this.buffer.readUInt32BE(at + 4)
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.skip(8))
  }

  bool(): boolean {
    return this.buffer[this.skip(1)] !== 0
  }

  uvarint(): number {
    let value = 0
    let shift = 0
    for (;;) {
      const byte = this.buffer[this.skip(1)]!
      if (shift === 28 && byte > 0x0f) throw new WireError('uvarint longer than 32 bits')
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
      shift += 7
    }
  }

  varint(): number {
    const raw = this.uvarint()
    return (raw >>> 1) ^ -(raw & 1)
  }

  /** A zig-zag int64 that must be a safe integer. */
  varlong(): number {
    let low = 0
    let high = 0
    for (let index = 0; ; index++) {
      const byte = this.buffer[this.skip(1)]!
      if (index === 9 && byte > 1) throw new WireError('varlong longer than 64 bits')
      const bits = byte & 0x7f
      if (index < 4) low += bits * 2 ** (7 * index)
      else if (index === 4) {
        low += (bits & 0x0f) * 2 ** 28
        high = bits >>> 4
      } else high += bits * 2 ** (7 * index - 32)
      if (byte < 0x80) break
    }
    const negative = low % 2 === 1
    const half = high * 2 ** 31 + Math.floor(low / 2)
    const value = negative ? -half - 1 : half
    if (!Number.isSafeInteger(value)) throw new WireError('varlong is outside the safe range')
    return value
  }

  /** A view of `length` bytes: no copy. */
  raw(length: number): Buffer {
    const at = this.skip(length)
    return this.buffer.subarray(at, at + length)
  }

  utf8(length: number): string {
    const at = this.skip(length)
    return this.buffer.toString('utf8', at, at + length)
  }

  /** Sixteen bytes as Kafka prints a Uuid: 22 characters of base64url. */
  uuid(): string {
    const at = this.skip(16)
    return this.buffer.toString('base64url', at, at + 16)
  }

  /** Checks a declared element count against the limits and the remaining bytes. Invariant 13. */
  count(declared: number): number {
    if (declared > limits.arrayElements) throw new WireError(`array of ${declared} elements, the limit is ${limits.arrayElements}`)
    if (declared > this.remaining) throw new WireError(`array of ${declared} elements in ${this.remaining} bytes`)
    this.elements += declared
    if (this.elements > this.maxElements) throw new WireError(`arrays of ${this.elements} elements, the limit is ${this.maxElements}`)
    return declared
  }
}
