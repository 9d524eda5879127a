/**
 * A growing buffer for Kafka's primitive encodings. Large buffers (record batches) are spliced in without a copy:
 * `chunks()` returns the buffers in order, ready for one corked write.
 */
export class Writer {
  #buffer: Buffer
  #position = 0
  #start = 0
  readonly #chunks: Buffer[] = []
  #chunkBytes = 0
  #sizeBuffer: Buffer | null = null
  #sizeAt = 0
  #sizeFrom = 0

  constructor(capacity = 512) {
    this.#buffer = Buffer.allocUnsafe(capacity)
  }

  get length(): number {
    return this.#chunkBytes + this.#position - this.#start
  }

  #reserve(bytes: number): number {
    const at = this.#position
    if (at + bytes > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max((at - this.#start) * 2, at - this.#start + bytes, 512))
      this.#buffer.copy(larger, 0, this.#start, at)
      if (this.#sizeBuffer === this.#buffer && this.#sizeAt >= this.#start) {
        this.#sizeAt -= this.#start
        this.#sizeBuffer = larger
      }
      this.#buffer = larger
      this.#position = at - this.#start + bytes
      this.#start = 0
      return this.#position - bytes
    }
    this.#position = at + bytes
    return at
  }

  int8(value: number): void {
    const at = this.#reserve(1)
    this.#buffer.writeInt8(value, at)
  }

  int16(value: number): void {
    const at = this.#reserve(2)
    this.#buffer.writeInt16BE(value, at)
  }

  uint16(value: number): void {
    const at = this.#reserve(2)
    this.#buffer.writeUInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.#reserve(4)
    this.#buffer.writeInt32BE(value, at)
  }

  uint32(value: number): void {
    const at = this.#reserve(4)
    this.#buffer.writeUInt32BE(value, at)
  }

  int64(value: number): void {
    const at = this.#reserve(8)
    this.#buffer.writeInt32BE(Math.floor(value / 0x1_0000_0000), at)
    this.#buffer.writeUInt32BE(value >>> 0, at + 4)
  }

  /** The inverse of the reader's: 2^63 and more is Java's Long.MAX_VALUE. */
  roundedInt64(value: number): void {
    if (value < 2 ** 63) {
      this.int64(value)
      return
    }
    this.int32(0x7fff_ffff)
    this.uint32(0xffff_ffff)
  }

  float64(value: number): void {
    const at = this.#reserve(8)
    this.#buffer.writeDoubleBE(value, at)
  }

  bool(value: boolean): void {
    const at = this.#reserve(1)
    this.#buffer[at] = value ? 1 : 0
  }

  uvarint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      const at = this.#reserve(1)
      this.#buffer[at] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    const at = this.#reserve(1)
    this.#buffer[at] = rest
  }

  varint(value: number): void {
    this.uvarint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** Zig-zag of a safe integer; the doubled value may exceed 2^53. */
  varlong(value: number): void {
    if (value >= -0x4000_0000 && value < 0x4000_0000) {
      this.varint(value)
      return
    }
    let rest = value < 0 ? BigInt(value) * -2n - 1n : BigInt(value) * 2n
    while (rest >= 0x80n) {
      const at = this.#reserve(1)
      this.#buffer[at] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    const at = this.#reserve(1)
    this.#buffer[at] = Number(rest)
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length)
    this.#buffer.set(bytes, at)
  }

  utf8(value: string, bytes = Buffer.byteLength(value)): void {
    const at = this.#reserve(bytes)
    this.#buffer.write(value, at, bytes, 'utf8')
  }

  uuid(value: string): void {
    const at = this.#reserve(16)
    if (this.#buffer.write(value, at, 16, 'base64url') !== 16) throw new TypeError(`not an id of 16 bytes: ${value}`)
  }

  /** Reserves an int32 for the number of bytes until `endSized`: a frame's length. It cannot be nested. */
  beginSized(): void {
    const at = this.#reserve(4)
    this.#sizeBuffer = this.#buffer
    this.#sizeAt = at
    this.#sizeFrom = this.length
  }

  endSized(): void {
    this.#sizeBuffer!.writeInt32BE(this.length - this.#sizeFrom, this.#sizeAt)
    this.#sizeBuffer = null
  }

  /** Adds `bytes` without a copy. They must not change until the chunks are sent. */
  splice(bytes: Buffer): void {
    if (bytes.length < 1024) {
      this.raw(bytes)
      return
    }
    if (this.#position > this.#start) {
      this.#chunks.push(this.#buffer.subarray(this.#start, this.#position))
      this.#chunkBytes += this.#position - this.#start
      this.#start = this.#position
    }
    this.#chunks.push(bytes)
    this.#chunkBytes += bytes.length
  }

  /** All buffers in order. The writer must not be used afterwards. */
  chunks(): Buffer[] {
    if (this.#position > this.#start) this.#chunks.push(this.#buffer.subarray(this.#start, this.#position))
    this.#start = this.#position
    return this.#chunks
  }

  /** Everything as one buffer; copies only if buffers were spliced in. */
  bytes(): Buffer {
    const chunks = this.chunks()
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  }
}
