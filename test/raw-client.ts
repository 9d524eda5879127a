/**
 * A minimal client for tests: one socket, frames in and out, the codec of core/apis, no retries and no metadata. It sends whatever a test
 * gives it, requests that no real client sends included.
 */
import { connect, type Socket } from 'node:net'
import type { AnyApi, Api, RequestOf, ResponseOf } from '../core/wire/api.ts'
import { responseHasTags, skipTags, writeRequestHeader } from '../core/wire/header.ts'
import { Reader } from '../core/wire/reader.ts'
import type { Fields } from '../core/wire/types.ts'
import { Writer } from '../core/wire/writer.ts'

export interface RawClient {
  readonly socket: Socket
  /** True once the other side has closed. */
  readonly closed: boolean
  send<Q extends Fields, R extends Fields>(
    api: Api<Q, R>,
    version: number,
    request: RequestOf<Api<Q, R>>,
    clientId?: string | null,
  ): Promise<ResponseOf<Api<Q, R>>>
  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void
  /** The next frame's payload, the correlation id included; rejects when the connection closes first. */
  frame(): Promise<Buffer>
  whenClosed(): Promise<void>
  close(): void
}

/** A request's whole frame, length first. */
export function encodeRequest(
  api: AnyApi,
  version: number,
  correlationId: number,
  request: unknown,
  clientId: string | null = 'raw',
): Buffer {
  const writer = new Writer()
  writeRequestHeader(writer, api, { apiVersion: version, correlationId, clientId })
  api.writeRequest(writer, version, request as never)
  const payload = writer.bytes()
  const frame = Buffer.alloc(4 + payload.length)
  frame.writeInt32BE(payload.length)
  payload.copy(frame, 4)
  return frame
}

export function rawClient(port: number, host = '127.0.0.1'): Promise<RawClient> {
  const socket = connect({ port, host, noDelay: true })
  let pending = Buffer.alloc(0)
  let closed = false
  let correlation = 0
  const frames: Buffer[] = []
  const waiting: { resolve(frame: Buffer): void; reject(error: Error): void }[] = []
  const onClosed: (() => void)[] = []
  socket.on('data', (chunk) => {
    pending = pending.length === 0 ? (chunk as Buffer<ArrayBuffer>) : Buffer.concat([pending, chunk])
    while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
      const end = 4 + pending.readInt32BE(0)
      const frame = pending.subarray(4, end)
      pending = pending.subarray(end)
      const next = waiting.shift()
      if (next) next.resolve(frame)
      else frames.push(frame)
    }
  })
  // A broker may close with a reset.
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
    for (const waiter of waiting.splice(0)) waiter.reject(new Error('the connection was closed'))
    for (const task of onClosed.splice(0)) task()
  })
  const client: RawClient = {
    socket,
    get closed() {
      return closed
    },
    async send(api, version, request, clientId = 'raw') {
      const id = ++correlation
      socket.write(encodeRequest(api, version, id, request, clientId))
      const reader = new Reader(await client.frame())
      const got = reader.int32()
      if (got !== id) throw new Error(`response ${got} where ${id} was expected`)
      if (responseHasTags(api, version)) skipTags(reader)
      const response = api.readResponse(reader, version)
      if (reader.remaining > 0) throw new Error(`${api.name} v${version}: ${reader.remaining} bytes after the response`)
      return response
    },
    write: (bytes) => void socket.write(bytes),
    frame() {
      const ready = frames.shift()
      if (ready) return Promise.resolve(ready)
      if (closed) return Promise.reject(new Error('the connection was closed'))
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    whenClosed: () => (closed ? Promise.resolve() : new Promise((resolve) => onClosed.push(resolve))),
    close: () => void socket.destroy(),
  }
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(client))
    socket.once('error', reject)
  })
}
