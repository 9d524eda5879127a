/**
 * A socket that sends frames that are encoded beforehand and does not decode responses by itself, so that the broker and not a client
 * library is measured. Responses arrive in the order of the requests.
 */
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { AnyApi, RequestOf, ResponseOf } from '../core/wire/api.ts'
import { responseHasTags, skipTags, writeRequestHeader } from '../core/wire/header.ts'
import { Reader } from '../core/wire/reader.ts'
import { Writer } from '../core/wire/writer.ts'

/** A request's frame, with its length in front. */
export function frame<A extends AnyApi>(api: A, apiVersion: number, request: RequestOf<A>): Buffer {
  const writer = new Writer(1024)
  writeRequestHeader(writer, api, { apiVersion, correlationId: 0, clientId: 'bench' })
  api.writeRequest(writer, apiVersion, request)
  const length = Buffer.alloc(4)
  length.writeInt32BE(writer.length)
  return Buffer.concat([length, ...writer.chunks()])
}

export function decodeResponse<A extends AnyApi>(api: A, apiVersion: number, body: Buffer): ResponseOf<A> {
  const reader = new Reader(body, 4)
  if (responseHasTags(api, apiVersion)) skipTags(reader)
  return api.readResponse(reader, apiVersion) as ResponseOf<A>
}

export class RawConnection {
  readonly #socket: Socket
  readonly #waiting: { resolve(body: Buffer): void; reject(error: Error): void }[] = []
  /** Reused by every response: a caller has read a body before the next one arrives. */
  #body = Buffer.allocUnsafeSlow(1 << 21)
  #needed = -1
  #filled = 0
  readonly #head = Buffer.alloc(4)
  #headFilled = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the broker closed the connection')))
  }

  /** With `tls` the handshake is complete when it resolves. */
  static open(address: string, tls?: ConnectionOptions): Promise<RawConnection> {
    const [host, port] = address.split(':')
    return new Promise((resolve, reject) => {
      const socket = tls ? connectTls({ ...tls, host, port: Number(port) }) : connect(Number(port), host)
      socket.once('error', reject)
      socket.once(tls ? 'secureConnect' : 'connect', () => {
        socket.off('error', reject)
        resolve(new RawConnection(socket))
      })
    })
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }

  #receive(chunk: Buffer): void {
    let position = 0
    while (position < chunk.length) {
      if (this.#needed < 0) {
        while (this.#headFilled < 4 && position < chunk.length) this.#head[this.#headFilled++] = chunk[position++]!
        if (this.#headFilled < 4) return
        this.#needed = this.#head.readInt32BE()
        this.#filled = 0
        if (this.#needed > this.#body.length) this.#body = Buffer.allocUnsafeSlow(this.#needed)
      }
      const part = Math.min(this.#needed - this.#filled, chunk.length - position)
      chunk.copy(this.#body, this.#filled, position, position + part)
      this.#filled += part
      position += part
      if (this.#filled < this.#needed) return
      this.#needed = -1
      this.#headFilled = 0
      this.#waiting.shift()!.resolve(this.#body.subarray(0, this.#filled))
    }
  }

  send(bytes: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#socket.write(bytes)
    })
  }

  async request<A extends AnyApi>(api: A, version: number, body: RequestOf<A>): Promise<ResponseOf<A>> {
    return decodeResponse(api, version, await this.send(frame(api, version, body)))
  }

  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }
}
