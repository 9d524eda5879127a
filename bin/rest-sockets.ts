/**
 * The sockets of the REST API, http and https. They answer 503 until they have a handler. Bounded are open connections, and in number and
 * time those that have not sent the head of a request: TLS handshakes and half-open connections (Invariant 13). New certificates are used
 * by new connections.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import { CONNECTION_LIMIT, NEWCOMER_LIMIT, NEWCOMER_TIMEOUT_MS, REQUEST_RECEIVE_TIMEOUT_MS } from '../api/limits.ts'
import type { Listener, Protocol } from '../api/settings.ts'
import { KafkaError } from '../core/errors.ts'
import { Newcomers } from '../core/network/newcomers.ts'
import type { ServerTls } from '../core/security/tls/server-tls.ts'
import type { System } from '../core/system/index.ts'

/** How long requests in progress may take to end once the process stops. */
const DRAIN_MS = 1_000
const KEEP_ALIVE_MS = 72_000
const NEWCOMER_CHECK_MS = 1_000
/** How often requests that arrive slowly are looked for. */
const REQUEST_CHECK_MS = 5_000

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void
type SocketSystem = Pick<System, 'clock' | 'disk' | 'logger'>

export interface RestSocket {
  readonly protocol: Protocol
  readonly server: Server
}

export interface Sockets {
  readonly open: readonly RestSocket[]
  handleWith(next: RequestHandler): void
  close(): Promise<void>
}

export const addressOf = ({ server }: RestSocket) => server.address() as AddressInfo

/** `tls` are the settings of its https listeners, which read their stores once for all; a whole request arrives within `requestTimeout`. */
export async function listen(
  listeners: readonly Listener[],
  tls: Readonly<Record<string, string>>,
  onParserError: (error: Error, socket: Socket) => void,
  system: SocketSystem,
  requestTimeout = REQUEST_RECEIVE_TIMEOUT_MS,
): Promise<Sockets> {
  const open: RestSocket[] = []
  const ends: (() => void)[] = []
  let handler: RequestHandler = sendStarting
  const sockets: Sockets = {
    open,
    handleWith: (next) => {
      handler = next
    },
    async close() {
      for (const end of ends.splice(0)) end()
      await Promise.all(open.map(({ server }) => close(server)))
    },
  }
  const handle: RequestHandler = (request, response) => handler(request, response)
  const connectionsCheckingInterval = Math.min(REQUEST_CHECK_MS, requestTimeout)
  const options = { requestTimeout, connectionsCheckingInterval, keepAliveTimeout: KEEP_ALIVE_MS }
  try {
    const secure = listeners.some(({ protocol }) => protocol === 'https') ? await openTls(tls, system) : null
    for (const { protocol, host, port } of listeners) {
      const server =
        protocol === 'https'
          ? process.getBuiltinModule('node:https').createServer({ ...secure!.options, ...options }, handle)
          : process.getBuiltinModule('node:http').createServer(options, handle)
      server.maxConnections = CONNECTION_LIMIT
      server.on('clientError', onParserError)
      ends.push(boundNewcomers(server, NEWCOMER_LIMIT, NEWCOMER_TIMEOUT_MS, system))
      if (protocol === 'https') ends.push(followStores(server as Server & SecureServer, secure!, system))
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(host === '' ? { port } : { port, host }, resolve)
      })
      open.push({ protocol, server })
    }
  } catch (error) {
    await sockets.close()
    throw error
  }
  return sockets
}

interface SecureServer {
  setSecureContext(options: SecureContextOptions): void
}

async function openTls(settings: Readonly<Record<string, string>>, system: SocketSystem): Promise<ServerTls> {
  const [{ ServerTls }, { checkTlsOptions }] = await Promise.all([
    import('../core/security/tls/server-tls.ts'),
    import('../core/network/tls-acceptor.ts'),
  ])
  try {
    const tls = new ServerTls(settings, system)
    checkTlsOptions(tls.options)
    return tls
  } catch (cause) {
    // A file may have stores for clients too.
    throw new KafkaError('INVALID_CONFIG', `the https listeners of the REST API: ${(cause as Error).message}`, { cause })
  }
}

/** At most one line in this time: a flood of connections must not become a flood of log lines. */
const REFUSAL_LINE_MS = 10_000

function followStores(server: Server & SecureServer, tls: ServerTls, { clock, logger }: SocketSystem): () => void {
  let refusals = 0
  let loggedAt = Number.NEGATIVE_INFINITY
  /** The client learns nothing with TLS 1.3. */
  const refused = ({ remoteAddress, authorizationError }: TLSSocket) => {
    refusals++
    if (clock.monotonic() - loggedAt < REFUSAL_LINE_MS) return
    loggedAt = clock.monotonic()
    const advice = 'a client certificate was refused: its issuer has to be in the trust store of the listener, and it may not have expired'
    logger.warn({ client: remoteAddress, reason: String(authorizationError), refusals }, advice)
  }
  server.on('secureConnection', (socket: TLSSocket) => {
    // Node lets a certificate pass that is not trusted where one is only requested; Java does not.
    if (socket.authorized || !socket.getPeerX509Certificate()) return
    refused(socket)
    socket.destroy()
  })
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    if (socket.authorizationError) refused(socket)
    logger.debug({ err: error, client: socket.remoteAddress }, 'TLS handshake failed')
    socket.destroy()
  })
  return tls.watch((options) => {
    try {
      server.setSecureContext(options)
    } catch (error) {
      const advice = 'OpenSSL cannot use the TLS stores as they are now: new connections use the old ones; repair them'
      logger.error({ err: error }, advice)
    }
  })
}

/** A connection under TLS has two sockets, with the same addresses. */
const sourceOf = ({ remoteAddress, remotePort, localAddress }: Socket): string => `${remoteAddress} ${remotePort} ${localAddress}`

function boundNewcomers(server: Server, max: number, maxMs: number, { clock, logger }: SocketSystem): () => void {
  const bySource = new Map<string, Socket>()
  const newcomers = new Newcomers<Socket>(max, maxMs, (socket, why) => {
    logger.debug({ client: socket.remoteAddress, why }, 'a connection to the REST API that sent no request was closed')
    socket.destroy()
  })
  server.on('connection', (socket: Socket) => {
    const source = sourceOf(socket)
    newcomers.add(socket, clock.monotonic())
    bySource.set(source, socket)
    socket.once('close', () => {
      newcomers.delete(socket)
      if (bySource.get(source) === socket) bySource.delete(source)
    })
  })
  server.prependListener('request', ({ socket }: IncomingMessage) => {
    const raw = bySource.get(sourceOf(socket))
    if (raw) newcomers.delete(raw)
  })
  const timer = clock.every(NEWCOMER_CHECK_MS, () => newcomers.closeLate(clock.monotonic()))
  return () => {
    timer.cancel()
    // A server that closes does not end connections without a request.
    for (const socket of [...newcomers]) socket.destroy()
  }
}

/** Requests in progress may end; connections that are still open after that are closed. */
async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await closed
  clearTimeout(timer)
}

function sendStarting(request: IncomingMessage, response: ServerResponse): void {
  const message = 'The server is starting and cannot respond yet. Try again shortly.'
  const health = /^\/health\/?(\?|$)/.test(request.url ?? '')
  // Nobody has logged in: nobody holds a connection.
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1', connection: 'close' })
  response.end(JSON.stringify(health ? { status: 'starting', message } : { error_code: 503, message }))
}
