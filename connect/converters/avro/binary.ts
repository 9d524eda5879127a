/**
 * Avro's binary encoding: bytes into a buffer that grows and is used again, and values out of the bytes of a record. What a record may
 * make the reader allocate is bounded by its own size.
 */
import { DataError } from '../../sdk/index.ts'

const INITIAL_BYTES = 4096
/** A larger buffer is not kept for the next record. */
const MAX_KEPT_BYTES = 1024 * 1024
/** Elements without bytes that one record may have (Invariant 13). */
const MAX_EMPTY_ITEMS = 100_000
/** Longer texts are written by Node. */
const SHORT_TEXT = 48
const MAX_DOUBLED = 2 ** 52

export class AvroWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES)
  #at = 0

  /** Begins a record with the bytes before its data. */
  start(prefix: Buffer): void {
    if (this.#buffer.length > MAX_KEPT_BYTES) this.#buffer = Buffer.allocUnsafe(INITIAL_BYTES)
    this.#at = 0
    this.raw(prefix)
  }

  /** A copy of what was written since `start`. */
  finish(): Buffer {
    const bytes = Buffer.allocUnsafe(this.#at)
    this.#buffer.copy(bytes, 0, 0, this.#at)
    return bytes
  }

  #ensure(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }

  raw(bytes: Uint8Array): void {
    this.#ensure(bytes.length)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
  }

  byte(value: number): void {
    this.#ensure(1)
    this.#buffer[this.#at++] = value
  }

  /** An int or a long. */
  long(value: number | bigint): void {
    this.#ensure(10)
    if (typeof value === 'number' && value >= -0x40000000 && value < 0x40000000) {
      let zigzag = (value << 1) ^ (value >> 31)
      while (zigzag > 0x7f) {
        this.#buffer[this.#at++] = (zigzag & 0x7f) | 0x80
        zigzag >>>= 7
      }
      this.#buffer[this.#at++] = zigzag
      return
    }
    if (typeof value === 'number' && Math.abs(value) < MAX_DOUBLED) {
      let zigzag = value >= 0 ? value * 2 : value * -2 - 1
      while (zigzag > 0x7f) {
        this.#buffer[this.#at++] = (zigzag % 128) | 0x80
        zigzag = Math.floor(zigzag / 128)
      }
      this.#buffer[this.#at++] = zigzag
      return
    }
    const big = BigInt(value)
    let zigzag = BigInt.asUintN(64, (big << 1n) ^ (big >> 63n))
    while (zigzag > 0x7fn) {
      this.#buffer[this.#at++] = Number(zigzag & 0x7fn) | 0x80
      zigzag >>= 7n
    }
    this.#buffer[this.#at++] = Number(zigzag)
  }

  float(value: number): void {
    this.#ensure(4)
    this.#at = this.#buffer.writeFloatLE(value, this.#at)
  }

  double(value: number): void {
    this.#ensure(8)
    this.#at = this.#buffer.writeDoubleLE(value, this.#at)
  }

  bytes(value: Uint8Array): void {
    this.long(value.length)
    this.raw(value)
  }

  text(value: string): void {
    const { length } = value
    if (length <= SHORT_TEXT && this.#ascii(value)) return
    const size = Buffer.byteLength(value)
    this.long(size)
    this.#ensure(size)
    this.#at += this.#buffer.write(value, this.#at, size)
  }

  /** A short text of ASCII alone; false where it is none. */
  #ascii(value: string): boolean {
    const { length } = value
    this.#ensure(length + 1)
    const buffer = this.#buffer
    const start = this.#at
    // The length of a short text has one byte.
    let at = start + 1
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index)
      if (code > 0x7f) return false
      buffer[at++] = code
    }
    buffer[start] = length * 2
    this.#at = at
    return true
  }
}

const tooShort = () => new DataError('the data of the record is shorter than its schema')

export class AvroReader {
  #buffer: Buffer = Buffer.alloc(0)
  #at = 0
  #empty = 0

  start(bytes: Buffer, offset: number): void {
    this.#buffer = bytes
    this.#at = offset
    this.#empty = 0
  }

  /** Nothing of the record is kept after it was read. */
  get left(): number {
    return this.#buffer.length - this.#at
  }

  byte(): number {
    if (this.#at >= this.#buffer.length) throw tooShort()
    return this.#buffer[this.#at++]!
  }

  /** An int, and a long where it is a safe number. */
  long(): number | bigint {
    const buffer = this.#buffer
    let at = this.#at
    let value = 0
    // Four bytes fit into the bits that a number has for bitwise operators.
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = buffer[at++]
      if (byte === undefined) throw tooShort()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.#at = at
        return (value >>> 1) ^ -(value & 1)
      }
    }
    let high = 0
    let factor = 1
    for (let count = 4; count < 10; count++) {
      const byte = buffer[at++]
      if (byte === undefined) throw tooShort()
      if (count === 9 && byte > 1) throw new DataError('a number in the record is longer than 64 bits')
      // The tenth byte has one bit, beyond what a safe number has: those are read again, exactly.
      high += (byte & 0x7f) * factor
      factor *= 128
      if (byte < 0x80) {
        if (high >= 2 ** 24) return this.#bigLong(at)
        this.#at = at
        const unsigned = high * 0x10000000 + value
        return unsigned % 2 === 0 ? unsigned / 2 : -(unsigned + 1) / 2
      }
    }
    throw new DataError('a number in the record is longer than 64 bits')
  }

  #bigLong(end: number): number | bigint {
    let unsigned = 0n
    for (let at = end - 1; at >= this.#at; at--) unsigned = (unsigned << 7n) | BigInt(this.#buffer[at]! & 0x7f)
    this.#at = end
    const value = (unsigned >> 1n) ^ -(unsigned & 1n)
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }

  int(): number {
    return Number(this.long()) | 0
  }

  /** A length in bytes, which the record has. */
  size(): number {
    const size = this.long()
    if (typeof size === 'bigint' || size < 0 || size > this.left) throw tooShort()
    return size
  }

  /**
   * The number of elements of a block; 0 at the end. Each has bytes, or they are few: `itemBytes` are those that an element has at the
   * least.
   */
  block(itemBytes: number): number {
    let count = this.long()
    if (count < 0) {
      count = -count
      this.long()
    }
    if (typeof count === 'bigint' || (itemBytes > 0 && count * itemBytes > this.left)) throw tooShort()
    if (itemBytes === 0) {
      this.#empty += count
      if (this.#empty > MAX_EMPTY_ITEMS) throw new DataError(`a record with more than ${MAX_EMPTY_ITEMS} elements without data`)
    }
    return count
  }

  float(): number {
    if (this.left < 4) throw tooShort()
    const value = this.#buffer.readFloatLE(this.#at)
    this.#at += 4
    return value
  }

  double(): number {
    if (this.left < 8) throw tooShort()
    const value = this.#buffer.readDoubleLE(this.#at)
    this.#at += 8
    return value
  }

  raw(size: number): Buffer {
    if (size > this.left) throw tooShort()
    const bytes = this.#buffer.subarray(this.#at, this.#at + size)
    this.#at += size
    return bytes
  }

  text(): string {
    const size = this.size()
    const start = this.#at
    this.#at = start + size
    return this.#buffer.toString('utf8', start, this.#at)
  }
}
