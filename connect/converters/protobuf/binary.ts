/**
 * Protobuf's wire format: fields into a buffer that grows and is used again, and fields out of the bytes of a record. Lengths are checked
 * before anything is read.
 */
import { DataError } from '../../sdk/index.ts'

const INITIAL_BYTES = 4096
/** A larger buffer is not kept for the next record. */
const MAX_KEPT_BYTES = 1024 * 1024

export const VARINT = 0
export const FIXED64 = 1
export const LENGTH = 2
const START_GROUP = 3
const END_GROUP = 4
export const FIXED32 = 5

/** How deep groups may be nested that are skipped (Invariant 13). */
const MAX_GROUPS = 100

export class MessageWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES)
  #at = 0

  /** Begins a record with the bytes before its data. */
  start(prefix: Buffer): void {
    if (this.#buffer.length > MAX_KEPT_BYTES) this.#buffer = Buffer.allocUnsafe(INITIAL_BYTES)
    this.#at = 0
    this.#ensure(prefix.length)
    this.#buffer.set(prefix, 0)
    this.#at = prefix.length
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

  /** A number that is not negative, and safe. */
  unsigned(value: number): void {
    this.#ensure(10)
    let left = value
    while (left > 0x7f) {
      this.#buffer[this.#at++] = (left % 128) | 0x80
      left = Math.floor(left / 128)
    }
    this.#buffer[this.#at++] = left
  }

  /** A number of 64 bits; a negative one has ten bytes. */
  varint(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0) {
      this.unsigned(value)
      return
    }
    this.#ensure(10)
    let left = BigInt.asUintN(64, BigInt(value))
    while (left > 0x7fn) {
      this.#buffer[this.#at++] = Number(left & 0x7fn) | 0x80
      left >>= 7n
    }
    this.#buffer[this.#at++] = Number(left)
  }

  zigzag(value: number | bigint): void {
    const big = BigInt(value)
    this.varint((big << 1n) ^ (big >> 63n))
  }

  fixed32(value: number): void {
    this.#ensure(4)
    this.#at = this.#buffer.writeInt32LE(value | 0, this.#at)
  }

  fixed64(value: number | bigint): void {
    this.#ensure(8)
    this.#at = this.#buffer.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)), this.#at)
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
    this.unsigned(value.length)
    this.#ensure(value.length)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }

  text(value: string): void {
    const size = Buffer.byteLength(value)
    this.unsigned(size)
    this.#ensure(size)
    this.#at += this.#buffer.write(value, this.#at, size)
  }

  /** Begins what has its length before it; `close` gets what this returns. */
  open(): number {
    this.#ensure(1)
    return this.#at++
  }

  close(start: number): void {
    const size = this.#at - start - 1
    let lengthBytes = 1
    for (let left = size; left > 0x7f; left = Math.floor(left / 128)) lengthBytes++
    // One byte was left for the length: a longer one moves what was written.
    if (lengthBytes > 1) {
      this.#ensure(lengthBytes)
      this.#buffer.copyWithin(start + lengthBytes, start + 1, this.#at)
    }
    this.#at = start
    this.unsigned(size)
    this.#at += size
  }
}

const tooShort = () => new DataError('the data of the record is shorter than its fields')

export class MessageReader {
  #buffer: Buffer = Buffer.alloc(0)
  #at = 0
  #end = 0

  start(bytes: Buffer, offset: number): void {
    this.#buffer = bytes
    this.#at = offset
    this.#end = bytes.length
  }

  get hasMore(): boolean {
    return this.#at < this.#end
  }

  /** A number of up to 32 bits: a tag or a length. */
  unsigned(): number {
    let value = 0
    let factor = 1
    for (let count = 0; count < 5; count++) {
      if (this.#at >= this.#end) throw tooShort()
      const byte = this.#buffer[this.#at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    throw new DataError('a tag or a length in the record has more than 32 bits')
  }

  /** A number of 64 bits without a sign; a bigint where it is not safe. */
  varint(): number | bigint {
    let value = 0
    let factor = 1
    const start = this.#at
    for (let count = 0; count < 10; count++) {
      if (this.#at >= this.#end) throw tooShort()
      const byte = this.#buffer[this.#at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return count < 7 ? value : this.#big(start)
      factor *= 128
    }
    throw new DataError('a number in the record is longer than 64 bits')
  }

  #big(start: number): number | bigint {
    let value = 0n
    for (let at = this.#at - 1; at >= start; at--) value = (value << 7n) | BigInt(this.#buffer[at]! & 0x7f)
    return number(BigInt.asUintN(64, value))
  }

  signed(): number | bigint {
    const value = this.varint()
    return typeof value === 'number' ? value : number(BigInt.asIntN(64, value))
  }

  int32(): number {
    const value = this.varint()
    return typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value))
  }

  zigzag(): number | bigint {
    const value = this.varint()
    if (typeof value === 'number') return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    return number((value >> 1n) ^ -(value & 1n))
  }

  #fixed(size: number): number {
    const at = this.#at
    if (this.#end - at < size) throw tooShort()
    this.#at = at + size
    return at
  }

  fixed32(): number {
    return this.#buffer.readUInt32LE(this.#fixed(4))
  }

  sfixed32(): number {
    return this.#buffer.readInt32LE(this.#fixed(4))
  }

  fixed64(): number | bigint {
    return number(this.#buffer.readBigUInt64LE(this.#fixed(8)))
  }

  sfixed64(): number | bigint {
    return number(this.#buffer.readBigInt64LE(this.#fixed(8)))
  }

  float(): number {
    return this.#buffer.readFloatLE(this.#fixed(4))
  }

  double(): number {
    return this.#buffer.readDoubleLE(this.#fixed(8))
  }

  bytes(): Buffer {
    const size = this.unsigned()
    const at = this.#fixed(size)
    return this.#buffer.subarray(at, at + size)
  }

  text(): string {
    const size = this.unsigned()
    const at = this.#fixed(size)
    return this.#buffer.toString('utf8', at, at + size)
  }

  /** Reads only what has its length before it; `leave` gets what this returns. */
  enter(): number {
    const size = this.unsigned()
    if (this.#end - this.#at < size) throw tooShort()
    const outer = this.#end
    this.#end = this.#at + size
    return outer
  }

  leave(outer: number): void {
    this.#at = this.#end
    this.#end = outer
  }

  /** The value of a field that is not known. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case VARINT:
        this.varint()
        return
      case FIXED64:
        this.#fixed(8)
        return
      case LENGTH:
        this.#fixed(this.unsigned())
        return
      case FIXED32:
        this.#fixed(4)
        return
      case START_GROUP:
        if (depth > MAX_GROUPS) throw new DataError(`groups nested deeper than ${MAX_GROUPS}`)
        for (;;) {
          const next = this.unsigned()
          if ((next & 7) === END_GROUP) return
          this.skip(next, depth + 1)
        }
    }
    throw new DataError(`the record has a field of the wire type ${tag & 7}, which Protobuf does not have`)
  }
}

function number(value: bigint): number | bigint {
  const safe = Number(value)
  return Number.isSafeInteger(safe) ? safe : value
}
