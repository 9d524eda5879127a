/**
 * A TCP proxy between clients and a broker that changes or loses responses: each response of one API is decoded, given to the test, and
 * encoded again, or the connection is closed in its place. Everything else passes byte by byte. It stands in for states that a broker of
 * one node never reports.
 */
import { connect, createServer, type Socket } from 'node:net'
import type { Api, ResponseOf } from '../core/wire/api.ts'
import { readRequestHeader, responseHasTags, skipTags, writeResponseHeader } from '../core/wire/header.ts'
import { Reader } from '../core/wire/reader.ts'
import type { Fields, InOf } from '../core/wire/types.ts'
import { Writer } from '../core/wire/writer.ts'

export interface ResponseProxy {
  readonly port: number
  readonly address: string
  close(): Promise<void>
}

/** Gives whole frames, each with its length in front. */
export function frames(onFrame: (frame: Buffer) => void): (chunk: Buffer) => void {
  let pending = Buffer.alloc(0)
  return (chunk) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
      const end = 4 + pending.readInt32BE(0)
      onFrame(pending.subarray(0, end))
      pending = pending.subarray(end)
    }
  }
}

/**
 * `change` gets each response of `api` that the broker at `target` sends, and gives what the client receives instead; null where it is lost
 * with the connection.
 */
export async function responseProxy<Q extends Fields, R extends Fields>(
  target: number,
  api: Api<Q, R>,
  change: (response: ResponseOf<Api<Q, R>>) => InOf<R> | null,
): Promise<ResponseProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const broker = connect(target, '127.0.0.1')
    const versions = new Map<number, number>()
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(socket)
      socket
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(socket)
          other.destroy()
        })
    }
    client.on(
      'data',
      frames((frame) => {
        const { apiKey, apiVersion, correlationId } = readRequestHeader(new Reader(frame.subarray(4)))
        if (apiKey === api.key) versions.set(correlationId, apiVersion)
        broker.write(frame)
      }),
    )
    broker.on(
      'data',
      frames((frame) => {
        const correlationId = frame.readInt32BE(4)
        const version = versions.get(correlationId)
        versions.delete(correlationId)
        const passed = version === undefined ? frame : changed(frame, version, correlationId)
        if (passed) client.write(passed)
        else client.destroy()
      }),
    )
  })

  function changed(frame: Buffer, version: number, correlationId: number): Buffer | null {
    const reader = new Reader(frame.subarray(8))
    if (responseHasTags(api, version)) skipTags(reader)
    const response = change(api.readResponse(reader, version))
    if (response === null) return null
    const writer = new Writer()
    writeResponseHeader(writer, api, version, correlationId)
    api.writeResponse(writer, version, response)
    const payload = writer.bytes()
    const length = Buffer.alloc(4)
    length.writeInt32BE(payload.length)
    return Buffer.concat([length, payload])
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    port,
    address: `127.0.0.1:${port}`,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
