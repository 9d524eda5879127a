/**
 * Cuts a stream of chunks into frames: an int32 length, then as many bytes. A frame that lies wholly inside a chunk is a view of it; another
 * is copied once, into memory of its own. Pure: no socket. A length that no request can have throws before memory is taken (Invariant 13).
 */
import { WireError } from '../wire/reader.ts'
import { limits } from './limits.ts'

/** Key, version and correlation id. */
const LEAST_FRAME = 8
const NOTHING = Buffer.alloc(0)

/** What other protocols say first, for a log line that tells what happened. */
function guess(length: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(length)
  if (bytes[0] === 0x16 && bytes[1] === 0x03) return ' (a TLS handshake on a PLAINTEXT listener?)'
  if (/^(GET |POST|PUT |HEAD|OPTI|PATC|DELE)/.test(bytes.toString('latin1'))) return ' (an HTTP request on a Kafka listener?)'
  return ''
}

export class FrameAssembler {
  readonly #maxBytes: number
  readonly #length = Buffer.alloc(4)
  #lengthBytes = 0
  /** The frame under way: `#filled` of `#size` bytes are there. */
  #frame: Buffer = NOTHING
  #size = -1
  #filled = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** True while a part of a frame has come and the rest has not. */
  get isPartial(): boolean {
    return this.#size >= 0 || this.#lengthBytes > 0
  }

  /** Gives every frame that `chunk` completes to `take`. Throws WireError. */
  push(chunk: Buffer, take: (frame: Buffer) => void): void {
    let at = 0
    if (this.#size >= 0) at = this.#fill(chunk, 0, take)
    while (at < chunk.length) {
      if (this.#lengthBytes > 0 || chunk.length - at < 4) {
        while (this.#lengthBytes < 4 && at < chunk.length) this.#length[this.#lengthBytes++] = chunk[at++]!
        if (this.#lengthBytes < 4) return
        this.#lengthBytes = 0
        at = this.#begin(this.#length.readInt32BE(0), chunk, at, take)
      } else {
        at = this.#begin(chunk.readInt32BE(at), chunk, at + 4, take)
      }
    }
  }

  #begin(size: number, chunk: Buffer, at: number, take: (frame: Buffer) => void): number {
    if (size < LEAST_FRAME || size > this.#maxBytes)
      throw new WireError(
        `a request of ${size} bytes, the limits are ${LEAST_FRAME} and ${this.#maxBytes} (socket.request.max.bytes)${guess(size)}`,
      )
    if (chunk.length - at >= size) {
      take(chunk.subarray(at, at + size))
      return at + size
    }
    this.#size = size
    this.#filled = 0
    this.#frame = Buffer.allocUnsafeSlow(Math.min(size, limits.eagerFrameBytes))
    return this.#fill(chunk, at, take)
  }

  #fill(chunk: Buffer, at: number, take: (frame: Buffer) => void): number {
    const bytes = Math.min(chunk.length - at, this.#size - this.#filled)
    if (this.#filled + bytes > this.#frame.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#size, Math.max(this.#frame.length * 2, this.#filled + bytes)))
      this.#frame.copy(grown, 0, 0, this.#filled)
      this.#frame = grown
    }
    chunk.copy(this.#frame, this.#filled, at, at + bytes)
    this.#filled += bytes
    if (this.#filled === this.#size) {
      const frame = this.#frame
      this.#frame = NOTHING
      this.#size = -1
      take(frame)
    }
    return at + bytes
  }
}
