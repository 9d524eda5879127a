/**
 * Polls a URL: requests one page after the other until there is nothing more, then waits. Each batch has the position behind it, so that
 * another task goes on there. Errors that may pass are Retriable, and the runtime reads again from the stored position.
 */
import { encodeSchemaless } from '../../connect/converters/json/encode.ts'
import { Retriable, type Schema, type SourceBatch, type SourceContext, type SourceRecord, schemas, sleep } from '../../connect/sdk/index.ts'
import { AuthorizedClient } from '../http-driver/authorized-client.ts'
import { authorizationOf, clientOptions } from '../http-driver/client-settings.ts'
import type { ClientResponse } from '../http-driver/http-client.ts'
import { JsonPointer } from '../http-driver/json-pointer.ts'
import { RequestFailed, shownUrl } from '../http-driver/request-errors.ts'
import { shownBody } from '../http-driver/response-text.ts'
import { retryAfterMs } from '../http-driver/retry-after.ts'
import { PageCircle } from './page-circle.ts'
import { type PageStep, type PagingRules, primitiveOffset, type ReceivedPage, requestOffset, stepOf } from './paging.ts'
import { type PollPosition, parsedOffset, partitionOf, positionOf, START } from './position.ts'
import { RepeatedPages } from './repeated-pages.ts'
import { PollRequests } from './requests.ts'
import { ResponseReader } from './responses.ts'
import { isCounted, OFFSET, type PollConfig } from './settings.ts'

const NO_HEADERS: SourceRecord['headers'] = []
const TEXT = schemas.string()
const OPTIONAL_TEXT = schemas.string({ optional: true })
const MAY_PASS = new Set([408, 425, 429])

const PAGES_ADVICE = 'check where its responses name the next page (http.next.page.json.pointer, the header Link)'

interface Validators {
  readonly key: string
  readonly etag: string | null
  readonly modified: string | null
}

export class Polling {
  readonly #context: SourceContext<PollConfig>
  readonly #rules: PagingRules
  readonly #requests: PollRequests
  readonly #reader: ResponseReader
  readonly #client: AuthorizedClient
  readonly #key: JsonPointer | null
  readonly #repeated = new RepeatedPages()
  readonly #counts = { requests: 0, unchanged: 0, records: 0 }
  /** Of the last response to a request that is made again as long as nothing is new. */
  #validators: Validators | null = null

  constructor(context: SourceContext<PollConfig>) {
    const { config } = context
    this.#context = context
    this.#requests = new PollRequests(config)
    this.#reader = new ResponseReader(config, this.#requests.origin)
    this.#client = new AuthorizedClient(
      clientOptions(config, context.limits, { maxResponseBytes: config['response.max.bytes'], connections: 1 }),
      authorizationOf(config),
    )
    this.#key = config['key.json.pointer'] === null ? null : new JsonPointer(config['key.json.pointer'])
    this.#rules = pagingRules(config)
  }

  async *read(): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal, positions } = this.#context
    const partition = partitionOf(config.url)
    const stored = await positions.get(partition)
    let at = stored ? parsedOffset(stored, config) : START
    let circle = new PageCircle(at)
    try {
      while (!signal.aborted) {
        const step = await this.#nextStep(at)
        if (step) {
          for (let from = 0; from < step.items.length; from += config['batch.size']) {
            const to = Math.min(step.items.length, from + config['batch.size'])
            const isLast = to === step.items.length && step.failure === undefined
            const position = positionOf(partition, isLast ? step.end : step.after(to))
            yield { records: this.#records(step.items.slice(from, to)), positions: [position] }
            if (signal.aborted) return
          }
          if (step.failure !== undefined) throw new Error(`The response of ${config.url.split('?')[0]} cannot be read on: ${step.failure}`)
          if (step.items.length === 0 && !isSame(step.end, at)) yield { records: [], positions: [positionOf(partition, step.end)] }
          at = step.end
        }
        this.#report()
        if (step?.more) {
          if (circle.isClosedBy(at))
            throw new Error(`The pages of ${config.url.split('?')[0]} lead back to one of them, without an end: ${PAGES_ADVICE}`)
        } else {
          await sleep(config['request.interval.ms'], signal)
          circle = new PageCircle(at)
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error instanceof RequestFailed ? new Retriable(error.message, { cause: error }) : error
    } finally {
      await this.#client.close()
    }
  }

  /** Null where nothing has changed. */
  async #nextStep(at: PollPosition): Promise<PageStep | null> {
    const offset = requestOffset(at, this.#rules)
    const request = at.page === null ? this.#requests.at(offset) : this.#requests.page(at.page, offset)
    const key = `${request.url.href} ${request.body ?? ''}`
    const validators = this.#validatorsFor(at, key)
    this.#counts.requests++
    const response = await this.#client.send({
      ...request,
      headers: { ...request.headers, ...conditional(validators) },
      signal: this.#context.signal,
    })
    if (response.status === 304 && validators) {
      this.#counts.unchanged++
      return null
    }
    this.#checkStatus(response)
    const page = this.#reader.read(response)
    this.#validators = { key, etag: page.etag, modified: page.modified }
    const step = stepOf(this.#rules, at, page)
    if (step.more && isCounted(this.#context.config) && this.#repeated.isEndless(response.body))
      throw new Error(
        `${shownUrl(request.url)} responds with the same items for each offset: check that it looks at what ${OFFSET} stands for, and that http.offset.mode is its way of paging`,
      )
    return step.failure !== undefined && this.#context.config['bad.items'] === 'skip' ? this.#skipping(at, page, step) : step
  }

  /** A snapshot has them in its position: a restart must not read all again. */
  #validatorsFor(at: PollPosition, key: string): Validators | null {
    if (this.#rules.mode !== 'SNAPSHOT') return this.#validators?.key === key ? this.#validators : null
    const isNew = at.page === null && at.index === 0 && at.offset === null
    return isNew && (at.etag !== null || at.modified !== null) ? { key, etag: at.etag, modified: at.modified } : null
  }

  /** Without the items that have no offset. */
  #skipping(at: PollPosition, page: ReceivedPage, step: PageStep): PageStep {
    const items = page.items.filter((item) => primitiveOffset(this.#rules.itemOffset!.of(item)) !== null)
    const bad = page.items.length - items.length
    if (bad === 0) return step
    this.#context.log.warn(`${bad} items are skipped, as bad.items says: ${step.failure}`)
    return stepOf(this.#rules, at, { ...page, items })
  }

  #checkStatus({ status, headers, body, url }: ClientResponse): void {
    if (status >= 200 && status < 300) return
    const why = `${shownUrl(url)} responds with ${status}${shownBody(body)}`
    const { config } = this.#context
    if (status >= 500 || MAY_PASS.has(status)) {
      const afterMs = retryAfterMs(headers['retry-after'], Date.now(), config['retry.after.max.ms'])
      throw new Retriable(why, afterMs === undefined ? {} : { afterMs })
    }
    if (status === 401 || status === 403) throw new Error(`${why}. Check the credentials of auth.type, then restart the task.`)
    throw new Error(
      `${why}. Check url and its parameters; where an old cursor or page is gone, reset the offsets of the connector over REST.`,
    )
  }

  #records(items: readonly unknown[]): SourceRecord[] {
    const { config } = this.#context
    const timestamp = Date.now()
    this.#counts.records += items.length
    const isText = config['value.format'] === 'string' || config['http.response.format'] === 'text'
    return items.map((item) => {
      const key = this.#key?.of(item) ?? null
      return {
        topic: config.topic,
        partition: null,
        key,
        keySchema: keySchemaOf(key),
        value: isText ? (typeof item === 'string' ? item : encodeSchemaless(item)) : item,
        valueSchema: isText ? TEXT : null,
        timestamp,
        headers: NO_HEADERS,
      }
    })
  }

  #report(): void {
    const { gauge } = this.#context
    if (!gauge) return
    this.#context.gauge!('requests-sent', this.#counts.requests)
    this.#context.gauge!('responses-not-modified', this.#counts.unchanged)
    this.#context.gauge!('records-read', this.#counts.records)
  }
}

const keySchemaOf = (key: unknown): Schema | null => (typeof key === 'string' ? OPTIONAL_TEXT : null)

const isSame = (a: PollPosition, b: PollPosition) => JSON.stringify(a) === JSON.stringify(b)

function conditional(validators: Validators | null): Record<string, string> {
  const headers: Record<string, string> = {}
  if (validators?.etag) headers['if-none-match'] = validators.etag
  else if (validators?.modified) headers['if-modified-since'] = validators.modified
  return headers
}

function pagingRules(config: PollConfig): PagingRules {
  const pointer = config['http.offset.json.pointer']
  return {
    mode: config['http.offset.mode'],
    initial: config['http.initial.offset'],
    itemOffset: pointer === null ? null : new JsonPointer(pointer),
    inclusive: config['http.offset.inclusive'],
    pageSize: config['http.page.size'] ?? 0,
  }
}
