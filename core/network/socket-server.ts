/**
 * The listeners of a broker: they accept connections, enforce their limits, and close them. A connection that is idle, or does not complete
 * a request, is closed after connections.max.idle.ms.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { KafkaError } from '../errors.ts'
import type { ListenerSecurity } from '../security/listener-security.ts'
import type { BrokerSettings, ListenerSettings } from '../settings.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/index.ts'
import { ClientConnection } from './connection.ts'
import type { ConnectionContext, RequestMemory } from './connection-context.ts'
import type { NetworkCounters } from './counters.ts'
import { MIN_FRAME_BYTES } from './frame-assembler.ts'
import { limits } from './limits.ts'
import { Login } from './login.ts'
import { Newcomers } from './newcomers.ts'
import type { RequestDispatcher } from './request-dispatcher.ts'
import type { TlsAcceptor } from './tls-acceptor.ts'

export interface Endpoint {
  readonly listener: string
  /** The bound address. */
  readonly host: string
  readonly port: number
  /** The address in metadata responses. */
  readonly advertisedHost: string
  readonly advertisedPort: number
}

/** Dynamic settings: they may change while the broker runs. */
type ConnectionLimit = 'max.connections' | 'max.connections.per.ip'

export class ListenError extends Error {
  override name = 'ListenError'
}

const PLAINTEXT: ListenerSecurity = { tls: null, sasl: null }
const ANONYMOUS = 'User:ANONYMOUS'
/** How often connections that are late with their login are looked for. */
const NEWCOMER_CHECK_MS = 1000

class RequestPool implements RequestMemory {
  readonly #maxBytes: number
  readonly #waiting: (() => void)[] = []
  requests = 0
  bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get isExhausted(): boolean {
    return this.bytes > this.#maxBytes
  }

  reserve(bytes: number): void {
    this.requests++
    this.bytes += bytes
  }

  release(bytes: number): void {
    this.requests--
    this.bytes -= bytes
    if (this.#waiting.length > 0 && !this.isExhausted) for (const task of this.#waiting.splice(0)) task()
  }

  onceAvailable(task: () => void): void {
    this.#waiting.push(task)
  }
}

/** What the operator can do, by the error of the system. */
const listenErrors: Record<string, (at: string) => string> = {
  EADDRINUSE: (at) => `${at} is in use by another process. Stop that process, or name another port in \`listeners\`.`,
  EADDRNOTAVAIL: (at) => `${at} is not an address of this machine. Name one of its own in \`listeners\`, or 127.0.0.1.`,
  EACCES: (at) => `${at} cannot be opened by this user. Ports below 1024 need privileges; name another one in \`listeners\`.`,
  ENOTFOUND: (at) => `${at}: the name cannot be resolved. Name an address of this machine in \`listeners\`.`,
}

export class SocketServer {
  readonly #settings: BrokerSettings
  readonly #limitOf: (name: ConnectionLimit) => number
  readonly #system: System
  readonly #context: ConnectionContext
  readonly #memory: RequestPool
  readonly #servers: Server[] = []
  readonly #connections = new Set<ClientConnection>()
  /** Those in a TLS handshake included. */
  readonly #sockets = new Set<Socket>()
  readonly #acceptors: TlsAcceptor[] = []
  readonly #logins: Newcomers<ClientConnection>
  readonly #perHost = new Map<string, number>()
  readonly #idleCheck: Timer
  readonly #newcomerCheck: Timer
  readonly counters: NetworkCounters = {
    requests: new Map(),
    bytesIn: 0,
    bytesOut: 0,
    unsentBytes: 0,
    closedForErrors: 0,
    loginBytes: 0,
    loginsSucceeded: 0,
    loginsFailed: 0,
    tlsHandshakesFailed: 0,
  }
  #lastId = 0
  #rejected = 0
  #crowded = 0
  #stopping = false

  constructor(settings: BrokerSettings, system: System, dispatcher: RequestDispatcher, limitOf: (name: ConnectionLimit) => number) {
    const { values } = settings
    this.#settings = settings
    this.#limitOf = limitOf
    this.#system = system
    const maxBytes = values['queued.max.request.bytes']
    this.#memory = new RequestPool(maxBytes > 0 ? maxBytes : limits.requestBytes)
    this.#context = {
      dispatcher,
      logger: system.logger,
      frames: {
        minBytes: MIN_FRAME_BYTES,
        maxBytes: values['socket.request.max.bytes'],
        maxSetting: 'socket.request.max.bytes',
        eagerBytes: limits.eagerFrameBytes,
      },
      memory: this.#memory,
      counters: this.counters,
      monotonic: () => system.clock.monotonic(),
    }
    const idleMs = values['connections.max.idle.ms']
    this.#idleCheck = system.clock.every(Math.max(10, Math.min(idleMs / 4, 30_000)), () => this.#closeIdle(idleMs))
    this.#logins = new Newcomers(limits.logins, limits.loginMs, (connection, why) => {
      if (why === 'late') connection.close(`the client did not log in within ${limits.loginMs} ms`)
      else this.#closeCrowded(connection)
    })
    this.#newcomerCheck = system.clock.every(NEWCOMER_CHECK_MS, () => {
      this.#logins.closeLate(system.clock.monotonic())
      for (const acceptor of this.#acceptors) acceptor.closeLate()
    })
  }

  get connections(): number {
    return this.#sockets.size
  }

  get requestsInFlight(): number {
    return this.#memory.requests
  }

  /** Opens a listener. Throws ListenError with a message for the operator. */
  async listen(listener: ListenerSettings, security: ListenerSecurity = PLAINTEXT): Promise<Endpoint> {
    const { name } = listener
    const acceptor = await this.#acceptorOf(name, security)
    if (acceptor) this.#acceptors.push(acceptor)
    const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
      if (!this.#admits(socket)) return
      if (acceptor) acceptor.accept(socket)
      else this.#connect(socket, name, security, ANONYMOUS)
    })
    const at = `${listener.name}://${listener.host}:${listener.port}`
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const message = listenErrors[error.code ?? '']?.(at) ?? `${at} cannot be opened: ${error.message}`
        reject(new ListenError(message, { cause: error }))
      })
      server.listen(
        { port: listener.port, host: listener.host || undefined, backlog: this.#settings.values['socket.listen.backlog.size'] },
        () => {
          server.removeAllListeners('error')
          // Out of file descriptors, for example: established connections stay.
          server.on('error', (error) =>
            this.#system.logger.error({ err: error, listener: listener.name }, 'a connection could not be accepted'),
          )
          this.#servers.push(server)
          const bound = server.address()
          if (bound === null || typeof bound === 'string') throw new KafkaError('UNKNOWN_SERVER_ERROR', `${at} has no port`)
          resolve({
            listener: listener.name,
            host: listener.host,
            port: bound.port,
            advertisedHost: listener.advertisedHost,
            advertisedPort: listener.advertisedPort || bound.port,
          })
        },
      )
    })
  }

  /** Null without TLS, whose code is loaded for a listener that uses it only. */
  async #acceptorOf(listener: string, security: ListenerSecurity): Promise<TlsAcceptor | null> {
    const { tls } = security
    if (!tls) return null
    const { TlsAcceptor } = await import('./tls-acceptor.ts')
    return new TlsAcceptor({
      ...{ listener, tls, logger: this.#system.logger, counters: this.counters },
      monotonic: () => this.#system.clock.monotonic(),
      onSecure: (socket, principal) => this.#connect(socket, listener, security, principal),
    })
  }

  /** Accepts no more connections, waits a bounded time for the responses in flight, then closes all connections. */
  async close(): Promise<void> {
    this.#stopping = true
    this.#idleCheck.cancel()
    this.#newcomerCheck.cancel()
    for (const acceptor of this.#acceptors) acceptor.close()
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    for (const connection of this.#connections) connection.stopReading()
    const deadline = this.#system.clock.after(limits.closeTimeoutMs, () => {
      for (const connection of this.#connections) connection.destroy()
    })
    await Promise.all(closed)
    deadline.cancel()
  }

  /** False for a socket that is one too many. */
  #admits(socket: Socket): boolean {
    const host = socket.remoteAddress ?? ''
    const hostConnections = (this.#perHost.get(host) ?? 0) + 1
    if (
      this.#stopping ||
      this.#sockets.size >= this.#limitOf('max.connections') ||
      hostConnections > this.#limitOf('max.connections.per.ip')
    ) {
      socket.destroy()
      // One line for the first and then for each thousand: a flood of connections must not become a flood of log lines.
      if (!this.#stopping && this.#rejected++ % 1000 === 0)
        this.#system.logger.warn(
          { client: host, rejected: this.#rejected },
          'connection rejected: max.connections or max.connections.per.ip is reached',
        )
      return false
    }
    this.#sockets.add(socket)
    this.#perHost.set(host, hostConnections)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      const remaining = (this.#perHost.get(host) ?? 1) - 1
      if (remaining > 0) this.#perHost.set(host, remaining)
      else this.#perHost.delete(host)
    })
    return true
  }

  #connect(socket: Socket, listener: string, { sasl }: ListenerSecurity, principal: string): void {
    const { clock, logger } = this.#system
    const { dispatcher, counters } = this.#context
    const connection: ClientConnection = new ClientConnection(
      socket,
      {
        id: `${listener}-${++this.#lastId}`,
        listener,
        principal,
        login: (self) => sasl && new Login(self, { sasl, dispatcher, clock, logger, counters }),
        maxLoginBytes: sasl?.maxReceiveBytes ?? 0,
        onLogin: () => this.#logins.delete(connection),
      },
      this.#context,
    )
    this.#connections.add(connection)
    socket.on('close', () => this.#connections.delete(connection))
    if (sasl) this.#logins.add(connection, clock.monotonic())
    if (this.#stopping) connection.stopReading()
  }

  #closeCrowded(connection: ClientConnection): void {
    if (this.#crowded++ % 1000 === 0)
      this.#system.logger.warn(
        { client: connection.host, closed: this.#crowded },
        `connection closed: more than ${limits.logins} clients are not logged in; the oldest of them are closed`,
      )
    connection.destroy()
  }

  #closeIdle(idleMs: number): void {
    const cutoff = this.#system.clock.monotonic() - idleMs
    for (const connection of this.#connections) {
      const since = connection.idleSince
      if (since !== null && since < cutoff) connection.destroy()
    }
  }
}
