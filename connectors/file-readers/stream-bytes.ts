/** Bytes of a stream that are asked for by their number. No more is held than what was asked for, and the rest of a chunk. */
export class StreamBytes {
  readonly #source: AsyncIterator<Buffer>
  #buffer: Buffer = Buffer.alloc(0)

  readonly #unit: string

  /** `unit` is what they are parts of: an LZ4 frame. */
  constructor(source: AsyncIterable<Buffer>, unit: string) {
    this.#unit = unit
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Null at the end, where nothing was asked for yet. */
  async take(count: number, mayEnd = false): Promise<Buffer | null> {
    const parts = this.#buffer.length === 0 ? [] : [this.#buffer]
    let length = this.#buffer.length
    while (length < count) {
      const { value, done } = await this.#source.next()
      if (done) {
        if (mayEnd && length === 0) return null
        throw new Error(`it ends in the middle of ${this.#unit}`)
      }
      parts.push(value)
      length += value.length
    }
    if (parts.length > 0) this.#buffer = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    const taken = this.#buffer.subarray(0, count)
    this.#buffer = this.#buffer.subarray(count)
    return taken
  }

  /** Leaves bytes out, however many there are, and holds none of them. */
  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; ) left -= (await this.take(Math.min(left, Math.max(this.#buffer.length, 1))))!.length
  }

  async number(): Promise<number> {
    return (await this.take(4))!.readUInt32LE(0)
  }

  async close(): Promise<void> {
    await this.#source.return?.()
  }
}
