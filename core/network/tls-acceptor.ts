/**
 * TLS handshakes of one listener: a socket comes in, and goes on with its principal once the handshake is done. A client that speaks no TLS
 * is told apart by its first bytes; what a handshake may take is bounded. New certificates are used by new handshakes only.
 */
import type { Socket } from 'node:net'
import { createSecureContext, createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls'
import { KafkaError } from '../errors.ts'
import type { ListenerTls } from '../security/listener-tls.ts'
import type { Logger } from '../system/logger.ts'
import { ClientHello } from './client-hello.ts'
import type { NetworkCounters } from './counters.ts'
import { limits } from './limits.ts'
import { Newcomers } from './newcomers.ts'

const ANONYMOUS = 'User:ANONYMOUS'

/** Throws KafkaError where OpenSSL does not take the options of a listener. */
export function checkTlsOptions(options: SecureContextOptions): void {
  try {
    createSecureContext(options)
  } catch (error) {
    const { message } = error as Error
    throw new KafkaError('INVALID_CONFIG', `ssl.keystore: OpenSSL cannot use the certificates and keys of the stores: ${message}`, {
      cause: error,
    })
  }
}

/** A client may connect from one port to several addresses of this machine. */
const sourceOf = ({ remoteAddress, remotePort, localAddress }: Socket): string => `${remoteAddress} ${remotePort} ${localAddress}`

export interface TlsAcceptorOptions {
  readonly listener: string
  readonly tls: ListenerTls
  readonly logger: Logger
  readonly counters: Pick<NetworkCounters, 'tlsHandshakesFailed'>
  monotonic(): number
  /** Runs a task in the next turn of the event loop. */
  soon(task: () => void): void
  /** `raw` is the socket that was accepted. */
  onSecure(socket: TLSSocket, raw: Socket, principal: string): void
}

/** Reasons that are counted by themselves: a client may be able to make up some. */
const MAX_REASONS = 50

export class TlsAcceptor {
  readonly #options: TlsAcceptorOptions
  readonly #server: Server
  readonly #newcomers: Newcomers<Socket>
  /** By the address of the client: the socket of TLS is another object. */
  readonly #handshakes = new Map<string, Socket>()
  /** In the order of their ClientHello. */
  readonly #ready = new Map<Socket, ClientHello>()
  #isBeginning = false
  readonly #failures = new Map<string, number>()

  constructor(options: TlsAcceptorOptions) {
    this.#options = options
    const { tls } = options
    this.#newcomers = new Newcomers(limits.tlsHandshakes, limits.tlsHandshakeMs, (socket, why) => {
      this.#failed(socket, why === 'late' ? `no TLS handshake within ${limits.tlsHandshakeMs} ms` : 'too many TLS handshakes at a time')
    })
    this.#server = createServer({
      ...tls.options,
      // The limit of this class also counts the time before the first byte.
      handshakeTimeout: limits.tlsHandshakeMs,
    })
    this.#server.on('secureConnection', (socket) => this.#secured(socket))
    this.#server.on('tlsClientError', (error, socket) => {
      const { code } = error as NodeJS.ErrnoException
      // Node resets the connection of a client whose certificate it does not accept, and tells why in a property of the socket.
      const { authorizationError } = socket
      if (authorizationError) this.#failed(socket, `the client's certificate is not accepted (${authorizationError}): see ssl.truststore`)
      else if (code !== 'ECONNRESET') this.#failed(socket, `TLS handshake failed (${code ?? error.message})`)
      socket.destroy()
    })
    tls.onChange((changed) => this.#renew(changed))
  }

  #renew(options: SecureContextOptions): void {
    const { listener, logger } = this.#options
    try {
      this.#server.setSecureContext(options)
    } catch (error) {
      logger.error(
        { err: error, listener },
        'OpenSSL cannot use the TLS stores as they are now: new connections use the old ones; repair them',
      )
    }
  }

  accept(socket: Socket): void {
    this.#newcomers.add(socket, this.#options.monotonic())
    const source = sourceOf(socket)
    socket.on('close', () => {
      this.#newcomers.delete(socket)
      this.#handshakes.delete(source)
      this.#ready.delete(socket)
    })
    // Before a handshake a reset is no event: scanners do it all the time.
    socket.on('error', (error) => this.#options.logger.debug({ err: error, client: socket.remoteAddress }, 'connection lost'))
    const hello = new ClientHello()
    const read = () => {
      for (let bytes = socket.read() as Buffer | null; bytes !== null && !hello.isComplete; bytes = socket.read() as Buffer | null) {
        hello.push(bytes)
        if (hello.refused !== null) {
          this.#failed(socket, hello.refused)
          return
        }
        if (hello.isComplete) {
          socket.off('readable', read)
          socket.off('end', gone)
          this.#ready.set(socket, hello)
          this.#beginSoon()
          return
        }
      }
    }
    socket.on('readable', read)
    const gone = () => socket.destroy()
    socket.on('end', gone)
  }

  #beginSoon(): void {
    if (this.#isBeginning) return
    this.#isBeginning = true
    this.#options.soon(() => {
      this.#isBeginning = false
      this.#begin()
    })
  }

  /** A few in each turn: clients that are connected already have theirs between. */
  #begin(): void {
    let begun = 0
    for (const [socket, hello] of this.#ready) {
      if (begun++ === limits.tlsHandshakesPerTurn) {
        this.#beginSoon()
        return
      }
      this.#ready.delete(socket)
      socket.unshift(hello.bytes)
      this.#handshakes.set(sourceOf(socket), socket)
      this.#server.emit('connection', socket)
    }
  }

  /** Clients whose handshake could begin, and has not. */
  get waiting(): number {
    return this.#ready.size
  }

  closeLate(): void {
    this.#newcomers.closeLate(this.#options.monotonic())
  }

  close(): void {
    for (const socket of this.#newcomers) socket.destroy()
  }

  #secured(socket: TLSSocket): void {
    const { tls, onSecure } = this.#options
    const source = sourceOf(socket)
    const raw = this.#handshakes.get(source)
    this.#handshakes.delete(source)
    // A connection listens for errors of its own; one that is refused here must not end the process.
    socket.on('error', (error) => {
      this.#options.logger.debug({ err: error, client: socket.remoteAddress }, 'connection lost')
      // A renegotiation is an error after which Node goes on.
      socket.destroy()
    })
    if (!raw) {
      // The client has gone: its address is not known any more.
      socket.destroy()
      return
    }
    this.#newcomers.delete(raw)
    // As Kafka: a client could make the broker sign without end.
    socket.disableRenegotiation()
    let principal: string
    try {
      principal = tls.principal(socket) ?? ANONYMOUS
    } catch (error) {
      this.#failed(socket, (error as Error).message)
      return
    }
    const { listener, logger } = this.#options
    logger.debug({ client: socket.remoteAddress, listener, principal, protocol: socket.getProtocol() }, 'TLS handshake succeeded')
    onSecure(socket, raw, principal)
  }

  /** One line for the first of a reason and then for each hundred: a flood of connections must not become a flood of log lines. */
  #failed(socket: Socket, why: string): void {
    const { listener, logger, counters } = this.#options
    counters.tlsHandshakesFailed++
    const reason = this.#failures.size < MAX_REASONS || this.#failures.has(why) ? why : ''
    const failures = (this.#failures.get(reason) ?? 0) + 1
    this.#failures.set(reason, failures)
    if (failures % 100 === 1) logger.warn({ client: socket.remoteAddress, listener, failures }, `connection closed: ${why}`)
    socket.destroy()
  }
}
