/** A buffer that grows with the record that is written into it, and is used again for the next one: the frame of binary formats. */

const INITIAL_BYTES = 4096
/** A larger buffer is not kept for the next record. */
const MAX_KEPT_BYTES = 1024 * 1024

export abstract class GrowingBuffer {
  protected buffer = Buffer.allocUnsafe(INITIAL_BYTES)
  /** Where the next byte goes. */
  protected at = 0

  /** Begins a record with the bytes before its data. */
  start(prefix: Buffer): void {
    if (this.buffer.length > MAX_KEPT_BYTES) this.buffer = Buffer.allocUnsafe(INITIAL_BYTES)
    this.at = 0
    this.raw(prefix)
  }

  /** A copy of what was written since `start`. */
  finish(): Buffer {
    const bytes = Buffer.allocUnsafe(this.at)
    this.buffer.copy(bytes, 0, 0, this.at)
    return bytes
  }

  protected ensure(bytes: number): void {
    const needed = this.at + bytes
    if (needed <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(larger, 0, 0, this.at)
    this.buffer = larger
  }

  raw(bytes: Uint8Array): void {
    this.ensure(bytes.length)
    this.buffer.set(bytes, this.at)
    this.at += bytes.length
  }

  float(value: number): void {
    this.ensure(4)
    this.at = this.buffer.writeFloatLE(value, this.at)
  }

  double(value: number): void {
    this.ensure(8)
    this.at = this.buffer.writeDoubleLE(value, this.at)
  }
}
