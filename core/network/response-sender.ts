/**
 * The responses of one connection that are encoded and not yet sent: all of one turn of the event loop are sent together. What they refer
 * to is released once they are sent or dropped.
 */
import type { Socket } from 'node:net'
import { writeResponseHeader } from '../wire/header.ts'
import { Writer } from '../wire/writer.ts'
import type { NetworkCounters } from './counters.ts'
import type { PendingRequest } from './pending-request.ts'

export interface ResponseEvents {
  /** The responses of a turn are written to the socket. */
  onSend(): void
  /** The kernel has accepted them. */
  onSent(): void
}

export class ResponseSender {
  readonly #socket: Socket
  readonly #counters: NetworkCounters
  readonly #events: ResponseEvents
  #writer: Writer | null = null
  /** Run when the content of `#writer` is sent. */
  #releases: (() => void)[] = []
  #closed = false

  constructor(socket: Socket, counters: NetworkCounters, events: ResponseEvents) {
    this.#socket = socket
    this.#counters = counters
    this.#events = events
  }

  /** True when nothing waits for the end of this turn. */
  get isEmpty(): boolean {
    return this.#writer === null
  }

  /** Bytes that the kernel has not accepted. */
  get unsentBytes(): number {
    return this.#socket.writableLength + (this.#writer?.length ?? 0)
  }

  /** Throws where the response cannot be encoded: the connection must be closed then. */
  add(pending: PendingRequest): void {
    const { api, version, correlationId, response, releases } = pending
    if (this.#closed || response === null) {
      pending.release()
      return
    }
    this.#releases.push(...releases)
    const writer = this.#writing()
    writer.beginSized()
    writeResponseHeader(writer, api, version, correlationId)
    api.writeResponse(writer, version, response as never)
    writer.endSized()
  }

  /** Bytes in a frame without a header. */
  addBare(bytes: Buffer): void {
    const writer = this.#writing()
    writer.int32(bytes.length)
    writer.raw(bytes)
  }

  /** What is not sent yet is dropped. */
  close(): void {
    this.#closed = true
  }

  #writing(): Writer {
    if (!this.#writer) {
      this.#writer = new Writer(256)
      process.nextTick(() => this.#send())
    }
    return this.#writer
  }

  #send(): void {
    const writer = this.#writer
    const releases = this.#releases
    this.#writer = null
    this.#releases = []
    if (!writer || this.#closed) {
      for (const release of releases) release()
      return
    }
    const { length } = writer
    const sent = () => {
      this.#counters.unsentBytes -= length
      for (const release of releases) release()
      this.#events.onSent()
    }
    const chunks = writer.chunks()
    this.#counters.bytesOut += length
    this.#counters.unsentBytes += length
    const last = chunks.length - 1
    if (last > 0) this.#socket.cork()
    for (let i = 0; i <= last; i++) this.#socket.write(chunks[i]!, i === last ? sent : undefined)
    if (last > 0) this.#socket.uncork()
    this.#events.onSend()
  }
}
