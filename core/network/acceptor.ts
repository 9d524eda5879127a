/**
 * The door of one listener, as Kafka's acceptor: one client after another, in the order of arrival. A client waits while the listener or
 * the broker has all the connections that it may have, or while they come too fast; behind it the others wait. Clients of an address that
 * connects too fast are closed after a delay. Nothing is read from a socket that waits, and the number of them is bounded (Invariant 13).
 */
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../system/clock.ts'
import type { Logger } from '../system/logger.ts'
import { canonicalAddress } from './address.ts'
import type { ConnectionQuotas } from './connection-quotas.ts'
import { limits } from './limits.ts'

export interface AcceptorOptions {
  readonly listener: string
  readonly quotas: ConnectionQuotas
  readonly clock: Clock
  readonly logger: Logger
  /** The socket is counted: the quotas must be told of its end. */
  onAdmitted(socket: Socket, address: string): void
}

interface Arrival {
  readonly socket: Socket
  readonly address: string
}

/** One line for the first and then for each thousand: a flood of connections must not become a flood of log lines. */
const LINE_EACH = 1000

export class Acceptor {
  readonly #options: AcceptorOptions
  /** The first one is next: it is recorded in the rates, and waits until `#waitsUntil` and for a slot. */
  readonly #waiting: Arrival[] = []
  #waitsUntil: number | null = null
  #waitTimer: Timer | null = null
  readonly #throttled = new Map<Socket, Timer>()
  #closed = false
  #blockedSince: number | null = null
  #blockedMs = 0
  #rejected = 0
  #blocked = 0

  constructor(options: AcceptorOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#waiting.length
  }

  get throttled(): number {
    return this.#throttled.size
  }

  /** Since the start: connections that were closed at once. */
  get rejected(): number {
    return this.#rejected
  }

  /** How long clients could not be accepted, since the start. */
  get blockedMs(): number {
    return this.#blockedMs + (this.#blockedSince === null ? 0 : this.#options.clock.monotonic() - this.#blockedSince)
  }

  /** Takes a socket that reads nothing yet. */
  accept(socket: Socket): void {
    const { remoteAddress } = socket
    const address = canonicalAddress(remoteAddress ?? '')
    // Without an address the client has gone already.
    if (this.#closed || address === null) {
      socket.destroy()
      return
    }
    if (this.#waiting.length >= limits.waitingConnections) {
      this.#reject(socket, `${limits.waitingConnections} connections wait already`)
      return
    }
    // Nobody else listens while it waits.
    socket.on('error', (error) => this.#options.logger.debug({ err: error, client: address }, 'connection lost'))
    this.#waiting.push({ socket, address })
    if (this.#waiting.length === 1) this.proceed()
  }

  /** A slot may be free, or the limits are others. */
  proceed(): void {
    const { quotas, clock, listener } = this.#options
    while (this.#waiting.length > 0 && !this.#closed) {
      const now = clock.monotonic()
      this.#waitsUntil ??= now + quotas.record(listener, now)
      if (this.#waitsUntil > now) {
        this.#block(now)
        this.#waitTimer ??= clock.after(Math.ceil(this.#waitsUntil - now), () => {
          this.#waitTimer = null
          this.proceed()
        })
        return
      }
      if (!quotas.hasSlot(listener)) {
        this.#block(now)
        return
      }
      this.#unblock(now)
      this.#waitsUntil = null
      this.#admit(this.#waiting.shift()!, now)
    }
  }

  close(): void {
    this.#closed = true
    this.#waitTimer?.cancel()
    for (const { socket } of this.#waiting.splice(0)) socket.destroy()
    for (const [socket, timer] of this.#throttled) {
      timer.cancel()
      socket.destroy()
    }
    this.#throttled.clear()
  }

  #admit({ socket, address }: Arrival, now: number): void {
    const { quotas, listener, onAdmitted } = this.#options
    const admission = quotas.admit(listener, address, now)
    if (admission.outcome === 'throttled') this.#throttle(socket, admission.throttleMs)
    else if (admission.outcome === 'rejected') this.#reject(socket, `the address already has the maximum of ${admission.max} connections`)
    else onAdmitted(socket, address)
  }

  #throttle(socket: Socket, throttleMs: number): void {
    const { clock } = this.#options
    const end = (throttled: Socket) => {
      this.#throttled.get(throttled)?.cancel()
      this.#throttled.delete(throttled)
      throttled.destroy()
    }
    this.#throttled.set(
      socket,
      clock.after(throttleMs, () => end(socket)),
    )
    if (this.#throttled.size <= limits.throttledConnections) return
    const [oldest] = this.#throttled.keys()
    end(oldest!)
  }

  #reject(socket: Socket, why: string): void {
    const { logger, listener } = this.#options
    const { remoteAddress: client } = socket
    socket.destroy()
    if (this.#rejected++ % LINE_EACH === 0) logger.warn({ client, listener, rejected: this.#rejected }, `connection rejected: ${why}`)
  }

  #block(now: number): void {
    if (this.#blockedSince !== null) return
    this.#blockedSince = now
    const { logger, listener } = this.#options
    if (this.#blocked++ % LINE_EACH === 0)
      logger.warn(
        { listener, times: this.#blocked },
        'new connections wait: max.connections or max.connection.creation.rate of the listener or of the broker is reached',
      )
  }

  #unblock(now: number): void {
    if (this.#blockedSince === null) return
    this.#blockedMs += now - this.#blockedSince
    this.#blockedSince = null
  }
}
