/**
 * The bytes of the replication protocol: cuts what arrives on a socket into messages of the server, reads those of CopyData, and writes
 * those of the client. Pure; it keeps at most one message that is not complete, besides what the caller has not taken.
 */
import { readLsn } from './pgoutput.ts'
import type { Lsn } from './types.ts'

/** µs from 1970 to 2000, where Postgres's times begin. */
const EPOCH_MICROS = 946_684_800_000_000n

/** A larger message cannot be: Postgres's own limit of an allocation is 1 GiB. */
const MAX_MESSAGE_BYTES = 0x4000_0000

/** A message of the server: its body is `bytes` from `start` to `end`, valid until the next is taken. */
export interface ServerMessage {
  type: number
  bytes: Buffer
  start: number
  end: number
}

export class FrameCutter {
  #chunks: Buffer[] = []
  #at = 0
  #bytes = 0

  /** Bytes that were pushed and not taken. */
  get bufferedBytes(): number {
    return this.#bytes
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  /** The next message; null where it has not arrived completely. */
  next(): ServerMessage | null {
    if (this.#bytes < 5) return null
    if (this.#chunks[0]!.length - this.#at < 5) this.#merge(this.#bytes)
    const first = this.#chunks[0]!
    const length = first.readUInt32BE(this.#at + 1)
    if (length < 4 || length > MAX_MESSAGE_BYTES)
      throw new Error(`the server sent a message of ${length} bytes: this is not Postgres's protocol`)
    const size = length + 1
    if (this.#bytes < size) return null
    if (first.length - this.#at < size) this.#merge(size)
    const bytes = this.#chunks[0]!
    const start = this.#at + 5
    const end = this.#at + size
    const message = { type: bytes[this.#at]!, bytes, start, end }
    this.#at = end
    this.#bytes -= size
    if (end === bytes.length) {
      this.#chunks.shift()
      this.#at = 0
    }
    return message
  }

  /** Makes one chunk of as many as have `size` bytes. A long message is merged once, when all of it is there. */
  #merge(size: number): void {
    let count = 0
    let total = -this.#at
    while (total < size && count < this.#chunks.length) total += this.#chunks[count++]!.length
    const merged = Buffer.concat([this.#chunks[0]!.subarray(this.#at), ...this.#chunks.slice(1, count)])
    this.#chunks.splice(0, count, merged)
    this.#at = 0
  }
}

export interface Keepalive {
  walEnd: Lsn
  /** Whether the server ends the connection unless it is answered. */
  replyRequested: boolean
}

export const readKeepalive = (bytes: Buffer, start: number): Keepalive => ({
  walEnd: readLsn(bytes, start + 1),
  replyRequested: bytes[start + 17] === 1,
})

export interface ServerError {
  severity: string
  code: string
  message: string
}

/** The body of an ErrorResponse. */
export function readServerError(bytes: Buffer, start: number, end: number): ServerError {
  const error = { severity: 'ERROR', code: '', message: '' }
  let at = start
  while (at < end && bytes[at] !== 0) {
    const field = String.fromCharCode(bytes[at]!)
    const stop = bytes.indexOf(0, at + 1)
    const text = bytes.toString('utf8', at + 1, stop)
    if (field === 'V') error.severity = text
    else if (field === 'C') error.code = text
    else if (field === 'M') error.message = text
    at = stop + 1
  }
  return error
}

/** A simple query. */
export function queryFrame(sql: string): Buffer {
  const text = Buffer.from(`${sql}\0`)
  const frame = Buffer.allocUnsafe(5 + text.length)
  frame[0] = 0x51
  frame.writeUInt32BE(4 + text.length, 1)
  text.copy(frame, 5)
  return frame
}

/**
 * A standby status update: received up to `received`, and nothing before `flushed` is needed any more. `nowMs` is since the epoch. The
 * server answers one that asks for a reply with a keepalive.
 */
export function statusFrame(received: Lsn, flushed: Lsn, nowMs: number, asksForReply = false): Buffer {
  const frame = Buffer.allocUnsafe(5 + 34)
  frame[0] = 0x64
  frame.writeUInt32BE(38, 1)
  frame[5] = 0x72
  writeLsn(frame, received, 6)
  writeLsn(frame, flushed, 14)
  writeLsn(frame, flushed, 22)
  frame.writeBigInt64BE(BigInt(nowMs) * 1000n - EPOCH_MICROS, 30)
  frame[38] = asksForReply ? 1 : 0
  return frame
}

function writeLsn(frame: Buffer, lsn: Lsn, at: number): void {
  frame.writeUInt32BE(Math.floor(lsn / 0x1_0000_0000), at)
  frame.writeUInt32BE(lsn % 0x1_0000_0000, at + 4)
}

/** The client's end of a copy. */
export const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4])
/** The end of a connection. */
export const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4])
