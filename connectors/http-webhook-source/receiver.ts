/**
 * Listens for webhooks. A request is answered with success only after its record is in Kafka; one that is not answered so has a sender who
 * sends it again. The requests in progress are bounded by number and bytes, before anything of them is kept.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https'
import { type RefusalReason, Retriable, type SourceContext, type SourceRecord } from '../../connect/sdk/index.ts'
import { RecentDeliveries } from './recent-deliveries.ts'
import { isKeptByLoopback, topicsOf, type WebhookConfig } from './settings.ts'
import { signatureVerifier } from './signatures.ts'
import { listenerTls, watchListenerTls } from './tls-files.ts'
import { UnreadableBody, WebhookRecords } from './webhook-records.ts'

const MAX_HEADER_BYTES = 16 * 1024
const KEEP_ALIVE_MS = 60_000
/** How late a request that takes too long may be ended. */
const MAX_CHECK_INTERVAL_MS = 1_000
/** Of the rest of a body that is refused: a sender that is still sending would not see the response otherwise. */
const MAX_DISCARDED_BYTES = 1024 * 1024
/** How long a stop waits for responses to be taken. */
const CLOSE_MS = 2_000

/** Ids of deliveries are UUIDs and the like. */
const MAX_ID_LENGTH = 128

/** Browsers send them with each POST of a page; senders of webhooks do not. */
const BROWSER_HEADERS = ['origin', 'sec-fetch-site']

const STOPPING = 'the receiver is stopping'

type Refusal = readonly [status: number, why: string]

/** What the sender of a record hears that cannot be written: only what may be written later is worth sending again. */
const REFUSALS: Readonly<Record<RefusalReason, Refusal>> = {
  record: [422, 'no record can be made of the body'],
  'too-large': [413, 'the record is too large for Kafka'],
  system: [503, 'the record cannot be written to Kafka now'],
}
const SKIPPED: Refusal = [500, 'the record cannot be written to Kafka']
/** Between two lines of the log about them. */
const REFUSAL_WARNING_MS = 60_000

/** Why a request becomes no record, for its sender. */
class RequestNotTaken extends Error {
  override name = 'RequestNotTaken'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** A request whose record is not in Kafka yet. */
export interface WaitingRequest {
  readonly record: SourceRecord
  readonly deliveryId: string | null
  /** Answers it, once. */
  answer(status: number, why?: string): void
}

export class Receiver {
  readonly #context: SourceContext<WebhookConfig>
  readonly #config: WebhookConfig
  readonly #topics: ReadonlyMap<string, string>
  readonly #records: WebhookRecords
  readonly #verify: ReturnType<typeof signatureVerifier>
  readonly #recent: RecentDeliveries
  readonly #idHeader: string | null
  readonly #server: Server | SecureServer
  readonly #refusesPages: boolean
  #endWatch = () => {}
  /** In the order in which they came. */
  #queue: WaitingRequest[] = []
  readonly #unacknowledged = new Set<WaitingRequest>()
  #wake = () => {}
  #isClosing = false
  #requests = 0
  #bytes = 0
  readonly #counts = { accepted: 0, refused: 0, repeated: 0 }
  /** Requests whose records cannot be written, since the last line of the log about them. */
  #unwritable = 0
  /** Responses to senders that wait for a 100 before they send a body, and have got it. */
  readonly #continued = new WeakSet<ServerResponse>()
  #nextWarningAt = 0

  /** @throws UnusableFile. */
  constructor(context: SourceContext<WebhookConfig>) {
    const { config } = context
    this.#context = context
    this.#config = config
    this.#topics = topicsOf(config)
    this.#records = new WebhookRecords(config)
    this.#verify = signatureVerifier(config)
    this.#recent = new RecentDeliveries(config['delivery.id.cache.size'])
    this.#idHeader = config['delivery.id.header']?.toLowerCase() ?? null
    this.#refusesPages = isKeptByLoopback(config)
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: config['request.timeout.ms'],
      headersTimeout: config['request.timeout.ms'],
      connectionsCheckingInterval: Math.min(MAX_CHECK_INTERVAL_MS, config['request.timeout.ms']),
      keepAliveTimeout: KEEP_ALIVE_MS,
    }
    const listener = (request: IncomingMessage, response: ServerResponse) => void this.#handle(request, response)
    const tls = listenerTls(config)
    this.#server = tls
      ? createSecureServer({ ...tls, ...limits, handshakeTimeout: config['request.timeout.ms'] }, listener)
      : createServer(limits, listener)
    this.#server.maxConnections = config['max.connections']
    // Without a listener Node asks for every body, also for one that is refused.
    this.#server.on('checkContinue', listener)
  }

  /** @throws Retriable where the port is in use: a task that is stopping may still have it. */
  async listen(): Promise<void> {
    const { 'listen.host': host, 'listen.port': port } = this.#config
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject).listen(port, host, () => resolve())
      })
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'EADDRINUSE')
        throw new Retriable(`${host}:${port} is in use: end what listens there, or set another listen.port`, { cause: error })
      throw new Error(`The source cannot listen on ${host}:${port}: ${message}. Set listen.host to an address of this machine`, {
        cause: error,
      })
    }
    this.#watchFiles()
    this.#server.on('error', (error) => this.#context.log.error(`the listener of ${host}:${port} has an error: ${error.message}`))
    this.#context.log.info(`listening for webhooks on ${host}:${port}`)
  }

  /** A certificate that expires is replaced without a restart. */
  #watchFiles(): void {
    const server = this.#server
    if (!('setSecureContext' in server)) return
    const { log } = this.#context
    this.#endWatch = watchListenerTls(
      this.#config,
      (options) => {
        server.setSecureContext(options)
        log.info('the listener uses the new files of listen.ssl')
      },
      (why) => log.error(`the new files of listen.ssl cannot be used, and the former ones are: ${why}`),
    )
  }

  /**
   * The requests that wait, at most `most`, for one topic: a topic that takes nothing must not hold up the others. None where `signal`
   * aborts.
   */
  async take(most: number, signal: AbortSignal): Promise<WaitingRequest[]> {
    while (this.#queue.length === 0 && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      signal.addEventListener('abort', resolve as () => void, { once: true })
      await promise
      signal.removeEventListener('abort', resolve as () => void)
    }
    if (signal.aborted) return []
    const { topic } = this.#queue[0]!.record
    const taken: WaitingRequest[] = []
    this.#queue = this.#queue.filter((request) => {
      if (request.record.topic !== topic || taken.length === most) return true
      taken.push(request)
      return false
    })
    for (const request of taken) this.#unacknowledged.add(request)
    this.#report()
    return taken
  }

  /** Its record is in Kafka, or dropped by a transform. One that was rejected has its answer. */
  stored(request: WaitingRequest): void {
    if (!this.#unacknowledged.delete(request)) return
    this.#counts.accepted++
    if (request.deliveryId !== null) this.#recent.add(request.deliveryId)
    request.answer(this.#config['response.status'])
  }

  acknowledge(requests: readonly WaitingRequest[]): void {
    for (const request of requests) this.stored(request)
    this.#report()
  }

  /** Its record cannot be converted or produced, and is skipped, as errors.tolerance=all says. */
  reject(request: WaitingRequest, error: Error, reason: RefusalReason): void {
    this.#notWritten(request, error, reason === 'system' ? SKIPPED : REFUSALS[reason])
  }

  /** The same where it would fail the task: whoever can send a request must not stop it for the others. */
  refuse(request: WaitingRequest, error: Error, reason: RefusalReason): true {
    this.#notWritten(request, error, REFUSALS[reason])
    return true
  }

  /** The log has not a line for each: senders must not fill it. */
  #notWritten(request: WaitingRequest, error: Error, [status, why]: Refusal): void {
    this.#unacknowledged.delete(request)
    request.answer(status, why)
    this.#unwritable++
    const now = performance.now()
    if (now < this.#nextWarningAt) return
    this.#nextWarningAt = now + REFUSAL_WARNING_MS
    const more = this.#unwritable === 1 ? '' : `, and ${this.#unwritable - 1} more since the last such line`
    this.#unwritable = 0
    this.#context.log.error(
      `a request for the topic ${request.record.topic} is answered with ${status}, since its record cannot be written to Kafka${more}: ${error.message}`,
    )
  }

  /** Takes no further requests, and answers those whose record is not in Kafka with a 503. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#endWatch()
    for (const request of [...this.#queue, ...this.#unacknowledged]) request.answer(503, STOPPING)
    this.#queue = []
    this.#unacknowledged.clear()
    if (!this.#server.listening) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#server.closeAllConnections(), CLOSE_MS)
      this.#server.close(() => {
        clearTimeout(timer)
        resolve()
      })
      this.#server.closeIdleConnections()
    })
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A sender that goes away is an error of both streams, and its request is not answered.
    request.on('error', () => {})
    response.on('error', () => {})
    try {
      const topic = this.#topicOf(request)
      const body = await this.#bodyOf(request, response)
      if (body !== null) this.#accept(topic, request, response, body)
    } catch (error) {
      if (error instanceof RequestNotTaken) this.#refuse(request, response, error.status, error.message)
      else {
        this.#context.log.error(`a request could not be handled: ${(error as Error).message}`, { err: error })
        this.#refuse(request, response, 500, 'the request could not be handled')
      }
    }
  }

  /** Checks what is known before the body. */
  #topicOf({ url, method, headers }: IncomingMessage): string {
    if (this.#refusesPages && BROWSER_HEADERS.some((name) => headers[name] !== undefined))
      throw new RequestNotTaken(403, 'a web page sends this; set signature.scheme to let it write records')
    const topic = this.#topics.get(pathOf(url!))
    if (topic === undefined) throw new RequestNotTaken(404, 'no topic has this path')
    if (method !== 'POST' && method !== 'PUT') throw new RequestNotTaken(405, 'send a POST')
    const encoding = headers['content-encoding']
    if (encoding !== undefined && encoding !== 'identity') throw new RequestNotTaken(415, 'send the body without a content-encoding')
    return topic
  }

  /** Null where the sender has gone away. The bytes count until the request is answered. */
  async #bodyOf(request: IncomingMessage, response: ServerResponse): Promise<Buffer | null> {
    const { 'request.max.bytes': maxBytes, 'max.inflight.bytes': maxInFlight, 'max.inflight.requests': maxRequests } = this.#config
    let reserved = 0
    const reserve = (bytes: number) => {
      if (bytes > maxBytes) throw new RequestNotTaken(413, `the body is longer than ${maxBytes} bytes`)
      if (this.#bytes + bytes - reserved > maxInFlight) throw new RequestNotTaken(503, 'too many bytes are in progress')
      this.#bytes += bytes - reserved
      reserved = bytes
    }
    if (this.#isClosing) throw new RequestNotTaken(503, STOPPING)
    if (this.#requests >= maxRequests) throw new RequestNotTaken(503, 'too many requests are in progress')
    this.#requests++
    response.once('close', () => {
      this.#requests--
      this.#bytes -= reserved
      if (this.#requests === 0) this.#report()
    })
    reserve(Number(request.headers['content-length'] ?? 0))
    if (request.headers.expect !== undefined) {
      this.#continued.add(response)
      response.writeContinue()
    }
    const parts: Buffer[] = []
    let bytes = 0
    try {
      for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        bytes += part.length
        if (bytes > reserved) reserve(bytes)
        parts.push(part)
      }
    } catch (error) {
      if (error instanceof RequestNotTaken) throw error
      // The sender went away before the end of its request, or took too long: Node has answered it where it can be.
      return null
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  #accept(topic: string, { headers }: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const forged = this.#verify(headers, body, Date.now())
    if (forged !== null) throw new RequestNotTaken(401, forged)
    const record = this.#recordOf(topic, headers, body)
    const deliveryId = this.#deliveryId(topic, headers)
    if (deliveryId !== null && this.#recent.has(deliveryId)) {
      this.#counts.repeated++
      respond(response, this.#config['response.status'])
      return
    }
    if (this.#isClosing) throw new RequestNotTaken(503, STOPPING)
    this.#queue.push(this.#waiting(record, deliveryId, response))
    this.#wake()
  }

  /** An empty one names nothing. A long one takes no more memory than a hash. */
  #deliveryId(topic: string, headers: IncomingMessage['headers']): string | null {
    const id = this.#idHeader === null ? undefined : headers[this.#idHeader]
    if (typeof id !== 'string' || id === '') return null
    return `${topic} ${id.length > MAX_ID_LENGTH ? createHash('sha256').update(id).digest('base64') : id}`
  }

  #recordOf(topic: string, headers: IncomingMessage['headers'], body: Buffer): SourceRecord {
    try {
      return this.#records.record(topic, headers, body)
    } catch (error) {
      if (error instanceof UnreadableBody) throw new RequestNotTaken(400, error.message)
      throw error
    }
  }

  #waiting(record: SourceRecord, deliveryId: string | null, response: ServerResponse): WaitingRequest {
    const { 'retry.after.seconds': retryAfter, 'acknowledge.timeout.ms': timeoutMs } = this.#config
    let isAnswered = false
    const waiting: WaitingRequest = {
      record,
      deliveryId,
      answer: (status, why) => {
        if (isAnswered) return
        isAnswered = true
        clearTimeout(timer)
        if (status >= 400) this.#counts.refused++
        respond(response, status, why, status === 503 ? retryAfter : undefined)
      },
    }
    const giveUp = () => {
      // One that is not read yet has no record; its sender sends it again.
      const at = this.#queue.indexOf(waiting)
      if (at >= 0) this.#queue.splice(at, 1)
      waiting.answer(504, 'Kafka has not acknowledged the record in time')
    }
    const timer = setTimeout(giveUp, timeoutMs)
    response.once('close', () => {
      if (!isAnswered) giveUp()
    })
    return waiting
  }

  #refuse(request: IncomingMessage, response: ServerResponse, status: number, why: string): void {
    this.#counts.refused++
    this.#report()
    if (response.headersSent) return
    // Node reads the rest of a body and discards it; of one that is long, the connection is closed instead.
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
    const rest = encoding === undefined ? Number(length ?? 0) : Number.POSITIVE_INFINITY
    // A sender that waits for a 100 may send the body or not: nobody knows what comes next on the connection.
    const isUnknown = request.headers.expect !== undefined && !this.#continued.has(response)
    if (!request.complete && (isUnknown || rest > MAX_DISCARDED_BYTES)) response.setHeader('connection', 'close')
    respond(response, status, why, status === 503 ? this.#config['retry.after.seconds'] : undefined)
  }

  #report(): void {
    const { gauge } = this.#context
    if (!gauge) return
    this.#context.gauge!('requests-accepted', this.#counts.accepted)
    this.#context.gauge!('requests-refused', this.#counts.refused)
    this.#context.gauge!('requests-repeated', this.#counts.repeated)
    this.#context.gauge!('requests-in-progress', this.#requests)
    this.#context.gauge!('bytes-in-progress', this.#bytes)
  }
}

/** Without the query. A request may have a whole URL (RFC 9112, section 3.2.2). */
const pathOf = (target: string): string => (target.startsWith('/') ? target.split('?')[0]! : (URL.parse(target)?.pathname ?? target))

function respond(response: ServerResponse, status: number, why?: string, retryAfter?: number): void {
  if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter))
  if (status === 405) response.setHeader('allow', 'POST, PUT')
  if (why !== undefined) response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.writeHead(status).end(why === undefined ? undefined : `${why}\n`)
}
