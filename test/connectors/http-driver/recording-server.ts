/**
 * An HTTP server of a test: it records what it receives, and answers as the test says. It is a real server of Node on 127.0.0.1.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import { onTestFinished } from 'vitest'

export interface ReceivedRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Reply {
  readonly status?: number
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | Buffer
}

/** Returns the reply; or null where it has answered by itself, or never does. */
export type Respond = (request: ReceivedRequest, response: ServerResponse) => Reply | null | Promise<Reply | null>

export interface RecordingServer {
  readonly url: string
  readonly port: number
  readonly requests: ReceivedRequest[]
  /** How many connections were made. */
  readonly connections: number
  respond: Respond
  stop(): Promise<void>
  /** After `stop`: on the same port. */
  start(): Promise<void>
}

async function received(request: IncomingMessage): Promise<ReceivedRequest> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return { method: request.method!, path: request.url!, headers: request.headers, body: Buffer.concat(parts).toString('utf8') }
}

export async function startRecordingServer(
  respond: Respond = () => ({}),
  tls?: SecureContextOptions & TlsOptions,
): Promise<RecordingServer> {
  const requests: ReceivedRequest[] = []
  let connections = 0
  let port = 0
  const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
    const request = await received(incoming)
    requests.push(request)
    const reply = await server.respond(request, response)
    if (reply) response.writeHead(reply.status ?? 200, reply.headers).end(reply.body ?? '')
  }
  const listen = () => {
    const listener = (incoming: IncomingMessage, response: ServerResponse) =>
      void handle(incoming, response).catch(() => response.destroy())
    const made = tls ? createSecureServer(tls, listener) : createServer(listener)
    made.on('connection', () => connections++)
    return new Promise<typeof made>((resolve, reject) => made.once('error', reject).listen(port, '127.0.0.1', () => resolve(made)))
  }
  let listening: Awaited<ReturnType<typeof listen>> | null = await listen()
  port = (listening.address() as AddressInfo).port
  const server: RecordingServer = {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    requests,
    get connections() {
      return connections
    },
    respond,
    async stop() {
      const closing = listening
      listening = null
      if (!closing) return
      const closed = new Promise<void>((resolve) => closing.close(() => resolve()))
      closing.closeAllConnections()
      await closed
    },
    async start() {
      listening ??= await listen()
    },
  }
  return server
}

/** A server that ends with the test. */
export async function testServer(respond?: Respond, tls?: SecureContextOptions & TlsOptions): Promise<RecordingServer> {
  const server = await startRecordingServer(respond, tls)
  onTestFinished(() => server.stop())
  return server
}

/** What lets a client reach it. */
export const LOCAL = { 'http.allow.private.addresses': '127.0.0.0/8' } as const
