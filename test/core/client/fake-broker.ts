/**
 * A broker for tests of the client: real sockets and frames, every response comes from a handler that the test gives. Those of ApiVersions,
 * Metadata and InitProducerId are built in.
 */
import { createServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'
import metadata from '../../../core/apis/03-metadata.ts'
import apiVersions from '../../../core/apis/18-api-versions.ts'
import initProducerId from '../../../core/apis/22-init-producer-id.ts'
import type { AnyApi } from '../../../core/wire/api.ts'
import { readRequestHeader, skipTags, writeResponseHeader } from '../../../core/wire/header.ts'
import { Reader } from '../../../core/wire/reader.ts'
import { Writer } from '../../../core/wire/writer.ts'

/** A response, or what to do instead of one. */
export type Reply = object | 'hang up' | 'silence'
// biome-ignore lint/suspicious/noExplicitAny: the request's type depends on the API
export type Handler = (request: any, version: number) => Reply | Promise<Reply>

export interface FakeBroker {
  readonly address: string
  readonly port: number
  /** Of the clients that have connected by TLS: the server name, and the common name of the certificate. */
  readonly tlsClients: { serverName: string | false; certificate: string | undefined }[]
  /** Names of the requests in their order. */
  readonly requests: string[]
  /** What answers the API now. */
  handler(api: AnyApi): Handler
  on(api: AnyApi, handler: Handler): void
  /** Closes the open connections; it accepts new ones. */
  hangUp(): void
  close(): Promise<void>
}

export const topicId = (name: string) => Buffer.alloc(16, name).toString('base64url')

export async function fakeBroker(topics: Readonly<Record<string, number>> = {}, tls?: TlsOptions): Promise<FakeBroker> {
  const handlers = new Map<number, { api: AnyApi; handler: Handler }>()
  const sockets = new Set<Socket>()
  const requests: string[] = []
  let nextProducerId = 1000

  async function respond(socket: Socket, frame: Buffer): Promise<void> {
    const reader = new Reader(frame)
    const header = readRequestHeader(reader)
    const known = handlers.get(header.apiKey)
    if (!known) throw new Error(`the fake broker has no handler for API ${header.apiKey}`)
    const { api, handler } = known
    if (api.isFlexible(header.apiVersion)) skipTags(reader)
    requests.push(api.name)
    const reply = await handler(api.readRequest(reader, header.apiVersion), header.apiVersion)
    if (reply === 'silence' || socket.destroyed) return
    if (reply === 'hang up') {
      socket.destroy()
      return
    }
    const writer = new Writer()
    writer.int32(0)
    writeResponseHeader(writer, api, header.apiVersion, header.correlationId)
    api.writeResponse(writer, header.apiVersion, reply as never)
    const bytes = Buffer.from(writer.bytes())
    bytes.writeInt32BE(bytes.length - 4, 0)
    socket.write(bytes)
  }

  const tlsClients: FakeBroker['tlsClients'] = []
  const accept = (socket: Socket) => {
    if (tls) {
      const { servername: serverName } = socket as TLSSocket & { servername: string | false }
      const name = (socket as TLSSocket).getPeerCertificate().subject?.CN
      tlsClients.push({ serverName, certificate: Array.isArray(name) ? name[0] : name })
    }
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let rest = Buffer.alloc(0)
    let last = Promise.resolve()
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const end = 4 + rest.readInt32BE(0)
        const frame = rest.subarray(4, end)
        rest = rest.subarray(end)
        last = last.then(() => respond(socket, frame))
      }
    })
  }
  const server = tls ? createTlsServer(tls, accept) : createServer(accept)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const host = tls ? 'localhost' : '127.0.0.1'

  const broker: FakeBroker = {
    address: `${host}:${port}`,
    port,
    tlsClients,
    requests,
    handler: ({ key }) => handlers.get(key)!.handler,
    on: (api, handler) => void handlers.set(api.key, { api, handler }),
    hangUp() {
      for (const socket of sockets) socket.destroy()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  broker.on(apiVersions, () => ({
    errorCode: 0,
    apiKeys: [...handlers.values()].map(({ api }) => ({ apiKey: api.key, minVersion: api.versions[0], maxVersion: api.versions[1] })),
    throttleTimeMs: 0,
  }))
  broker.on(metadata, ({ topics: wanted }: { topics: { name: string | null }[] | null }) => ({
    throttleTimeMs: 0,
    brokers: [{ nodeId: 1, host, port, rack: null }],
    clusterId: 'fake',
    controllerId: 1,
    topics: (wanted?.map((entry) => entry.name!) ?? Object.keys(topics)).map((name) => ({
      errorCode: name in topics ? 0 : 3,
      name,
      topicId: topicId(name),
      partitions: Array.from({ length: topics[name] ?? 0 }, (_, partitionIndex) => ({
        errorCode: 0,
        partitionIndex,
        leaderId: 1,
        leaderEpoch: 0,
        replicaNodes: [1],
        isrNodes: [1],
      })),
    })),
    errorCode: 0,
  }))
  broker.on(initProducerId, () => ({ throttleTimeMs: 0, errorCode: 0, producerId: nextProducerId++, producerEpoch: 0 }))
  return broker
}
