/**
 * One client's connection: frames in, requests started in order, responses sent in order. Requests of a `concurrent` API run side by side;
 * every other request waits until the earlier ones have their responses. What a client can make it buffer is bounded (Invariant 13): beyond
 * the limits, and while its client is throttled, the connection is muted, as Kafka calls it: nothing more is read from it.
 */
import type { Socket } from 'node:net'
import type { Peer } from '../apis/request-context.ts'
import { WireError } from '../wire/reader.ts'
import { type ConnectionContext, type ConnectionIdentity, loginFrames } from './connection-context.ts'
import { ConnectionMute, type MutableConnection } from './connection-mute.ts'
import { ConnectionThrottle } from './connection-throttle.ts'
import { FrameAssembler } from './frame-assembler.ts'
import { limits } from './limits.ts'
import type { Login, LoginConnection } from './login.ts'
import { PartialRequest } from './partial-request.ts'
import type { PendingRequest } from './pending-request.ts'
import { ResponseSender } from './response-sender.ts'

const isPromise = (value: unknown): value is Promise<unknown> => typeof (value as { then?: unknown } | null)?.then === 'function'

export class ClientConnection implements Peer, LoginConnection, MutableConnection {
  readonly id: string
  readonly host: string
  readonly listener: string
  #principal: string
  #tokenAuthenticated = false
  readonly #identity: ConnectionIdentity
  readonly #context: ConnectionContext
  readonly #socket: Socket
  readonly #frames: FrameAssembler
  readonly #throttle: ConnectionThrottle
  readonly #responses: ResponseSender
  readonly #mute: ConnectionMute
  readonly #partial: PartialRequest
  readonly #closeTasks = new Set<() => void>()
  /** In the order of arrival; those before `#next` are started. */
  readonly #queue: PendingRequest[] = []
  #next = 0
  #running = 0
  #runningExclusive = false
  #queuedBytes = 0
  #closed = false
  /** Set when no further request is read: the reason to close once the queue is empty; empty for an orderly end. */
  #ending: string | null = null
  #isFinished = false
  #lastActiveAt: number
  /** Takes the requests until the login is complete, and all requests of a session with an end. */
  #login: Login | null

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
    const { dispatcher } = context
    this.#responses = new ResponseSender(socket, context.counters, {
      onSend: () => this.#responsesWritten(),
      // The bound before a login is too low for `drain`.
      onSent: () => this.#isLoggingIn && this.#startRequests(),
    })
    this.#throttle = new ConnectionThrottle(dispatcher.clock, dispatcher.throttle, () => this.#goOn())
    this.#partial = new PartialRequest(this, context)
    this.#mute = new ConnectionMute(socket, context.memory, this)
    socket.on('data', (chunk) => this.#receive(chunk as Buffer))
    socket.on('drain', () => this.#goOn())
    socket.on('end', () => this.#disconnected())
    socket.on('close', () => this.#disconnected())
    // A reset is an ordinary way for a client to disconnect; `close` follows.
    socket.on('error', (error) => context.logger.debug({ err: error, client: this.host }, 'connection lost'))
  }

  get principal(): string {
    return this.#principal
  }

  get tokenAuthenticated(): boolean {
    return this.#tokenAuthenticated
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Monotonic ms of the last activity; null while a request is handled or the client throttled. A part of a request is no activity. */
  get idleSince(): number | null {
    return this.#running > 0 || this.#throttle.isActive ? null : this.#lastActiveAt
  }

  /** The same while a request is handled. */
  get lastActiveAt(): number {
    return this.#lastActiveAt
  }

  get maxResponseBytes(): number {
    return Math.max(limits.minResponseBytes, limits.unsentBytes - this.#context.counters.unsentBytes)
  }

  get isOverLimit(): boolean {
    return (
      this.#throttle.isActive ||
      this.#queue.length > limits.requestsPerConnection ||
      this.#queuedBytes > limits.requestBytesPerConnection ||
      (this.#login?.isHolding ?? false)
    )
  }

  get readsOn(): boolean {
    return this.#ending === null && !this.#closed
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
    this.#context.closeLog.closed({ client: this.host, listener: this.listener, reason })
    this.#context.counters.closedForErrors++
  }

  destroy(): void {
    this.#socket.destroy()
    this.#disconnected()
  }

  /** Reads no further request, and closes once the requests in flight have their responses. */
  stopReading(): void {
    this.#ending ??= ''
    this.#throttle.end()
    this.#socket.pause()
    this.#finishOnceDone()
  }

  read(frame: Buffer): PendingRequest {
    const { dispatcher } = this.#context
    this.#lastActiveAt = this.#context.monotonic()
    const pending = dispatcher.read(frame, this, this.#isLoggingIn ? limits.loginElements : undefined)
    if (dispatcher.throttle.isEnabled) pending.handlingMs = this.#context.monotonic() - this.#lastActiveAt
    return pending
  }

  request(frame: Buffer): void {
    this.#enqueue(this.read(frame))
    this.#startRequests()
  }

  answer(pending: PendingRequest): void {
    pending.isOfLogin = true
    this.#enqueue(pending)
    this.#startRequests()
  }

  answerBare(bytes: Buffer): void {
    this.#responses.addBare(bytes)
  }

  /** Earlier requests still get their responses. */
  refuse(pending: PendingRequest | null, reason: string): void {
    this.#ending ??= reason
    if (pending) this.answer(pending)
    else this.#finishOnceDone()
  }

  loginChanged({ isComplete, bareTokens, principal, tokenAuthenticated }: Parameters<LoginConnection['loginChanged']>[0]): void {
    this.#frames.limits = isComplete ? this.#context.frames : loginFrames(this.#identity, bareTokens)
    if (!isComplete || principal === null) return
    this.#principal = principal
    this.#tokenAuthenticated = tokenAuthenticated
    this.#identity.onLogin()
  }

  resume(): void {
    this.#mute.recheck()
  }

  #receive(chunk: Buffer): void {
    if (this.#closed || this.#ending !== null) return
    this.#context.counters.bytesIn += chunk.length
    try {
      this.#frames.push(chunk, (frame) => this.#take(frame))
    } catch (error) {
      if (error instanceof WireError) this.refuse(null, error.message)
      else {
        // A bug in reading one client's bytes must not end the broker.
        this.#context.logger.error({ err: error, client: this.host }, 'a request could not be read; the connection is closed')
        this.close('a request could not be read')
      }
    }
    this.#startRequests()
    if (!this.#closed) this.#partial.hold(this.#frames, this.#isLoggingIn)
    this.#mute.check()
  }

  get #isLoggingIn(): boolean {
    return this.#login !== null && !this.#login.isComplete
  }

  #take(frame: Buffer): void {
    if (this.#ending !== null) return
    this.#partial.release()
    if (this.#login !== null) {
      if (!this.#login.isNeeded) this.#login = null
      else if (this.#login.takes(frame)) return
    }
    try {
      this.#enqueue(this.read(frame))
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.refuse(null, error.message)
    }
  }

  #enqueue(pending: PendingRequest): void {
    const { requests } = this.#context.counters
    requests.set(pending.api.key, (requests.get(pending.api.key) ?? 0) + 1)
    this.#queue.push(pending)
    this.#queuedBytes += pending.sizeBytes
    this.#context.memory.reserve(pending.sizeBytes)
  }

  #startRequests(): void {
    while (this.#next < this.#queue.length && !this.#closed && !this.#throttle.isActive) {
      const pending = this.#queue[this.#next]!
      if (this.#running > 0 && (this.#runningExclusive || !pending.api.concurrent)) break
      if (this.#responses.unsentBytes > (this.#isLoggingIn ? limits.unsentLoginBytes : limits.unsentBytesPerConnection)) break
      this.#next++
      if (!pending.isCompleted) this.#handle(pending)
      else if (!pending.isOfLogin) this.#complete(pending, pending.response)
      this.#encodeCompleted()
    }
    this.#mute.recheck()
  }

  #handle(pending: PendingRequest): void {
    let result: unknown
    try {
      result = this.#context.dispatcher.throttle.isEnabled ? this.#handleMeasured(pending) : pending.api.handle(pending)
    } catch (error) {
      this.#fail(pending, error)
      return
    }
    if (!isPromise(result)) {
      this.#complete(pending, result)
      return
    }
    this.#running++
    if (!pending.api.concurrent) this.#runningExclusive = true
    result.then(
      (response) => {
        this.#complete(pending, response)
        this.#handled()
      },
      (error) => {
        this.#fail(pending, error)
        this.#handled()
      },
    )
  }

  #handleMeasured(pending: PendingRequest): unknown {
    this.#throttleFor(this.#context.dispatcher.throttle.starting(pending))
    const startedAt = this.#context.monotonic()
    try {
      return pending.api.handle(pending)
    } finally {
      pending.handlingMs += this.#context.monotonic() - startedAt
    }
  }

  #complete(pending: PendingRequest, response: unknown): void {
    const { throttle } = this.#context.dispatcher
    if (!throttle.isEnabled) {
      pending.complete(response)
      return
    }
    try {
      this.#throttleFor(throttle.completed(pending, response))
    } catch (error) {
      this.#unencodable(pending, error)
      pending.complete(null)
    }
  }

  /** The response is sent at once. */
  #throttleFor(durationMs: number): void {
    if (durationMs === 0 || this.#closed || this.#ending !== null) return
    this.#throttle.extend(durationMs)
    this.#mute.check()
  }

  /** What has waited for the client, or for the end of its throttling. */
  #goOn(): void {
    this.#lastActiveAt = this.#context.monotonic()
    this.#startRequests()
  }

  #fail(pending: PendingRequest, error: unknown): void {
    let response: unknown = null
    try {
      response = this.#context.dispatcher.errorResponse(pending, error)
    } catch (bug) {
      this.#context.logger.error({ err: bug, api: pending.api.name }, 'an error response could not be built; the connection is closed')
    }
    this.#complete(pending, response)
    if (response === null) this.close(`${pending.api.name} failed, and its response has no field for an error`)
  }

  #handled(): void {
    this.#running--
    if (this.#running === 0) this.#runningExclusive = false
    this.#encodeCompleted()
    this.#startRequests()
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
    // The last request may have no response.
    if (this.#ending !== null) this.#finishOnceDone()
  }

  #encode(pending: PendingRequest): void {
    const { throttle } = this.#context.dispatcher
    const isMeasured = throttle.isEnabled && !pending.isOfLogin
    const startedAt = isMeasured ? this.#context.monotonic() : 0
    try {
      this.#responses.add(pending)
    } catch (error) {
      this.#unencodable(pending, error)
    }
    if (isMeasured) throttle.encoded(pending, this.#context.monotonic() - startedAt)
  }

  #unencodable({ api, version }: PendingRequest, error: unknown): void {
    this.#context.logger.error({ err: error, api: api.name, version }, 'a response could not be encoded; the connection is closed')
    this.close(`the response to ${api.name} could not be encoded`)
  }

  #responsesWritten(): void {
    this.#lastActiveAt = this.#context.monotonic()
    if (this.#ending !== null) this.#finishOnceDone()
    this.#startRequests()
  }

  /** What is written is still sent: TLS encrypts after the write. */
  #finishOnceDone(): void {
    if (this.#isFinished || this.#closed || this.#queue.length > 0 || !this.#responses.isEmpty) return
    this.#isFinished = true
    if (this.#ending) this.#logClose(this.#ending)
    this.#socket.destroySoon()
  }

  /** Requests in flight run to their end, and their responses are dropped. */
  #disconnected(): void {
    if (this.#closed) return
    this.#closed = true
    this.#responses.close()
    this.#throttle.end()
    this.#identity.onLogin()
    this.#partial.release()
    for (const pending of this.#queue.splice(this.#next)) this.#context.memory.release(pending.sizeBytes)
    const tasks = [...this.#closeTasks]
    this.#closeTasks.clear()
    for (const task of tasks) task()
  }
}
