/**
 * One client's connection: frames in, requests started in order, responses sent in order. Requests of a `concurrent` API run side by side;
 * every other request waits until the earlier ones have their responses. What a client can make it buffer is bounded (Invariant 13): beyond
 * the limits the connection is muted, as Kafka calls it: nothing more is read from it.
 */
import type { Socket } from 'node:net'
import type { Peer } from '../apis/request-context.ts'
import { writeResponseHeader } from '../wire/header.ts'
import { WireError } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { type ConnectionContext, type ConnectionIdentity, loginFrames } from './connection-context.ts'
import { FrameAssembler } from './frame-assembler.ts'
import { limits } from './limits.ts'
import type { Login, LoginConnection } from './login.ts'
import type { PendingRequest } from './pending-request.ts'

const isPromise = (value: unknown): value is Promise<unknown> => typeof (value as { then?: unknown } | null)?.then === 'function'

export class ClientConnection implements Peer, LoginConnection {
  readonly id: string
  readonly host: string
  readonly listener: string
  #principal: string
  readonly #identity: ConnectionIdentity
  readonly #context: ConnectionContext
  readonly #socket: Socket
  readonly #frames: FrameAssembler
  readonly #closeTasks = new Set<() => void>()
  /** In the order of arrival; those before `#next` are started. */
  readonly #queue: PendingRequest[] = []
  #next = 0
  #running = 0
  #runningExclusive = false
  #queuedBytes = 0
  #muted = false
  #waitsForMemory = false
  #closed = false
  /** Set when no further request is read: the reason to close once the queue is empty; empty for an orderly end. */
  #ending: string | null = null
  #writer: Writer | null = null
  /** Run when the content of `#writer` is sent. */
  #releases: (() => void)[] = []
  #lastActiveAt: number
  /** Takes the requests until the login is complete, and all requests of a session with an end. */
  #login: Login | null
  #loginBytes = 0

  constructor(socket: Socket, identity: ConnectionIdentity, context: ConnectionContext) {
    this.id = identity.id
    this.listener = identity.listener
    this.#principal = identity.principal
    this.#identity = identity
    this.host = `/${(socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '')}`
    this.#socket = socket
    this.#context = context
    this.#login = identity.login(this)
    this.#frames = new FrameAssembler(this.#login ? loginFrames(identity, false) : context.frames)
    this.#lastActiveAt = context.monotonic()
    socket.on('data', (chunk) => this.#receive(chunk as Buffer))
    socket.on('drain', () => {
      this.#lastActiveAt = context.monotonic()
      this.#startRequests()
    })
    socket.on('end', () => this.#disconnected())
    socket.on('close', () => this.#disconnected())
    // A reset is an ordinary way for a client to disconnect; `close` follows.
    socket.on('error', (error) => context.logger.debug({ err: error, client: this.host }, 'connection lost'))
  }

  get principal(): string {
    return this.#principal
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Monotonic ms of the last activity; null while a request is handled. A part of a request is no activity. */
  get idleSince(): number | null {
    return this.#running > 0 ? null : this.#lastActiveAt
  }

  get maxResponseBytes(): number {
    return Math.max(limits.minResponseBytes, limits.unsentBytes - this.#context.counters.unsentBytes)
  }

  /** True when no request is in flight and every response is sent. */
  get isIdle(): boolean {
    return this.#queue.length === 0 && this.#writer === null && this.#socket.writableLength === 0
  }

  get isQuiet(): boolean {
    return this.#queue.length === 0
  }

  onClose(task: () => void): () => void {
    if (this.#closed) {
      task()
      return () => {}
    }
    this.#closeTasks.add(task)
    return () => this.#closeTasks.delete(task)
  }

  close(reason: string): void {
    if (this.#closed) return
    this.#logClose(reason)
    this.destroy()
  }

  #logClose(reason: string): void {
    this.#context.logger.warn({ client: this.host, listener: this.listener }, `connection closed: ${reason}`)
    this.#context.counters.closedForErrors++
  }

  destroy(): void {
    this.#socket.destroy()
    this.#disconnected()
  }

  /** Reads no further request, and closes once the requests in flight have their responses. */
  stopReading(): void {
    this.#ending ??= ''
    this.#socket.pause()
    if (this.isIdle) this.#socket.destroySoon()
  }

  read(frame: Buffer): PendingRequest {
    this.#lastActiveAt = this.#context.monotonic()
    return this.#context.dispatcher.read(frame, this)
  }

  request(frame: Buffer): void {
    this.answer(this.read(frame))
  }

  answer(pending: PendingRequest): void {
    this.#enqueue(pending)
    this.#startRequests()
  }

  answerBare(bytes: Buffer): void {
    const writer = this.#writing()
    writer.int32(bytes.length)
    writer.raw(bytes)
  }

  refuse(pending: PendingRequest | null, reason: string): void {
    this.#ending ??= reason
    if (pending) this.answer(pending)
    else if (this.#writer === null && this.#queue.length === 0) this.#finish()
  }

  loginChanged({ isComplete, bareTokens, principal }: { isComplete: boolean; bareTokens: boolean; principal: string | null }): void {
    this.#frames.limits = isComplete ? this.#context.frames : loginFrames(this.#identity, bareTokens)
    if (!isComplete || principal === null) return
    this.#principal = principal
    this.#identity.onLogin()
  }

  resume(): void {
    if (this.#muted) this.#unmute()
  }

  #receive(chunk: Buffer): void {
    if (this.#closed || this.#ending !== null) return
    this.#context.counters.bytesIn += chunk.length
    try {
      this.#frames.push(chunk, (frame) => this.#take(frame))
    } catch (error) {
      if (error instanceof WireError) this.#endWith(error.message)
      else {
        // A bug in reading one client's bytes must not end the broker.
        this.#context.logger.error({ err: error, client: this.host }, 'a request could not be read; the connection is closed')
        this.close('a request could not be read')
      }
    }
    this.#startRequests()
    if (this.#login !== null) this.#boundLogin(this.#login.isComplete ? 0 : this.#frames.heldBytes)
    this.#muteOverLimit()
  }

  /** What clients before their login make the broker hold, over all connections. */
  #boundLogin(bytes: number): void {
    const { counters } = this.#context
    counters.loginBytes += bytes - this.#loginBytes
    this.#loginBytes = bytes
    if (bytes > limits.eagerLoginBytes && counters.loginBytes > limits.loginBytes)
      this.close(`requests of clients that are not logged in need more than ${limits.loginBytes} bytes`)
  }

  #take(frame: Buffer): void {
    if (this.#ending !== null) return
    if (this.#login !== null) {
      if (!this.#login.isNeeded) this.#login = null
      else if (this.#login.takes(frame)) return
    }
    try {
      this.#enqueue(this.read(frame))
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.#endWith(error.message)
    }
  }

  #enqueue(pending: PendingRequest): void {
    const { requests } = this.#context.counters
    requests.set(pending.api.key, (requests.get(pending.api.key) ?? 0) + 1)
    this.#queue.push(pending)
    this.#queuedBytes += pending.sizeBytes
    this.#context.memory.reserve(pending.sizeBytes)
  }

  /** Earlier requests still get their responses. */
  #endWith(reason: string): void {
    this.#ending = reason
    if (this.#queue.length === 0 && this.#writer === null) this.close(reason)
  }

  #startRequests(): void {
    while (this.#next < this.#queue.length && !this.#closed) {
      const pending = this.#queue[this.#next]!
      if (this.#running > 0 && (this.#runningExclusive || !pending.api.concurrent)) break
      if (this.#socket.writableLength + (this.#writer?.length ?? 0) > limits.unsentBytesPerConnection) break
      this.#next++
      if (!pending.isCompleted) this.#handle(pending)
      this.#encodeCompleted()
    }
  }

  #handle(pending: PendingRequest): void {
    let result: unknown
    try {
      result = pending.api.handle(pending)
    } catch (error) {
      this.#fail(pending, error)
      return
    }
    if (!isPromise(result)) {
      pending.complete(result)
      return
    }
    this.#running++
    if (!pending.api.concurrent) this.#runningExclusive = true
    result.then(
      (response) => {
        pending.complete(response)
        this.#handled()
      },
      (error) => {
        this.#fail(pending, error)
        this.#handled()
      },
    )
  }

  #fail(pending: PendingRequest, error: unknown): void {
    let response: unknown = null
    try {
      response = this.#context.dispatcher.errorResponse(pending, error)
    } catch (bug) {
      this.#context.logger.error({ err: bug, api: pending.api.name }, 'an error response could not be built; the connection is closed')
    }
    pending.complete(response)
    if (response === null) this.close(`${pending.api.name} failed, and its response has no field for an error`)
  }

  #handled(): void {
    this.#running--
    if (this.#running === 0) this.#runningExclusive = false
    this.#encodeCompleted()
    this.#startRequests()
    if (this.#muted) this.#unmute()
  }

  /** Encodes the responses that are next in order. */
  #encodeCompleted(): void {
    let completed = 0
    for (; completed < this.#next; completed++) {
      const pending = this.#queue[completed]!
      if (!pending.isCompleted) break
      this.#queuedBytes -= pending.sizeBytes
      this.#context.memory.release(pending.sizeBytes)
      this.#encode(pending)
    }
    if (completed === 0) return
    if (completed === this.#queue.length) this.#queue.length = 0
    else this.#queue.splice(0, completed)
    this.#next -= completed
    if (this.#login !== null && this.#queue.length === 0) this.#login.goOn()
  }

  #encode({ api, version, correlationId, response, releases }: PendingRequest): void {
    if (this.#closed || response === null) {
      for (const release of releases) release()
      return
    }
    for (const release of releases) this.#releases.push(release)
    const writer = this.#writing()
    try {
      writer.beginSized()
      writeResponseHeader(writer, api, version, correlationId)
      api.writeResponse(writer, version, response as never)
      writer.endSized()
    } catch (error) {
      this.#context.logger.error({ err: error, api: api.name, version }, 'a response could not be encoded; the connection is closed')
      this.close(`the response to ${api.name} could not be encoded`)
    }
  }

  #writing(): Writer {
    if (!this.#writer) {
      this.#writer = new Writer(256)
      // All responses of this turn are sent together.
      process.nextTick(() => this.#send())
    }
    return this.#writer
  }

  #send(): void {
    const writer = this.#writer
    const releases = this.#releases
    this.#writer = null
    this.#releases = []
    const { counters } = this.#context
    if (!writer || this.#closed) {
      for (const release of releases) release()
      return
    }
    const { length } = writer
    const sent = () => {
      counters.unsentBytes -= length
      for (const release of releases) release()
    }
    const chunks = writer.chunks()
    counters.bytesOut += length
    counters.unsentBytes += length
    const last = chunks.length - 1
    if (last > 0) this.#socket.cork()
    for (let i = 0; i <= last; i++) this.#socket.write(chunks[i]!, i === last ? sent : undefined)
    if (last > 0) this.#socket.uncork()
    if (this.#ending !== null && this.#queue.length === 0) this.#finish()
    else this.#startRequests()
  }

  /** What is written is still sent: TLS encrypts after the write. */
  #finish(): void {
    if (this.#ending) this.#logClose(this.#ending)
    this.#socket.destroySoon()
  }

  /**
   * The requests of all connections use too much memory. A connection without requests in flight may always send one: otherwise a few
   * clients that do not read their responses would block all other clients.
   */
  #lacksMemory(): boolean {
    return this.#queue.length > 0 && this.#context.memory.isExhausted
  }

  #isOverLimit(): boolean {
    return (
      this.#queue.length > limits.requestsPerConnection ||
      this.#queuedBytes > limits.requestBytesPerConnection ||
      (this.#login?.isHolding ?? false)
    )
  }

  #muteOverLimit(): void {
    if (this.#muted || this.#closed || !(this.#isOverLimit() || this.#lacksMemory())) return
    this.#muted = true
    this.#socket.pause()
    this.#unmute()
  }

  #unmute(): void {
    if (this.#isOverLimit()) return
    if (this.#lacksMemory()) {
      if (this.#waitsForMemory) return
      this.#waitsForMemory = true
      this.#context.memory.onceAvailable(() => {
        this.#waitsForMemory = false
        if (this.#muted) this.#unmute()
      })
      return
    }
    this.#muted = false
    if (this.#ending === null && !this.#closed) this.#socket.resume()
  }

  /** Requests in flight run to their end, and their responses are dropped. */
  #disconnected(): void {
    if (this.#closed) return
    this.#closed = true
    this.#identity.onLogin()
    this.#context.counters.loginBytes -= this.#loginBytes
    this.#loginBytes = 0
    for (const pending of this.#queue.splice(this.#next)) this.#context.memory.release(pending.sizeBytes)
    const tasks = [...this.#closeTasks]
    this.#closeTasks.clear()
    for (const task of tasks) task()
  }
}
