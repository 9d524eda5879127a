/**
 * Bytes that are gathered in one buffer, which grows with them: many small ones cost no more memory than they have, and keep nothing else
 * in memory that they are parts of.
 */

const FIRST_BYTES = 1024
const NOTHING = Buffer.alloc(0)
/** A character of a string is at most so many bytes of UTF-8. */
const CHAR_BYTES = 3

export class ByteBlock {
  #buffer = NOTHING
  #length = 0

  get length(): number {
    return this.#length
  }

  /** The memory of it. */
  get heldBytes(): number {
    return this.#buffer.length
  }

  addBytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Returns how many bytes it has. */
  addText(text: string): number {
    this.#reserve(text.length * CHAR_BYTES)
    const written = this.#buffer.write(text, this.#length)
    this.#length += written
    return written
  }

  /** All bytes: none are left. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length)
    this.#buffer = NOTHING
    this.#length = 0
    return taken
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    // Of its own, not of the pool, which would stay with it.
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, FIRST_BYTES, 2 * this.#buffer.length))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }
}
