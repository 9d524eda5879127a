/**
 * The replication connection: commands first, then the stream of a slot. In the stream it takes over the driver's socket, answers the
 * server's keepalives and confirms positions, and lets no more bytes in than its limit while nobody takes messages. What it confirms as
 * flushed never goes backwards. The server answers each status from time to time, so that silence is noticed.
 */
import type { Duplex } from 'node:stream'
import type pg from 'pg'
import { Retriable } from '../../connect/sdk/index.ts'
import { closeDatabase, databaseError, openDatabase } from './database.ts'
import {
  COPY_DONE,
  FrameCutter,
  queryFrame,
  readKeepalive,
  readServerError,
  type ServerMessage,
  statusFrame,
  TERMINATE,
} from './replication-frames.ts'
import type { PostgresSourceConfig } from './settings.ts'
import { streamProblem } from './slot.ts'
import type { Lsn } from './types.ts'

/** How many bytes may wait to be taken where max.queue.size.in.bytes does not say: about 8192 changes of 2 KiB. */
const DEFAULT_MAX_BUFFERED_BYTES = 16 * 1024 * 1024
const CLOSE_TIMEOUT_MS = 1_000

const COPY_DATA = 0x64
const COPY_BOTH = 0x57
const COPY_END = 0x63
const ERROR = 0x45
const KEEPALIVE = 0x6b
const WAL_DATA = 0x77

/** The driver's parts that it has no types for. */
interface DriverConnection {
  stream: Duplex
}

export class ReplicationConnection {
  readonly #config: PostgresSourceConfig
  readonly #client: pg.Client
  readonly #frames = new FrameCutter()
  readonly #maxBufferedBytes: number
  #socket: Duplex | null = null
  #wake: (() => void) | null = null
  #failure: Error | null = null
  /** Since the last call of `arrival`. */
  #hasArrived = false
  #isPaused = false
  #isStreaming = false
  #timer: NodeJS.Timeout | null = null
  #heardMs = 0
  #received: Lsn = 0
  #flushed: Lsn = 0
  #walEnd: Lsn = 0

  private constructor(config: PostgresSourceConfig, client: pg.Client) {
    this.#config = config
    this.#client = client
    this.#maxBufferedBytes = config['max.queue.size.in.bytes'] || DEFAULT_MAX_BUFFERED_BYTES
  }

  static async open(config: PostgresSourceConfig): Promise<ReplicationConnection> {
    return new ReplicationConnection(config, await openDatabase(config, { replication: true }))
  }

  /** What the server has written as far as it told. */
  get walEnd(): Lsn {
    return this.#walEnd
  }

  get bufferedBytes(): number {
    return this.#frames.bufferedBytes
  }

  /** Of its process on the server, while it streams. */
  get serverPid(): number {
    return (this.#client as unknown as { processID: number }).processID
  }

  /** For how long nothing has come from the server, in ms; 0 where this side does not read. */
  silentMs(): number {
    return this.#isPaused ? 0 : performance.now() - this.#heardMs
  }

  /** Silence counts from now on. */
  forgiveSilence(): void {
    this.#heardMs = performance.now()
  }

  /** A command, before the stream has started. A snapshot that a slot exported holds until the next one. */
  async command<R extends pg.QueryResultRow>(sql: string): Promise<R[]> {
    try {
      return (await this.#client.query<R>(sql)).rows
    } catch (error) {
      throw databaseError(error, this.#config)
    }
  }

  /** Starts the stream of a slot. `sql` is START_REPLICATION. Rejects with the server's error, or Retriable. */
  async start(sql: string, from: Lsn): Promise<void> {
    const { stream } = (this.#client as unknown as { connection: DriverConnection }).connection
    this.#socket = stream
    this.#received = from
    // From here on the bytes are ours. The driver is idle, so that it has none of them.
    stream.removeAllListeners('data')
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    stream.once('error', (error: Error) => this.#fail(databaseError(error, this.#config, 'The replication connection is lost')))
    stream.once('close', () =>
      this.#fail(databaseError(new Error('closed by the server'), this.#config, 'The replication connection is lost')),
    )
    stream.write(queryFrame(sql))
    for (;;) {
      const message = await this.#message()
      if (message.type === COPY_BOTH) break
      if (message.type === ERROR) throw this.#serverError(message)
    }
    this.#isStreaming = true
    this.forgiveSilence()
    this.#timer = setInterval(() => this.#sendStatus(true), this.#config['status.update.interval.ms'])
  }

  /** The body of the next WAL data message that has arrived, with its header; null where none has. Throws what ended the stream. */
  take(): ServerMessage | null {
    for (;;) {
      const message = this.#frames.next()
      if (!message) {
        this.#resume()
        if (this.#failure) throw this.#failure
        return null
      }
      if (message.type === COPY_DATA) {
        const kind = message.bytes[message.start]
        if (kind === WAL_DATA) return message
        if (kind === KEEPALIVE) this.#onKeepalive(message)
      } else if (message.type === ERROR) throw this.#serverError(message)
      else if (message.type === COPY_END) throw databaseError(new Error('the server ended the stream'), this.#config)
    }
  }

  /** Resolves when bytes have arrived, the connection has failed, or `timeoutMs` have passed or `signal` has aborted. */
  async arrival(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#hasArrived && !this.#failure && !signal.aborted) await this.#nextArrival(timeoutMs, signal)
    this.#hasArrived = false
  }

  async #nextArrival(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#wake = null
        resolve()
      }
      const timer = setTimeout(done, timeoutMs)
      signal.addEventListener('abort', done, { once: true })
      this.#wake = done
    })
  }

  /** Ends a wait for `arrival`. */
  wake(): void {
    this.#hasArrived = true
    this.#wake?.()
  }

  /** Everything up to here has been read. */
  received(lsn: Lsn): void {
    if (lsn > this.#received) this.#received = lsn
  }

  /** Nothing before this is needed any more: it is confirmed to the slot. */
  confirm(lsn: Lsn): void {
    if (lsn <= this.#flushed) return
    this.#flushed = lsn
    if (lsn > this.#received) this.#received = lsn
    this.#sendStatus()
  }

  /** Ends a command or a wait at once, where the task stops. */
  abort(): void {
    const { stream } = (this.#client as unknown as { connection: DriverConnection }).connection
    if (!this.#isStreaming) stream.destroy()
    this.wake()
  }

  /** Ends the stream and the connection; the last confirmed position is sent before. */
  async close(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
    const socket = this.#socket
    if (!socket) return closeDatabase(this.#client)
    if (!socket.destroyed && this.#isStreaming) {
      this.#sendStatus()
      socket.write(COPY_DONE)
    }
    this.#isStreaming = false
    await new Promise<void>((resolve) => {
      if (socket.destroyed) return resolve()
      const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS)
      socket.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
      // What is still in flight is thrown away, so that the server's end can arrive.
      socket.removeAllListeners('data')
      socket.resume()
      socket.end(TERMINATE)
    })
  }

  async #message(): Promise<ServerMessage> {
    for (;;) {
      const message = this.#frames.next()
      if (message) return message
      if (this.#failure) throw this.#failure
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = null
    }
  }

  #onData(chunk: Buffer): void {
    this.#frames.push(chunk)
    this.#heardMs = performance.now()
    if (this.#frames.bufferedBytes > this.#maxBufferedBytes && !this.#isPaused) {
      this.#isPaused = true
      this.#socket?.pause()
    }
    this.wake()
  }

  /** Lets bytes in again when all were taken: also one message that is larger than the limit arrives. */
  #resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.forgiveSilence()
    this.#socket?.resume()
  }

  #onKeepalive({ bytes, start }: ServerMessage): void {
    const { walEnd, replyRequested } = readKeepalive(bytes, start)
    if (walEnd > this.#walEnd) this.#walEnd = walEnd
    if (replyRequested) this.#sendStatus()
  }

  #sendStatus(asksForReply = false): void {
    if (this.#isStreaming && this.#socket?.writable)
      this.#socket.write(statusFrame(this.#received, this.#flushed, Date.now(), asksForReply))
  }

  #serverError({ bytes, start, end }: ServerMessage): Error {
    const { code, message } = readServerError(bytes, start, end)
    const error = databaseError(Object.assign(new Error(message), { code }), this.#config, 'Postgres ends the stream')
    const problem = error instanceof Retriable ? null : streamProblem(error, this.#config)
    return problem === null ? error : new Error(problem, { cause: error.cause })
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.wake()
  }
}
