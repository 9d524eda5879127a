/**
 * Puts our SASL servers in front of a listener of another broker: ApiVersions and all requests of an authenticated client pass as they are,
 * SaslHandshake and SaslAuthenticate are answered here. Java's clients then authenticate with us, though no broker of ours runs.
 */
import { connect, createServer, type Socket } from 'node:net'
import saslHandshake from '../../core/apis/17-sasl-handshake.ts'
import saslAuthenticate from '../../core/apis/36-sasl-authenticate.ts'
import { errorCode } from '../../core/errors.ts'
import { SaslAuthenticationError, type SaslServer, type SaslServerExchange } from '../../core/security/sasl/index.ts'
import type { AnyApi } from '../../core/wire/api.ts'
import { readRequestHeader, skipTags } from '../../core/wire/header.ts'
import { Reader } from '../../core/wire/reader.ts'
import { Writer } from '../../core/wire/writer.ts'

export interface SaslFront {
  /** Who has logged in, in order. */
  readonly principals: readonly string[]
  close(): Promise<void>
}

function responseFrame(api: AnyApi, version: number, correlationId: number, response: unknown): Buffer {
  const writer = new Writer()
  writer.int32(correlationId)
  if (api.isFlexible(version)) writer.uvarint(0)
  api.writeResponse(writer, version, response as never)
  const payload = writer.bytes()
  const length = Buffer.alloc(4)
  length.writeInt32BE(payload.length)
  return Buffer.concat([length, payload])
}

export async function saslFront(port: number, behindPort: number, servers: readonly SaslServer[]): Promise<SaslFront> {
  const principals: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const behind = connect(behindPort, '127.0.0.1')
    for (const socket of [client, behind]) {
      sockets.add(socket)
      // The other side may reset a connection.
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('close', () => behind.destroy())
    behind.on('close', () => client.end())
    behind.pipe(client, { end: false })
    let exchange: SaslServerExchange | null = null
    let pending = Buffer.alloc(0)
    let work = Promise.resolve()

    async function handle(frame: Buffer): Promise<void> {
      const reader = new Reader(frame.subarray(4))
      const { apiKey, apiVersion, correlationId } = readRequestHeader(reader)
      const send = (api: AnyApi, response: unknown) => client.write(responseFrame(api, apiVersion, correlationId, response))
      if (apiKey === saslHandshake.key) {
        const { mechanism } = saslHandshake.readRequest(reader, apiVersion)
        exchange = servers.find((candidate) => candidate.mechanism === mechanism)?.exchange() ?? null
        send(saslHandshake, {
          errorCode: exchange ? 0 : errorCode('UNSUPPORTED_SASL_MECHANISM'),
          mechanisms: servers.map((one) => one.mechanism),
        })
      } else if (apiKey === saslAuthenticate.key) {
        if (saslAuthenticate.isFlexible(apiVersion)) skipTags(reader)
        const { authBytes } = saslAuthenticate.readRequest(reader, apiVersion)
        try {
          const { response, authenticated } = await exchange!.respond(authBytes)
          if (authenticated) principals.push(authenticated.principal)
          send(saslAuthenticate, { errorCode: 0, errorMessage: null, authBytes: response })
        } catch (error) {
          if (!(error instanceof SaslAuthenticationError)) throw error
          const code = errorCode('SASL_AUTHENTICATION_FAILED')
          send(saslAuthenticate, { errorCode: code, errorMessage: error.message, authBytes: Buffer.alloc(0) })
          client.end()
        }
      } else behind.write(frame)
    }

    client.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk])
      while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
        const end = 4 + pending.readInt32BE(0)
        const frame = pending.subarray(0, end)
        pending = pending.subarray(end)
        work = work.then(() => handle(frame))
        work.catch((error: Error) => client.destroy(error))
      }
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    principals,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
