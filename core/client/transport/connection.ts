/**
 * One connection to one broker: requests are pipelined, responses matched by correlation id. The only file of the client with sockets. A
 * frame is assembled with at most one copy, and its length is checked before memory is allocated. Every request ends: with its response, by
 * timeout (which closes the connection, since responses come in order), or with the connection. It retries nothing.
 */
import { connect as connectSocket, isIP, type OnReadOpts, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  checkServerIdentity,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
  type ConnectionOptions as TlsConnectionOptions,
  connect as tlsConnect,
} from 'node:tls'
import { KafkaError } from '../../errors.ts'
import { AuthenticationError, sslError } from '../../security/authentication-error.ts'
import type { ClientTls } from '../../security/tls/client-tls.ts'
import type { Clock } from '../../system/clock.ts'
import { WakeTimer } from '../../system/wake-timer.ts'
import type { AnyApi, Api, RequestOf, ResponseOf } from '../../wire/api.ts'
import { responseHasTags, skipTags, writeRequestHeader } from '../../wire/header.ts'
import { limits } from '../../wire/limits.ts'
import { Reader, WireError } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'
import { clientLimits } from '../limits.ts'

export interface Address {
  host: string
  port: number
}

/** The most bytes of one read from a socket. */
const READ_BYTES = 256 * 1024

/** Opens the stream of the frames, by TCP or TLS. A chunk of it is valid until its `data` listener returns. */
export type Connect = (address: Address, signal: AbortSignal) => Promise<Duplex>

/** One buffer for all reads of a socket: a buffer for each read would be garbage as large as the traffic. */
const readInto = (socket: () => Socket) => ({
  buffer: Buffer.allocUnsafeSlow(READ_BYTES),
  callback: (length: number, buffer: Uint8Array) => socket().emit('data', buffer.subarray(0, length)),
})

export const connectTcp: Connect = ({ host, port }, signal) => {
  const socket: Socket = connectSocket({ host, port, noDelay: true, keepAlive: true, onread: readInto(() => socket) })
  return connected(socket, 'connect', signal)
}

/**
 * TLS, with the host name as server name (SNI). The certificate is judged here and not by Node, which would end the connection without
 * showing it: the error names its dates and names. No byte is sent or read before.
 */
export function connectTls(tls: ClientTls): Connect {
  const contexts = new WeakMap<object, SecureContext>()
  return async ({ host, port }, signal) => {
    const { options } = tls
    const secureContext = contexts.get(options) ?? createSecureContext(options)
    contexts.set(options, secureContext)
    const connectOptions: TlsConnectionOptions & { onread: OnReadOpts } = {
      host,
      port,
      secureContext,
      ...(isIP(host) === 0 && { servername: host }),
      rejectUnauthorized: false,
      checkServerIdentity: tls.checksHostName ? checkServerIdentity : () => undefined,
      onread: readInto(() => socket),
    }
    const socket: TLSSocket = tlsConnect(connectOptions)
    socket.setNoDelay(true).setKeepAlive(true)
    await connected(socket, 'secureConnect', signal)
    if (socket.authorized) return socket
    const rejected = tls.certificateRejected(`${socket.authorizationError}`, socket.getPeerCertificate(), host, port)
    socket.on('error', () => {})
    socket.destroy()
    throw rejected
  }
}

/** Resolves at `event`. */
const connected = <S extends Socket>(socket: S, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<S> =>
  new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      signal.removeEventListener('abort', onAbort)
      socket.removeListener('error', onError)
      socket.removeListener(event, onConnect)
      finish()
    }
    const onError = (error: Error) => settle(() => reject(error))
    const onConnect = () => settle(() => resolve(socket))
    const onAbort = () =>
      settle(() => {
        // An error after the abort has no listener any more, and must not end the process.
        socket.on('error', () => {})
        socket.destroy()
        reject(new Error('connecting was aborted'))
      })
    socket.once('error', onError)
    socket.once(event, onConnect)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })

interface PendingRequest {
  correlationId: number
  api: AnyApi
  version: number
  deadline: number
  /** Null after an abort: the response is dropped. */
  resolve: ((response: never) => void) | null
  reject: (error: Error) => void
}

interface ConnectionOptions {
  clientId: string
  clock: Clock
  /** Allocates the memory of a frame that comes in several reads; new memory where it is not given. */
  allocate?: ((sizeBytes: number) => Buffer) | undefined
  /** Called once. */
  onClosed?: ((error: Error) => void) | undefined
}

/** The message of a connection that the broker has ended. */
export const CLOSED_BY_BROKER = 'closed by the broker'

const SIZE_BYTES = 4
/** The first bytes of a TLS alert: its type, and the major version. They would be a frame of 350 MB. */
const TLS_ALERT = 0x1503
const MAX_CORRELATION_ID = 0x7fff_ffff

export class BrokerConnection {
  readonly address: Address
  /** The versions that the broker supports, by API key. Empty until negotiated. */
  versions: ReadonlyMap<number, readonly [number, number]> = new Map()
  /** The levels of the cluster's finalized features (KIP-584), and the epoch of them; -1 where the broker has none. */
  features: ReadonlyMap<string, number> = new Map()
  featuresEpoch = -1
  /** Monotonic ms of the last request. */
  lastUsed: number
  /** The broker throttles this client until then (monotonic ms). */
  throttledUntil = 0
  /** The session has to be authenticated again at that time (monotonic ms). */
  reauthenticateAt = Number.POSITIVE_INFINITY
  /** The longest frame: less before the connection is authenticated, when nothing is known of the peer. */
  frameBytes: number = limits.frameBytes
  readonly #stream: Duplex
  readonly #options: ConnectionOptions
  readonly #pending: PendingRequest[] = []
  /** Fails a one-way request that is not written to the socket yet. */
  readonly #unwritten = new Set<(error: Error) => void>()
  #nextCorrelationId = 0
  /** Why the connection is closed; null while it is open. */
  #closedBy: Error | null = null
  readonly #timeouts: WakeTimer
  #corked = false
  #frame: Buffer | null = null
  #frameFilled = 0
  readonly #size = Buffer.alloc(SIZE_BYTES)
  #sizeFilled = 0

  constructor(stream: Duplex, address: Address, options: ConnectionOptions) {
    this.#stream = stream
    this.address = address
    this.#options = options
    this.lastUsed = options.clock.monotonic()
    this.#timeouts = new WakeTimer(options.clock, () => this.#expire(), { keepsAlive: false })
    stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    stream.on('error', (error) => this.destroy(error))
    stream.on('end', () => this.destroy(new Error(CLOSED_BY_BROKER)))
    stream.on('close', () => this.destroy(new Error('closed')))
  }

  get closed(): boolean {
    return this.#closedBy !== null
  }

  get inFlight(): number {
    return this.#pending.length
  }

  #where(): string {
    return `${this.address.host}:${this.address.port}`
  }

  request<A extends Api>(
    api: A,
    version: number,
    body: RequestOf<A>,
    options: { timeoutMs: number; signal?: AbortSignal | undefined },
  ): Promise<ResponseOf<A>> {
    return new Promise((resolve, reject) => {
      const { signal } = options
      if (this.#closedBy) return reject(this.#networkError(this.#closedBy))
      if (signal?.aborted) return reject(abortError(signal))
      if (this.#pending.length >= clientLimits.requestsInFlight)
        return reject(new KafkaError('NETWORK_EXCEPTION', `${this.#where()}: ${this.#pending.length} requests in flight already`))
      const pending: PendingRequest = {
        correlationId: 0,
        api,
        version,
        deadline: this.#options.clock.monotonic() + options.timeoutMs,
        resolve: resolve as (response: never) => void,
        reject,
      }
      if (signal) {
        const onAbort = () => {
          pending.resolve = null
          reject(abortError(signal))
        }
        const release = () => signal.removeEventListener('abort', onAbort)
        signal.addEventListener('abort', onAbort, { once: true })
        pending.resolve = (response) => {
          release()
          resolve(response)
        }
        pending.reject = (error) => {
          release()
          reject(error)
        }
      }
      try {
        pending.correlationId = this.#write(api, version, body)
      } catch (error) {
        pending.reject(error as Error)
        return
      }
      this.#pending.push(pending)
      this.#timeouts.wakeAt(pending.deadline)
    })
  }

  /**
   * A request without a response: Produce with acks=0. Resolves when it is written to the socket: nothing else slows down a sender whose
   * broker does not read (Invariant 13).
   */
  oneWay<A extends Api>(api: A, version: number, body: RequestOf<A>, options: { timeoutMs: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closedBy) return reject(this.#networkError(this.#closedBy))
      const end = (finish: () => void) => {
        this.#unwritten.delete(fail)
        timer.cancel()
        finish()
      }
      const fail = (error: Error) => end(() => reject(error))
      this.#write(api, version, body, (error) => (error ? fail(this.#networkError(error)) : end(resolve)))
      this.#unwritten.add(fail)
      const timer = this.#options.clock.after(options.timeoutMs, () => {
        const reason = `${api.name} could not be written within ${options.timeoutMs} ms`
        fail(new KafkaError('REQUEST_TIMED_OUT', `${this.#where()}: ${reason}`))
        this.destroy(new Error(reason))
      })
    })
  }

  /** Encodes the whole request before it writes any of it: a request that cannot be encoded leaves the connection usable. */
  #write<A extends Api>(api: A, version: number, body: RequestOf<A>, onWritten?: (error?: Error | null) => void): number {
    const correlationId = this.#nextCorrelationId
    const writer = new Writer()
    writer.int32(0)
    writeRequestHeader(writer, api as AnyApi, { apiVersion: version, correlationId, clientId: this.#options.clientId })
    ;(api as AnyApi).writeRequest(writer, version, body)
    const length = writer.length - SIZE_BYTES
    const chunks = writer.chunks()
    chunks[0]!.writeInt32BE(length, 0)
    this.#nextCorrelationId = correlationId === MAX_CORRELATION_ID ? 0 : correlationId + 1
    this.lastUsed = this.#options.clock.monotonic()
    if (!this.#corked) {
      this.#corked = true
      this.#stream.cork()
      queueMicrotask(() => {
        this.#corked = false
        this.#stream.uncork()
      })
    }
    const last = chunks.length - 1
    chunks.forEach((chunk, index) => void this.#stream.write(chunk, index === last ? onWritten : undefined))
    return correlationId
  }

  #receive(chunk: Buffer): void {
    let data = chunk
    while (data.length > 0 && !this.#closedBy) {
      if (this.#frame) {
        const copied = Math.min(this.#frame.length - this.#frameFilled, data.length)
        data.copy(this.#frame, this.#frameFilled, 0, copied)
        this.#frameFilled += copied
        data = data.subarray(copied)
        if (this.#frameFilled === this.#frame.length) {
          const frame = this.#frame
          this.#frame = null
          this.#deliver(frame)
        }
        continue
      }
      if (this.#sizeFilled > 0 || data.length < SIZE_BYTES) {
        const copied = Math.min(SIZE_BYTES - this.#sizeFilled, data.length)
        data.copy(this.#size, this.#sizeFilled, 0, copied)
        this.#sizeFilled += copied
        data = data.subarray(copied)
        if (this.#sizeFilled < SIZE_BYTES) return
        this.#sizeFilled = 0
        data = this.#startFrame(this.#size.readInt32BE(0), data)
      } else data = this.#startFrame(data.readInt32BE(0), data.subarray(SIZE_BYTES))
    }
  }

  /** A frame of `size` bytes starts with `data`. Returns what follows the frame. Invariant 13: the length is checked first. */
  #startFrame(size: number, data: Buffer): Buffer {
    if (size < SIZE_BYTES || size > this.frameBytes) {
      const isTlsAlert = size >>> 16 === TLS_ALERT
      this.destroy(isTlsAlert ? this.#speaksTls() : new WireError(`a frame of ${size} bytes, the limit is ${this.frameBytes}`))
      return data
    }
    if (data.length >= size) {
      this.#deliver(Buffer.from(data.subarray(0, size)))
      return data.subarray(size)
    }
    this.#frame = this.#options.allocate?.(size) ?? Buffer.allocUnsafeSlow(size)
    this.#frameFilled = 0
    return data
  }

  #deliver(frame: Buffer): void {
    const correlationId = frame.readInt32BE(0)
    const pending = this.#pending.shift()
    if (!pending || pending.correlationId !== correlationId) {
      if (pending) this.#pending.unshift(pending)
      this.destroy(new WireError(`response ${correlationId} received, ${pending?.correlationId ?? 'none'} expected`))
      return
    }
    if (!pending.resolve) return
    try {
      const { api, version } = pending
      const reader = new Reader(frame, SIZE_BYTES)
      if (responseHasTags(api, version)) skipTags(reader)
      const response = api.readResponse(reader, version) as { throttleTimeMs?: number }
      const { throttleTimeMs } = response
      // A response behind the one that throttles the client does not end it.
      if (throttleTimeMs) this.throttledUntil = Math.max(this.throttledUntil, this.#options.clock.monotonic() + throttleTimeMs)
      pending.resolve(response as never)
    } catch (error) {
      const cause = error as Error
      pending.reject(
        new KafkaError('NETWORK_EXCEPTION', `${this.#where()}: unreadable response to ${pending.api.name}: ${cause.message}`, { cause }),
      )
      this.destroy(cause)
    }
  }

  #expire(): void {
    const now = this.#options.clock.monotonic()
    for (const { deadline, api, reject } of this.#pending) {
      if (deadline > now) continue
      const reason = `no response to ${api.name} in time`
      reject(new KafkaError('REQUEST_TIMED_OUT', `${this.#where()}: ${reason}`))
      this.destroy(new Error(reason))
      return
    }
    for (const { deadline } of this.#pending) this.#timeouts.wakeAt(deadline)
  }

  #speaksTls(): AuthenticationError {
    const advice = 'set security.protocol to SSL or SASL_SSL, or use the port of a listener without'
    return sslError(`${this.#where()}: the listener speaks TLS, this client does not: ${advice}`)
  }

  #networkError(cause: Error): KafkaError {
    if (cause instanceof AuthenticationError) return cause
    return new KafkaError('NETWORK_EXCEPTION', `${this.#where()}: ${cause.message}`, { cause })
  }

  /** Closes the connection; requests in flight fail with NETWORK_EXCEPTION. */
  destroy(error: Error = new Error('closed')): void {
    if (this.#closedBy) return
    this.#closedBy = error
    this.#timeouts.cancel()
    this.#frame = null
    this.#stream.destroy()
    for (const pending of this.#pending.splice(0)) pending.reject(this.#networkError(error))
    for (const fail of [...this.#unwritten]) fail(this.#networkError(error))
    this.#options.onClosed?.(error)
  }
}

export const abortError = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error('the request was aborted', { cause: signal.reason })
