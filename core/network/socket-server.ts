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
import { Acceptor } from './acceptor.ts'
import { CloseLog } from './close-log.ts'
import { ClientConnection } from './connection.ts'
import type { ConnectionContext, RequestMemory } from './connection-context.ts'
import { type ConnectionLimits, ConnectionQuotas, type IpRates, type ListenerFigures } from './connection-quotas.ts'
import type { NetworkCounters } from './counters.ts'
import { MIN_FRAME_BYTES } from './frame-assembler.ts'
import { limits } from './limits.ts'
import { Login } from './login.ts'
import { Newcomers } from './newcomers.ts'
import { PartialRequests } from './partial-requests.ts'
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

export interface SocketServerOptions {
  readonly settings: BrokerSettings
  readonly system: System
  readonly dispatcher: RequestDispatcher
  /** inter.broker.listener.name */
  readonly interBrokerListener: string
  readonly limits: ConnectionLimits
}

export class ListenError extends Error {
  override name = 'ListenError'
}

const PLAINTEXT: ListenerSecurity = { tls: null, sasl: null }
const ANONYMOUS = 'User:ANONYMOUS'
/** How often connections that are late with their login are looked for. */
const NEWCOMER_CHECK_MS = 1000

/** A socket that is counted. */
interface Admitted {
  readonly listener: string
  readonly address: string
  readonly since: number
  /** Null until the TLS handshake is done. */
  connection: ClientConnection | null
}

const lastActive = ({ connection, since }: Admitted): number => connection?.lastActiveAt ?? since

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
  readonly #system: System
  readonly #context: ConnectionContext
  readonly #memory: RequestPool
  readonly #servers: Server[] = []
  readonly #connections = new Set<ClientConnection>()
  /** Those in a TLS handshake included. */
  readonly #admitted = new Map<Socket, Admitted>()
  readonly #quotas: ConnectionQuotas
  readonly #acceptors = new Map<string, Acceptor>()
  readonly #tlsAcceptors: TlsAcceptor[] = []
  readonly #logins: Newcomers<ClientConnection>
  readonly #idleCheck: Timer | null
  readonly #newcomerCheck: Timer
  readonly counters: NetworkCounters = {
    requests: new Map(),
    bytesIn: 0,
    bytesOut: 0,
    unsentBytes: 0,
    closedForErrors: 0,
    loginsSucceeded: 0,
    loginsFailed: 0,
    tlsHandshakesFailed: 0,
  }
  #lastId = 0
  #crowded = 0
  #closedForLimits = 0
  #stopping = false

  constructor({ settings, system, dispatcher, interBrokerListener, limits: connectionLimits }: SocketServerOptions) {
    const { values } = settings
    this.#settings = settings
    this.#system = system
    const window = { samples: values['quota.window.num'], sampleMs: values['quota.window.size.seconds'] * 1000 }
    this.#quotas = new ConnectionQuotas({ window, interBrokerListener, limits: connectionLimits })
    for (const { name } of settings.listeners) this.#quotas.addListener(name)
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
      partialLogins: new PartialRequests(limits.loginBytes),
      partialRequests: new PartialRequests(
        Math.max(maxBytes > 0 ? maxBytes : limits.partialRequestBytes, values['socket.request.max.bytes']),
      ),
      closeLog: new CloseLog(system.logger, system.clock),
      counters: this.counters,
      monotonic: () => system.clock.monotonic(),
    }
    const idleMs = values['connections.max.idle.ms']
    // As Kafka: a negative time is none.
    this.#idleCheck = idleMs < 0 ? null : system.clock.every(Math.max(10, Math.min(idleMs / 4, 30_000)), () => this.#closeIdle(idleMs))
    this.#logins = new Newcomers(limits.logins, limits.loginMs, (connection, why) => {
      if (why === 'late') connection.close(`the client did not log in within ${limits.loginMs} ms`)
      else this.#closeCrowded(connection)
    })
    this.#newcomerCheck = system.clock.every(NEWCOMER_CHECK_MS, () => {
      this.#logins.closeLate(system.clock.monotonic())
      for (const acceptor of this.#tlsAcceptors) acceptor.closeLate()
    })
  }

  get connections(): number {
    return this.#quotas.connections
  }

  /** Of each listener: what the quotas count, and how its door does. */
  *listenerFigures(): Iterable<ListenerFigures & Pick<Acceptor, 'waiting' | 'rejected' | 'blockedMs'>> {
    for (const figures of this.#quotas.figures(this.#system.clock.monotonic())) {
      const acceptor = this.#acceptors.get(figures.listener)
      const { waiting = 0, rejected = 0, blockedMs = 0 } = acceptor ?? {}
      yield { ...figures, waiting, rejected, blockedMs }
    }
  }

  get acceptRate(): number {
    return this.#quotas.acceptRate(this.#system.clock.monotonic())
  }

  /** Connections that were closed because max.connections was exceeded. */
  get closedForLimits(): number {
    return this.#closedForLimits
  }

  set connectionLimits(connectionLimits: ConnectionLimits) {
    this.#quotas.limits = connectionLimits
    this.#closeExcess()
    this.#slotsChanged()
  }

  set ipRates(rates: IpRates) {
    this.#quotas.ipRates = rates
  }

  get requestsInFlight(): number {
    return this.#memory.requests
  }

  /** Opens a listener. Throws ListenError with a message for the operator. */
  async listen(listener: ListenerSettings, security: ListenerSecurity = PLAINTEXT): Promise<Endpoint> {
    const { name } = listener
    const tls = await this.#tlsAcceptorOf(name, security)
    if (tls) this.#tlsAcceptors.push(tls)
    const { clock, logger } = this.#system
    const acceptor = new Acceptor({
      ...{ listener: name, quotas: this.#quotas, clock, logger },
      onAdmitted: (socket, address) => {
        const admitted = this.#admit(socket, name, address)
        if (tls) tls.accept(socket)
        else {
          this.#connect(socket, admitted, security, ANONYMOUS)
          if (!this.#stopping) socket.resume()
        }
        if (this.#quotas.isProtected(name)) this.#closeExcess()
      },
    })
    this.#acceptors.set(name, acceptor)
    // Nothing is read before the connection is accepted.
    const server = createServer({ noDelay: true, keepAlive: true, pauseOnConnect: true }, (socket) => acceptor.accept(socket))
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
  async #tlsAcceptorOf(listener: string, security: ListenerSecurity): Promise<TlsAcceptor | null> {
    const { tls } = security
    if (!tls) return null
    const { TlsAcceptor } = await import('./tls-acceptor.ts')
    return new TlsAcceptor({
      ...{ listener, tls, logger: this.#system.logger, counters: this.counters },
      monotonic: () => this.#system.clock.monotonic(),
      soon: (task) => this.#system.clock.soon(task),
      onSecure: (socket, raw, principal) => this.#connect(socket, this.#admitted.get(raw)!, security, principal),
    })
  }

  /** Accepts no more connections, waits a bounded time for the responses in flight, then closes all connections. */
  async close(): Promise<void> {
    this.#stopping = true
    this.#idleCheck?.cancel()
    this.#newcomerCheck.cancel()
    for (const acceptor of this.#acceptors.values()) acceptor.close()
    for (const acceptor of this.#tlsAcceptors) acceptor.close()
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    for (const connection of this.#connections) connection.stopReading()
    const deadline = this.#system.clock.after(limits.closeTimeoutMs, () => {
      for (const connection of this.#connections) connection.destroy()
    })
    await Promise.all(closed)
    deadline.cancel()
  }

  #admit(socket: Socket, listener: string, address: string): Admitted {
    const admitted: Admitted = { listener, address, since: this.#system.clock.monotonic(), connection: null }
    this.#admitted.set(socket, admitted)
    socket.on('close', () => this.#release(socket))
    return admitted
  }

  /** Once for each socket, however it ends. */
  #release(socket: Socket): void {
    const admitted = this.#admitted.get(socket)
    if (!admitted) return
    this.#admitted.delete(socket)
    this.#quotas.release(admitted.listener, admitted.address)
    this.#slotsChanged()
  }

  /** Another listener is first each time: those that wait share the slots of the broker. */
  #slotsChanged(): void {
    const acceptors = [...this.#acceptors]
    const [first] = acceptors
    for (const [, acceptor] of acceptors) acceptor.proceed()
    if (first && acceptors.length > 1) {
      this.#acceptors.delete(first[0])
      this.#acceptors.set(...first)
    }
  }

  /** As Kafka: the least recently active connections make room, those of the inter-broker listener never. */
  #closeExcess(): void {
    const { excess } = this.#quotas
    if (excess === 0) return
    const others = [...this.#admitted].filter(([, { listener }]) => !this.#quotas.isProtected(listener))
    others.sort(([, a], [, b]) => lastActive(a) - lastActive(b))
    for (const [socket, { listener, address, connection }] of others.slice(0, excess)) {
      if (this.#closedForLimits++ % 1000 === 0)
        this.#system.logger.warn(
          { client: address, listener, closed: this.#closedForLimits },
          'connection closed: max.connections is exceeded',
        )
      this.#release(socket)
      if (connection) connection.destroy()
      else socket.destroy()
    }
  }

  #connect(socket: Socket, admitted: Admitted, { sasl }: ListenerSecurity, principal: string): void {
    const { listener } = admitted
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
    admitted.connection = connection
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
