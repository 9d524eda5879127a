/**
 * Sends records as requests: what `write` was given has been accepted by the server when it resolves. The partitions are sent side by side,
 * each in its order, one request at a time. After an error that may pass, what the server has accepted is not sent again.
 */
import {
  BadRecord,
  backoff,
  partitionKey,
  Retriable,
  type SinkContext,
  type SinkRecord,
  type SinkTask,
  UnwritableRecord,
} from '../../connect/sdk/index.ts'
import { AuthorizedClient } from '../http-driver/authorized-client.ts'
import type { ClientResponse } from '../http-driver/http-client.ts'
import { RequestFailed, shownUrl } from '../http-driver/request-errors.ts'
import { shownBody } from '../http-driver/response-text.ts'
import { retryAfterMs } from '../http-driver/retry-after.ts'
import { bodyOf } from './batch-body.ts'
import { BatchCutter, type PreparedRecord } from './batches.ts'
import type { HttpSinkOptions } from './options.ts'
import { RecordTexts } from './record-texts.ts'
import { isIn } from './statuses.ts'

/** The server refuses the client and not a record: no other record would fare better. */
const REFUSES_CLIENT = new Set([401, 403, 407])

/** A partition's records of one `write`, with their places in it. */
type Lane = readonly { readonly index: number; readonly record: SinkRecord }[]

/** A batch that may be accepted later. */
class LaterBatch extends Error {
  override name = 'LaterBatch'
  readonly afterMs: number

  constructor(message: string, afterMs: number, options?: ErrorOptions) {
    super(message, options)
    this.afterMs = afterMs
  }
}

/** A replayed record has the offset of the one that failed, and is at the place of its letter. */
function placeOf(record: SinkRecord): string {
  const { topic, partition, offset } = record.replayOf ?? record
  return `${record.replayOf ? 'replay ' : ''}${topic}-${partition}@${offset}`
}

export class HttpSink implements SinkTask {
  readonly #options: HttpSinkOptions
  readonly #context: SinkContext<unknown>
  readonly #client: AuthorizedClient
  readonly #texts: RecordTexts
  readonly #counts = { sent: 0, written: 0, skipped: 0, rejected: 0, retried: 0 }
  /** By index in the batch of `write`. */
  #isDone = new Uint8Array(0)
  /** Of a `write` that will be repeated: what is done with, and why what is bad is. */
  readonly #done = new Set<string>()
  readonly #bad = new Map<string, string>()
  /** Failures in a row, by partition. */
  readonly #attempts = new Map<string, number>()

  constructor(options: HttpSinkOptions, context: SinkContext<unknown>) {
    this.#options = options
    this.#context = context
    this.#texts = new RecordTexts(options)
    this.#client = new AuthorizedClient(options.client, options.authorization)
  }

  async write(records: readonly SinkRecord[]): Promise<void> {
    this.#isDone = new Uint8Array(records.length)
    const lanes = this.#lanes(records)
    const failures: unknown[] = []
    // A fixed number of workers takes one partition after the other.
    const worker = async () => {
      for (let lane = lanes.next(); !lane.done; lane = lanes.next())
        try {
          await this.#writeLane(lane.value)
        } catch (error) {
          failures.push(error)
        }
    }
    await Promise.all(Array.from({ length: this.#options.maxConcurrentRequests }, worker))
    this.#report()
    if (failures.length > 0) {
      for (let index = 0; index < records.length; index++) if (this.#isDone[index]) this.#done.add(placeOf(records[index]!))
      throw this.#failure(failures)
    }
    const bad = this.#badRecords(records)
    this.#done.clear()
    this.#bad.clear()
    const [first, ...also] = bad
    if (first) throw new BadRecord(first.index, first.message, { also })
  }

  /** `write` has sent everything. */
  async flush(): Promise<void> {}

  close(): void {
    this.#attempts.clear()
  }

  async stop(): Promise<void> {
    await this.#client.close()
  }

  #lanes(records: readonly SinkRecord[]): IterableIterator<Lane> {
    const lanes = new Map<string, { index: number; record: SinkRecord }[]>()
    for (let index = 0; index < records.length; index++) {
      const record = records[index]!
      if (this.#done.size > 0 && this.#done.has(placeOf(record))) {
        this.#isDone[index] = 1
        continue
      }
      const key = partitionKey(record)
      const lane = lanes.get(key)
      if (lane) lane.push({ index, record })
      else lanes.set(key, [{ index, record }])
    }
    return lanes.values()
  }

  async #writeLane(lane: Lane): Promise<void> {
    const cutter = new BatchCutter(this.#options.batch)
    for (const { index, record } of lane) {
      const prepared = this.#prepared(index, record)
      const batch = prepared && cutter.add(prepared)
      if (batch) await this.#writeBatch(batch)
    }
    const rest = cutter.rest()
    if (rest.length > 0) await this.#writeBatch(rest)
  }

  /** Null where nothing is sent for the record. */
  #prepared(index: number, record: SinkRecord): PreparedRecord | null {
    const { nullValues } = this.#options
    try {
      const isDelete = record.value === null || record.value === undefined
      if (isDelete && nullValues !== 'delete') {
        if (nullValues === 'fail') throw new UnwritableRecord('it has no value')
        if (nullValues === 'log') this.#context.log.warn(`the record ${placeOf(record)} has no value and is skipped`)
        this.#counts.skipped++
        this.#isDone[index] = 1
        return null
      }
      const body = isDelete ? '' : this.#texts.body(record)
      const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length
      return { index, record, isDelete, url: this.#texts.url(record), headers: this.#texts.headers(record), body, bytes }
    } catch (error) {
      if (!(error instanceof UnwritableRecord)) throw error
      this.#refuse([{ index, record }], `The record ${placeOf(record)} cannot be sent: ${error.message}`)
      return null
    }
  }

  /** `isFinal` of the parts of a batch that was retried as often as it may be. */
  async #writeBatch(batch: readonly PreparedRecord[], isFinal = false): Promise<void> {
    if (this.#context.signal.aborted) throw new LaterBatch('the task stops before the records are sent', 0)
    const key = partitionKey(batch[0]!.record)
    let response: ClientResponse
    try {
      response = await this.#send(batch)
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error
      this.#later(batch, key, error.message, undefined, error)
      return
    }
    const { status } = response
    if (status >= 200 && status < 300) {
      this.#attempts.delete(key)
      this.#finished(batch)
      this.#counts.written += batch.length
      return
    }
    const { retry } = this.#options
    const why = `${shownUrl(batch[0]!.url)} responds with ${status}${shownBody(response.body)}`
    // After the last retry an error of the server is one of the task, and a refusal one of the records.
    const mayRetry = status >= 500 || (!isFinal && this.#attemptsOf(key) < retry.retries)
    if (mayRetry && isIn(retry.statuses, status)) {
      this.#later(batch, key, why, response.headers['retry-after'])
      return
    }
    // No record of this URL would fare better.
    if (status < 400) throw new Error(`${why}, which is neither success nor an error of HTTP: check the URL, then restart the task.`)
    if (REFUSES_CLIENT.has(status))
      throw new Error(`${why}: the server does not accept this client. Check the credentials, then restart the task.`)
    await this.#refused(batch, key, why)
  }

  /** Sends a refused batch in halves, or gives its records up. */
  async #refused(batch: readonly PreparedRecord[], key: string, why: string): Promise<void> {
    if (batch.length > 1 && this.#options.batch.splits) {
      const middle = batch.length >> 1
      await this.#writeBatch(batch.slice(0, middle), true)
      await this.#writeBatch(batch.slice(middle), true)
      return
    }
    const first = placeOf(batch[0]!.record)
    const which = batch.length === 1 ? `The record ${first} was refused` : `The batch of ${batch.length} records from ${first} was refused`
    this.#refuse(batch, `${which}: ${why}`)
    this.#attempts.delete(key)
  }

  #refuse(batch: Lane, why: string): void {
    const { onError } = this.#options
    this.#counts.rejected += batch.length
    if (onError === 'log') this.#context.log.error(`${why}. It is skipped, as behavior.on.error says`)
    if (onError === 'fail') for (const { record } of batch) this.#bad.set(placeOf(record), why)
    this.#finished(batch)
  }

  async #send(batch: readonly PreparedRecord[]): Promise<ClientResponse> {
    const { headers, idempotencyHeader, method, batch: frame } = this.#options
    const { url, headers: own, isDelete } = batch[0]!
    this.#counts.sent++
    const idempotency = idempotencyHeader === null ? {} : { [idempotencyHeader]: this.#idempotencyKey(batch) }
    return await this.#client.send({
      method: isDelete ? 'DELETE' : method,
      url,
      headers: { ...headers, ...own, ...idempotency },
      body: isDelete ? null : bodyOf(batch, frame),
      largeBody: 'cut',
    })
  }

  /** The same for the same records: a server that knows it does nothing twice. */
  #idempotencyKey(batch: readonly PreparedRecord[]): string {
    const [first, last] = [batch[0]!.record, batch.at(-1)!.record]
    // A server may remember its refusal by the key: a replayed record has the key of its dead letter, and not the one that was refused.
    const from = first.replayOf ?? first
    const range = batch.length === 1 ? from.offset : `${from.offset}-${last.offset}`
    return encodeURIComponent(`${this.#context.connector}/${from.topic}-${from.partition}-${range}`)
  }

  #attemptsOf(key: string): number {
    return this.#attempts.get(key) ?? 0
  }

  /** Throws LaterBatch, or gives the batch up where it was retried often enough. */
  #later(batch: readonly PreparedRecord[], key: string, why: string, retryAfter: string | string[] | undefined, cause?: Error): void {
    const { retry, onError } = this.#options
    const attempt = this.#attemptsOf(key)
    if (attempt >= retry.retries) {
      this.#attempts.delete(key)
      const message = `${why} (after ${attempt} retries)`
      if (onError !== 'fail') {
        this.#refuse(batch, message)
        return
      }
      throw new Error(`${message}. Mend the server and restart the task, or allow more with max.retries.`, { cause })
    }
    this.#attempts.set(key, attempt + 1)
    this.#counts.retried++
    const ownMs = retry.constant ? retry.backoffMs : backoff({ baseMs: retry.backoffMs, maxMs: retry.maxBackoffMs }, attempt)
    throw new LaterBatch(why, Math.max(ownMs, retryAfterMs(retryAfter, Date.now(), retry.maxRetryAfterMs) ?? 0), { cause })
  }

  #finished(batch: Lane): void {
    for (const { index } of batch) this.#isDone[index] = 1
  }

  /** What `write` throws: an error that does not pass before one that may. */
  #failure(failures: readonly unknown[]): unknown {
    const fatal = failures.find((error) => !(error instanceof LaterBatch))
    if (fatal) return fatal
    const later = failures as LaterBatch[]
    const longest = later.reduce((a, b) => (b.afterMs > a.afterMs ? b : a))
    return new Retriable(longest.message, { cause: longest, afterMs: longest.afterMs })
  }

  #badRecords(records: readonly SinkRecord[]): BadRecord[] {
    if (this.#bad.size === 0) return []
    const found: BadRecord[] = []
    for (let index = 0; index < records.length; index++) {
      const why = this.#bad.get(placeOf(records[index]!))
      if (why !== undefined) found.push(new BadRecord(index, why))
    }
    return found
  }

  #report(): void {
    const { gauge } = this.#context
    if (!gauge) return
    const { sent, written, skipped, rejected, retried } = this.#counts
    this.#context.gauge!('requests-sent', sent)
    this.#context.gauge!('requests-retried', retried)
    this.#context.gauge!('records-written', written)
    this.#context.gauge!('records-skipped', skipped)
    this.#context.gauge!('records-rejected', rejected)
  }
}
