/**
 * One client's connection: frames in, requests begun in order, answers out in order. Requests of an API that `overlaps` run side by side;
 * every other waits until its elders are answered. What a client can make it hold is bounded (Invariant 13): beyond the limits it stops reading.
 */
import type { Socket } from 'node:net'
import type { Peer } from '../apis/request-context.ts'
import type { Logger } from '../system/logger.ts'
import { writeResponseHeader } from '../wire/header.ts'
import { WireError } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { FrameAssembler } from './frame-assembler.ts'
import { limits } from './limits.ts'
import type { PendingRequest } from './pending-request.ts'
import type { RequestDispatcher } from './request-dispatcher.ts'

/** What all connections of a broker share. */
export interface ConnectionContext {
  readonly dispatch: RequestDispatcher
  readonly logger: Logger
  readonly maxRequestBytes: number
  readonly budget: RequestBudget
  readonly counters: NetworkCounters
  monotonic(): number
}

/** Plain numbers: counted on the hot path, read by the metrics when somebody looks. */
export interface NetworkCounters {
  requests: Map<number, number>
  bytesIn: number
  bytesOut: number
  /** Encoded and not taken by the system yet. */
  unsentBytes: number
  closedForErrors: number
}

/** Bytes of requests under way over all connections. */
export interface RequestBudget {
  take(bytes: number): void
  give(bytes: number): void
  readonly isSpent: boolean
  /** Runs `task` once there is room again. */
  whenRoom(task: () => void): void
}

const isPromise = (value: unknown): value is Promise<unknown> => typeof (value as { then?: unknown } | null)?.then === 'function'

export class ClientConnection implements Peer {
  readonly id: string
  readonly host: string
  readonly listener: string
  readonly principal = 'User:ANONYMOUS'
  readonly #context: ConnectionContext
  readonly #socket: Socket
  readonly #frames: FrameAssembler
  readonly #closeTasks = new Set<() => void>()
  /** In the order of their coming; those before `#next` have been begun. */
  readonly #queue: PendingRequest[] = []
  #next = 0
  #running = 0
  #runningExclusive = false
  #queuedBytes = 0
  #paused = false
  #waitsForRoom = false
  #closed = false
  /** No request comes any more: the reason to close once the elders are answered. */
  #ending: string | null = null
  #writer: Writer | null = null
  #sent: (() => void)[] = []
  #lastLifeAt: number

  constructor(socket: Socket, id: string, listener: string, context: ConnectionContext) {
    this.id = id
    this.listener = listener
    this.host = `/${(socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '')}`
    this.#socket = socket
    this.#context = context
    this.#frames = new FrameAssembler(context.maxRequestBytes)
    this.#lastLifeAt = context.monotonic()
    socket.on('data', (chunk) => this.#receive(chunk as Buffer))
    socket.on('drain', () => {
      this.#lastLifeAt = context.monotonic()
      this.#pump()
    })
    socket.on('end', () => this.#gone())
    socket.on('close', () => this.#gone())
    // a reset is an ordinary way for a client to go; `close` follows
    socket.on('error', (error) => context.logger.debug({ err: error, client: this.host }, 'connection lost'))
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Since when nothing happened here, in monotonic ms; null while a request is worked on. A part of a request does not count as life. */
  get idleSince(): number | null {
    return this.#running > 0 ? null : this.#lastLifeAt
  }

  get answerBytes(): number {
    return Math.max(limits.leastAnswerBytes, limits.unsentBytes - this.#context.counters.unsentBytes)
  }

  get isQuiet(): boolean {
    return this.#queue.length === 0 && this.#writer === null && this.#socket.writableLength === 0
  }

  onClose(task: () => void): () => void {
    if (this.#closed) {
      task()
      return () => {}
    }
    this.#closeTasks.add(task)
    return () => this.#closeTasks.delete(task)
  }

  close(why: string): void {
    if (this.#closed) return
    this.#context.logger.warn({ client: this.host, listener: this.listener }, `connection closed: ${why}`)
    this.#context.counters.closedForErrors++
    this.destroy()
  }

  destroy(): void {
    this.#socket.destroy()
    this.#gone()
  }

  /** Takes no more requests. */
  stopReading(): void {
    this.#ending ??= ''
    this.#socket.pause()
    if (this.isQuiet) this.#socket.destroySoon()
  }

  #receive(chunk: Buffer): void {
    if (this.#closed || this.#ending !== null) return
    this.#context.counters.bytesIn += chunk.length
    try {
      this.#frames.push(chunk, (frame) => this.#take(frame))
    } catch (error) {
      if (error instanceof WireError) this.#endWith(error.message)
      else {
        // a fault of ours in reading one client's bytes must not end the others
        this.#context.logger.error({ err: error, client: this.host }, 'a request could not be read')
        this.close('a request could not be read')
      }
    }
    this.#pump()
    this.#throttle()
  }

  #take(frame: Buffer): void {
    if (this.#ending !== null) return
    this.#lastLifeAt = this.#context.monotonic()
    let exchange: PendingRequest
    try {
      exchange = this.#context.dispatch.read(frame, this)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.#endWith(error.message)
      return
    }
    const { requests } = this.#context.counters
    requests.set(exchange.api.key, (requests.get(exchange.api.key) ?? 0) + 1)
    this.#queue.push(exchange)
    this.#queuedBytes += exchange.bytes
    this.#context.budget.take(exchange.bytes)
  }

  /** What came before is still answered. */
  #endWith(why: string): void {
    this.#ending = why
    if (this.#queue.length === 0 && this.#writer === null) this.close(why)
  }

  #pump(): void {
    while (this.#next < this.#queue.length && !this.#closed) {
      const exchange = this.#queue[this.#next]!
      if (this.#running > 0 && (this.#runningExclusive || !exchange.api.concurrent)) break
      if (this.#socket.writableLength + (this.#writer?.length ?? 0) > limits.unsentBytesPerConnection) break
      this.#next++
      if (!exchange.done) this.#begin(exchange)
      this.#answerReady()
    }
  }

  #begin(exchange: PendingRequest): void {
    let answer: unknown
    try {
      answer = exchange.api.handle(exchange)
    } catch (error) {
      this.#fail(exchange, error)
      return
    }
    if (!isPromise(answer)) {
      exchange.answer = answer
      exchange.done = true
      return
    }
    this.#running++
    if (!exchange.api.concurrent) this.#runningExclusive = true
    answer.then(
      (value) => {
        exchange.answer = value
        exchange.done = true
        this.#ended()
      },
      (error) => {
        this.#fail(exchange, error)
        this.#ended()
      },
    )
  }

  #fail(exchange: PendingRequest, error: unknown): void {
    try {
      exchange.answer = this.#context.dispatch.refuse(exchange, error)
    } catch (fault) {
      this.#context.logger.error({ err: fault, api: exchange.api.name }, 'a failure could not be answered')
    }
    exchange.done = true
    if (exchange.answer === null) this.close(`${exchange.api.name} failed, and its answer has no place for an error`)
  }

  #ended(): void {
    this.#running--
    if (this.#running === 0) this.#runningExclusive = false
    this.#answerReady()
    this.#pump()
    if (this.#paused) this.#unthrottle()
  }

  /** Encodes the answers that are next in order. */
  #answerReady(): void {
    let ready = 0
    for (; ready < this.#next; ready++) {
      const exchange = this.#queue[ready]!
      if (!exchange.done) break
      this.#queuedBytes -= exchange.bytes
      this.#context.budget.give(exchange.bytes)
      this.#encode(exchange)
    }
    if (ready === 0) return
    if (ready === this.#queue.length) this.#queue.length = 0
    else this.#queue.splice(0, ready)
    this.#next -= ready
  }

  #encode(exchange: PendingRequest): void {
    const releases = exchange.takeReleases()
    if (this.#closed || exchange.answer === null) {
      if (releases) for (const release of releases) release()
      return
    }
    if (releases) for (const release of releases) this.#sent.push(release)
    if (!this.#writer) {
      this.#writer = new Writer(256)
      // all answers of this turn leave together
      process.nextTick(() => this.#send())
    }
    const { api, version } = exchange
    try {
      this.#writer.beginSized()
      writeResponseHeader(this.#writer, api, version, exchange.correlationId)
      api.writeResponse(this.#writer, version, exchange.answer as never)
      this.#writer.endSized()
    } catch (error) {
      this.#context.logger.error({ err: error, api: api.name, version }, 'an answer could not be encoded')
      this.close(`the answer to ${api.name} could not be encoded`)
    }
  }

  #send(): void {
    const writer = this.#writer
    const releases = this.#sent
    this.#writer = null
    this.#sent = []
    const { counters } = this.#context
    if (!writer || this.#closed) {
      for (const release of releases) release()
      return
    }
    const { length } = writer
    const done = () => {
      counters.unsentBytes -= length
      for (const release of releases) release()
    }
    const chunks = writer.chunks()
    counters.bytesOut += length
    counters.unsentBytes += length
    const last = chunks.length - 1
    if (last > 0) this.#socket.cork()
    for (let i = 0; i <= last; i++) this.#socket.write(chunks[i]!, i === last ? done : undefined)
    if (last > 0) this.#socket.uncork()
    if (this.#ending !== null && this.#queue.length === 0) this.#finish()
    else this.#pump()
  }

  #finish(): void {
    if (this.#ending) this.close(this.#ending)
    else this.#socket.destroySoon()
  }

  /** All together hold too much. Who has nothing under way may always bring one request, or a few that do not read would silence the rest. */
  #isCrowded(): boolean {
    return this.#queue.length > 0 && this.#context.budget.isSpent
  }

  #overLimit(): boolean {
    return this.#queue.length > limits.requestsPerConnection || this.#queuedBytes > limits.requestBytesPerConnection
  }

  #throttle(): void {
    if (this.#paused || this.#closed || !(this.#overLimit() || this.#isCrowded())) return
    this.#paused = true
    this.#socket.pause()
    this.#unthrottle()
  }

  #unthrottle(): void {
    if (this.#overLimit()) return
    if (this.#isCrowded()) {
      if (this.#waitsForRoom) return
      this.#waitsForRoom = true
      this.#context.budget.whenRoom(() => {
        this.#waitsForRoom = false
        if (this.#paused) this.#unthrottle()
      })
      return
    }
    this.#paused = false
    if (this.#ending === null && !this.#closed) this.#socket.resume()
  }

  /** What is under way goes on to its end, and its answer is dropped. */
  #gone(): void {
    if (this.#closed) return
    this.#closed = true
    // what was never begun has nothing to end
    for (const exchange of this.#queue.splice(this.#next)) this.#context.budget.give(exchange.bytes)
    const tasks = [...this.#closeTasks]
    this.#closeTasks.clear()
    for (const task of tasks) task()
  }
}
