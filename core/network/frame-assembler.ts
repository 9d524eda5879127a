/**
 * Splits a stream of chunks into frames: an int32 length, then as many bytes. A frame that lies within one chunk is a view of it; any other
 * is copied once, into memory of its own. Pure: no socket. An invalid length throws before memory is allocated (Invariant 13).
 */
import { WireError } from '../wire/reader.ts'

/** API key, version and correlation id. */
export const MIN_FRAME_BYTES = 8
const EMPTY = Buffer.alloc(0)

/** Recognizes the first bytes of other protocols, for a log line that an operator can act on. */
function protocolHint(length: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(length)
  if (bytes[0] === 0x16 && bytes[1] === 0x03)
    return ': a TLS handshake on a listener without TLS. Set security.protocol of the client to that of the listener, or connect to one with SSL'
  if (/^(GET |POST|PUT |HEAD|OPTI|PATC|DELE)/.test(bytes.toString('latin1'))) return ' (an HTTP request on a Kafka listener?)'
  return ''
}

export interface FrameLimits {
  readonly minBytes: number
  readonly maxBytes: number
  /** The setting of `maxBytes`. */
  readonly maxSetting: string
  /** A frame up to this size gets its memory at once, a larger one as its bytes arrive: a length alone allocates nothing. */
  readonly eagerBytes: number
}

export class FrameAssembler {
  /** Of the frames that follow. */
  limits: FrameLimits
  readonly #length = Buffer.alloc(4)
  #lengthBytes = 0
  /** The incomplete frame: `#filled` of `#size` bytes are received. */
  #frame: Buffer = EMPTY
  #size = -1
  #filled = 0

  constructor(limits: FrameLimits) {
    this.limits = limits
  }

  /** Memory of the incomplete frame. */
  get heldBytes(): number {
    return this.#frame.length
  }

  /** Bytes of it that are received. */
  get receivedBytes(): number {
    return this.#size < 0 ? 0 : this.#filled
  }

  /** Calls `onFrame` with every frame that `chunk` completes. Throws WireError. */
  push(chunk: Buffer, onFrame: (frame: Buffer) => void): void {
    let at = 0
    if (this.#size >= 0) at = this.#fill(chunk, 0, onFrame)
    while (at < chunk.length) {
      if (this.#lengthBytes > 0 || chunk.length - at < 4) {
        while (this.#lengthBytes < 4 && at < chunk.length) this.#length[this.#lengthBytes++] = chunk[at++]!
        if (this.#lengthBytes < 4) return
        this.#lengthBytes = 0
        at = this.#begin(this.#length.readInt32BE(0), chunk, at, onFrame)
      } else {
        at = this.#begin(chunk.readInt32BE(at), chunk, at + 4, onFrame)
      }
    }
  }

  #begin(size: number, chunk: Buffer, at: number, onFrame: (frame: Buffer) => void): number {
    const { minBytes, maxBytes, maxSetting, eagerBytes } = this.limits
    if (size < minBytes || size > maxBytes)
      throw new WireError(`a request of ${size} bytes, the limits are ${minBytes} and ${maxBytes} (${maxSetting})${protocolHint(size)}`)
    if (chunk.length - at >= size) {
      onFrame(chunk.subarray(at, at + size))
      return at + size
    }
    this.#size = size
    this.#filled = 0
    this.#frame = Buffer.allocUnsafeSlow(Math.min(size, eagerBytes))
    return this.#fill(chunk, at, onFrame)
  }

  #fill(chunk: Buffer, at: number, onFrame: (frame: Buffer) => void): number {
    const bytes = Math.min(chunk.length - at, this.#size - this.#filled)
    if (this.#filled + bytes > this.#frame.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(this.#size, Math.max(this.#frame.length * 2, this.#filled + bytes)))
      this.#frame.copy(larger, 0, 0, this.#filled)
      this.#frame = larger
    }
    chunk.copy(this.#frame, this.#filled, at, at + bytes)
    this.#filled += bytes
    if (this.#filled === this.#size) {
      const frame = this.#frame
      this.#frame = EMPTY
      this.#size = -1
      onFrame(frame)
    }
    return at + bytes
  }
}
