/**
 * Collects the first message of a TLS client, before anything of OpenSSL exists for it: only a whole ClientHello is worth the work of a
 * handshake. Its size is bounded (Invariant 13). Pure: no socket.
 */
import { limits } from './limits.ts'

const HANDSHAKE_RECORD = 0x16
const CLIENT_HELLO = 1
const RECORD_HEADER_BYTES = 5
const MESSAGE_HEADER_BYTES = 4
const FIRST_BYTES = 1024

const NO_TLS = 'the client does not speak TLS: set security.protocol to SSL or SASL_SSL, as the listener has it'
const NO_HELLO = 'the first message of the TLS client is no ClientHello'
const TOO_LARGE = `the first message of the TLS client has more than ${limits.clientHelloBytes} bytes`

export class ClientHello {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #length = 0
  /** Where the next record begins. */
  #recordAt = 0
  /** Of the message, which may be spread over several records. */
  readonly #header: number[] = []
  /** Of the records that are complete. */
  #messageBytes = 0
  #refused: string | null = null

  /** What was received, for the handshake. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Why the client must be closed, for the log. */
  get refused(): string | null {
    return this.#refused
  }

  get isComplete(): boolean {
    return this.#header.length === MESSAGE_HEADER_BYTES && this.#messageBytes >= this.#needed
  }

  push(chunk: Buffer): void {
    this.#append(chunk)
    if (this.#buffer[0] !== HANDSHAKE_RECORD) this.#refused = NO_TLS
    while (this.#refused === null && !this.isComplete && this.#takeRecord());
    if (!this.isComplete && this.#length > limits.clientHelloBytes) this.#refused ??= TOO_LARGE
  }

  /** Bytes of the message, its header included. */
  get #needed(): number {
    const [, high = 0, middle = 0, low = 0] = this.#header
    return MESSAGE_HEADER_BYTES + high * 65_536 + middle * 256 + low
  }

  /** False until the next record is complete. */
  #takeRecord(): boolean {
    const start = this.#recordAt + RECORD_HEADER_BYTES
    if (this.#length < start) return false
    const size = this.#buffer.readUInt16BE(start - 2)
    // An empty record brings the message no further, and there could be any number of them.
    if (this.#buffer[this.#recordAt] !== HANDSHAKE_RECORD || size === 0) {
      this.#refused = NO_HELLO
      return false
    }
    for (let at = start; at < Math.min(start + size, this.#length) && this.#header.length < MESSAGE_HEADER_BYTES; at++)
      this.#header.push(this.#buffer[at]!)
    if (this.#header.length > 0 && this.#header[0] !== CLIENT_HELLO) this.#refused = NO_HELLO
    else if (this.#header.length === MESSAGE_HEADER_BYTES && this.#needed > limits.clientHelloBytes) this.#refused = TOO_LARGE
    if (this.#refused !== null || this.#length < start + size) {
      // Its bytes are read again with the rest of the record.
      if (this.#messageBytes < MESSAGE_HEADER_BYTES) this.#header.length = Math.min(this.#header.length, this.#messageBytes)
      return false
    }
    this.#messageBytes += size
    this.#recordAt = start + size
    return true
  }

  #append(chunk: Buffer): void {
    const needed = this.#length + chunk.length
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, needed))
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    chunk.copy(this.#buffer, this.#length)
    this.#length = needed
  }
}
