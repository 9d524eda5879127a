/**
 * One connection to one broker: frames out, frames in, pipelined and matched by correlation id. The only file of the client with sockets.
 * A frame is assembled with at most one copy, its length is checked before memory is taken, and every request ends: answered, timed out
 * (which ends the connection, as its answers come in order) or failed with the connection. It retries nothing.
 */
import { connect as connectSocket, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { KafkaError } from '../../errors.ts'
import type { Clock, Timer } from '../../system/clock.ts'
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

/** What one read of a socket takes at most. */
const READ_BYTES = 256 * 1024

/** The door for TLS: gives the stream that frames travel on. Its chunks are used up when its listener returns. */
export type Connect = (address: Address, signal: AbortSignal) => Promise<Duplex>

export const connectTcp: Connect = ({ host, port }, signal) =>
  new Promise((resolve, reject) => {
    // one buffer for all that is read from this socket: a chunk for each read would be garbage as large as all the traffic
    const socket: Socket = connectSocket({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (length, buffer) => socket.emit('data', buffer.subarray(0, length)),
      },
    })
    const settle = (finish: () => void) => {
      signal.removeEventListener('abort', onAbort)
      socket.removeListener('error', onError)
      socket.removeListener('connect', onConnect)
      finish()
    }
    const onError = (error: Error) => settle(() => reject(error))
    const onConnect = () => settle(() => resolve(socket))
    const onAbort = () =>
      settle(() => {
        // A late error of a socket that nobody waits for is no news.
        socket.on('error', () => {})
        socket.destroy()
        reject(new Error('gave up connecting'))
      })
    socket.once('error', onError)
    socket.once('connect', onConnect)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })

interface Pending {
  correlationId: number
  api: AnyApi
  version: number
  deadline: number
  /** Null when nobody waits any more: the answer is dropped. */
  resolve: ((response: never) => void) | null
  reject: (error: Error) => void
}

export interface ConnectionOptions {
  clientId: string
  clock: Clock
  /** Gives the memory for a frame that does not come whole in one read; new memory where it is not given. */
  allocate?: ((sizeBytes: number) => Buffer) | undefined
  /** Called once, when the connection is over. */
  onClose?: ((error: Error) => void) | undefined
}

const SIZE_BYTES = 4
const MAX_CORRELATION = 0x7fff_ffff

export class BrokerConnection {
  readonly address: Address
  /** By API key: what the broker takes. Empty until negotiated. */
  versions: ReadonlyMap<number, readonly [number, number]> = new Map()
  /** Monotonic ms of the last request. */
  lastUsed: number
  /** The broker asked for silence until then (monotonic ms). */
  throttledUntil = 0
  readonly #stream: Duplex
  readonly #options: ConnectionOptions
  readonly #pending: Pending[] = []
  /** Of requests without an answer that the socket has not taken yet: how to fail them. */
  readonly #unsent = new Set<(error: Error) => void>()
  #nextCorrelation = 0
  #over: Error | null = null
  #timer: Timer | null = null
  #timerAt = Number.POSITIVE_INFINITY
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
    stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    stream.on('error', (error) => this.destroy(error))
    stream.on('end', () => this.destroy(new Error('closed by the broker')))
    stream.on('close', () => this.destroy(new Error('closed')))
  }

  get closed(): boolean {
    return this.#over !== null
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
      if (this.#over) return reject(this.#networkError(this.#over))
      if (signal?.aborted) return reject(abortError(signal))
      if (this.#pending.length >= clientLimits.requestsInFlight)
        return reject(new KafkaError('NETWORK_EXCEPTION', `${this.#where()}: ${this.#pending.length} requests wait for an answer already`))
      const pending: Pending = {
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
      this.#watch(pending.deadline)
    })
  }

  /**
   * A request that the protocol does not answer: Produce with acks=0. Resolves when the socket has taken it: nothing else holds back a sender
   * whose broker does not read (Invariant 13).
   */
  oneWay<A extends Api>(api: A, version: number, body: RequestOf<A>, options: { timeoutMs: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(this.#networkError(this.#over))
      const end = (finish: () => void) => {
        this.#unsent.delete(fail)
        timer.cancel()
        finish()
      }
      const fail = (error: Error) => end(() => reject(error))
      this.#write(api, version, body, (error) => (error ? fail(this.#networkError(error)) : end(resolve)))
      this.#unsent.add(fail)
      const timer = this.#options.clock.after(options.timeoutMs, () => {
        fail(new KafkaError('REQUEST_TIMED_OUT', `${this.#where()}: ${api.name} was not taken in time`))
        this.destroy(new Error(`${api.name} was not taken in time`))
      })
    })
  }

  /** Encodes all of a request before any of it is sent: one that cannot be encoded leaves the connection as it was. */
  #write<A extends Api>(api: A, version: number, body: RequestOf<A>, taken?: (error?: Error | null) => void): number {
    const correlationId = this.#nextCorrelation
    const writer = new Writer()
    writer.int32(0)
    writeRequestHeader(writer, api as AnyApi, { apiVersion: version, correlationId, clientId: this.#options.clientId })
    ;(api as AnyApi).writeRequest(writer, version, body)
    const length = writer.length - SIZE_BYTES
    const chunks = writer.chunks()
    chunks[0]!.writeInt32BE(length, 0)
    this.#nextCorrelation = correlationId === MAX_CORRELATION ? 0 : correlationId + 1
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
    chunks.forEach((chunk, index) => void this.#stream.write(chunk, index === last ? taken : undefined))
    return correlationId
  }

  #receive(chunk: Buffer): void {
    let data = chunk
    while (data.length > 0 && !this.#over) {
      if (this.#frame) {
        const taken = Math.min(this.#frame.length - this.#frameFilled, data.length)
        data.copy(this.#frame, this.#frameFilled, 0, taken)
        this.#frameFilled += taken
        data = data.subarray(taken)
        if (this.#frameFilled === this.#frame.length) {
          const frame = this.#frame
          this.#frame = null
          this.#deliver(frame)
        }
        continue
      }
      if (this.#sizeFilled > 0 || data.length < SIZE_BYTES) {
        const taken = Math.min(SIZE_BYTES - this.#sizeFilled, data.length)
        data.copy(this.#size, this.#sizeFilled, 0, taken)
        this.#sizeFilled += taken
        data = data.subarray(taken)
        if (this.#sizeFilled < SIZE_BYTES) return
        this.#sizeFilled = 0
        data = this.#begin(this.#size.readInt32BE(0), data)
      } else data = this.#begin(data.readInt32BE(0), data.subarray(SIZE_BYTES))
    }
  }

  /** A frame of `size` bytes begins with `data`. Gives back what lies behind it. Invariant 13: the length is checked first. */
  #begin(size: number, data: Buffer): Buffer {
    if (size < SIZE_BYTES || size > limits.frameBytes) {
      this.destroy(new WireError(`a frame of ${size} bytes, the limit is ${limits.frameBytes}`))
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
      this.destroy(new WireError(`answer ${correlationId} came, ${pending?.correlationId ?? 'none'} was next`))
      return
    }
    if (!pending.resolve) return
    try {
      const { api, version } = pending
      const reader = new Reader(frame, SIZE_BYTES)
      if (responseHasTags(api, version)) skipTags(reader)
      const response = api.readResponse(reader, version) as { throttleTimeMs?: number }
      if (response.throttleTimeMs) this.throttledUntil = this.#options.clock.monotonic() + response.throttleTimeMs
      pending.resolve(response as never)
    } catch (error) {
      const cause = error as Error
      pending.reject(
        new KafkaError('NETWORK_EXCEPTION', `${this.#where()}: unreadable answer to ${pending.api.name}: ${cause.message}`, { cause }),
      )
      this.destroy(cause)
    }
  }

  #watch(deadline: number): void {
    if (deadline >= this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = deadline
    const { clock } = this.#options
    this.#timer = clock.after(Math.max(0, deadline - clock.monotonic()), () => {
      this.#timer = null
      this.#timerAt = Number.POSITIVE_INFINITY
      this.#expire()
    })
  }

  #expire(): void {
    const now = this.#options.clock.monotonic()
    let next = Number.POSITIVE_INFINITY
    for (const pending of this.#pending) {
      if (pending.deadline > now) {
        next = Math.min(next, pending.deadline)
        continue
      }
      pending.reject(new KafkaError('REQUEST_TIMED_OUT', `${this.#where()}: no answer to ${pending.api.name} in time`))
      this.destroy(new Error(`no answer to ${pending.api.name} in time`))
      return
    }
    if (next < Number.POSITIVE_INFINITY) this.#watch(next)
  }

  #networkError(cause: Error): KafkaError {
    return new KafkaError('NETWORK_EXCEPTION', `${this.#where()}: ${cause.message}`, { cause })
  }

  /** Ends the connection; what waits for an answer fails with NETWORK_EXCEPTION. */
  destroy(error: Error = new Error('closed')): void {
    if (this.#over) return
    this.#over = error
    this.#timer?.cancel()
    this.#timer = null
    this.#frame = null
    this.#stream.destroy()
    const waiting = this.#pending.splice(0)
    for (const pending of waiting) pending.reject(this.#networkError(error))
    for (const fail of [...this.#unsent]) fail(this.#networkError(error))
    this.#options.onClose?.(error)
  }
}

export const abortError = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error('the request was given up', { cause: signal.reason })
