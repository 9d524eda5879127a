/**
 * TLS handshakes of one listener: a socket comes in, and goes on with its principal once the handshake is done. A client that speaks no TLS
 * is told apart by its first bytes; what a handshake may take is bounded. New certificates are used by new handshakes only.
 */
import type { Socket } from 'node:net'
import { createSecureContext, createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls'
import { KafkaError } from '../errors.ts'
import type { ListenerTls } from '../security/listener-tls.ts'
import type { Logger } from '../system/logger.ts'
import type { NetworkCounters } from './counters.ts'
import { limits } from './limits.ts'
import { Newcomers } from './newcomers.ts'

const TLS_HANDSHAKE = 0x16
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

const sourceOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`

export interface TlsAcceptorOptions {
  readonly listener: string
  readonly tls: ListenerTls
  readonly logger: Logger
  readonly counters: Pick<NetworkCounters, 'tlsHandshakesFailed'>
  monotonic(): number
  onSecure(socket: TLSSocket, principal: string): void
}

export class TlsAcceptor {
  readonly #options: TlsAcceptorOptions
  readonly #server: Server
  readonly #newcomers: Newcomers<Socket>
  /** By the address of the client: the socket of TLS is another object. */
  readonly #handshakes = new Map<string, Socket>()
  #failures = 0

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
      if (code !== 'ECONNRESET') this.#failed(socket, `TLS handshake failed (${code ?? error.message})`)
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
    })
    // Before a handshake a reset is no event: scanners do it all the time.
    socket.on('error', (error) => this.#options.logger.debug({ err: error, client: socket.remoteAddress }, 'connection lost'))
    socket.once('readable', () => {
      const bytes = socket.read() as Buffer | null
      if (bytes === null) {
        socket.destroy()
        return
      }
      if (bytes[0] !== TLS_HANDSHAKE) {
        this.#failed(socket, 'the client does not speak TLS: set security.protocol to SSL or SASL_SSL, as the listener has it')
        return
      }
      socket.unshift(bytes)
      this.#handshakes.set(source, socket)
      this.#server.emit('connection', socket)
    })
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
    if (raw) this.#newcomers.delete(raw)
    // A connection listens for errors of its own; one that is refused here must not end the process.
    socket.on('error', (error) => this.#options.logger.debug({ err: error, client: socket.remoteAddress }, 'connection lost'))
    let principal: string
    try {
      principal = tls.principal(socket) ?? ANONYMOUS
    } catch (error) {
      this.#failed(socket, (error as Error).message)
      return
    }
    const { listener, logger } = this.#options
    logger.debug({ client: socket.remoteAddress, listener, principal, protocol: socket.getProtocol() }, 'TLS handshake succeeded')
    onSecure(socket, principal)
  }

  /** One line for the first and then for each hundred: a flood of connections must not become a flood of log lines. */
  #failed(socket: Socket, why: string): void {
    const { listener, logger, counters } = this.#options
    counters.tlsHandshakesFailed++
    if (this.#failures++ % 100 === 0)
      logger.warn({ client: socket.remoteAddress, listener, failures: this.#failures }, `connection closed: ${why}`)
    socket.destroy()
  }
}
