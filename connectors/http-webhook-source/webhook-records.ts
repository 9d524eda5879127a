/**
 * Makes the record of a request: value, key and headers. A body that is not what the settings say is an UnreadableBody. Pure but for the
 * time.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { type Header, parseExactly, type SourceRecord, schemas } from '../../connect/sdk/index.ts'
import { isTooDeep, MAX_JSON_DEPTH } from '../http-driver/json-depth.ts'
import { JsonPointer } from '../http-driver/json-pointer.ts'
import type { WebhookConfig } from './settings.ts'

const TEXT = schemas.string()
const OPTIONAL_TEXT = schemas.string({ optional: true })
const BYTES = schemas.bytes()
const NO_HEADERS: readonly Header[] = []

/** A body is not what the settings say; for the sender. */
export class UnreadableBody extends Error {
  override name = 'UnreadableBody'
}

export class WebhookRecords {
  readonly #format: WebhookConfig['value.format']
  readonly #keyHeader: string | null
  readonly #keyPointer: JsonPointer | null
  readonly #headers: readonly string[]
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })

  constructor(config: WebhookConfig) {
    this.#format = config['value.format']
    this.#keyHeader = config['key.header']?.toLowerCase() ?? null
    const pointer = config['key.json.pointer']
    this.#keyPointer = pointer === null ? null : new JsonPointer(pointer)
    this.#headers = config['record.headers'].map((name) => name.toLowerCase())
  }

  /** @throws UnreadableBody. */
  record(topic: string, headers: IncomingHttpHeaders, body: Buffer): SourceRecord {
    const value = this.#value(body)
    const key = this.#keyHeader !== null ? (headers[this.#keyHeader] ?? null) : (this.#keyPointer?.of(value) ?? null)
    return {
      topic,
      partition: null,
      key,
      keySchema: typeof key === 'string' ? OPTIONAL_TEXT : null,
      value,
      valueSchema: this.#format === 'json' ? null : this.#format === 'string' ? TEXT : BYTES,
      timestamp: Date.now(),
      headers: this.#headers.length === 0 ? NO_HEADERS : this.#recordHeaders(headers),
    }
  }

  #value(body: Buffer): unknown {
    if (this.#format === 'bytes') return body
    let text: string
    try {
      text = this.#decoder.decode(body)
    } catch (error) {
      throw new UnreadableBody('the body is not UTF-8', { cause: error })
    }
    if (this.#format === 'string') return text
    if (isTooDeep(text)) throw new UnreadableBody(`the body has more than ${MAX_JSON_DEPTH} arrays and objects inside of each other`)
    try {
      return parseExactly(text)
    } catch (error) {
      throw new UnreadableBody('the body is not JSON', { cause: error })
    }
  }

  #recordHeaders(headers: IncomingHttpHeaders): Header[] {
    const found: Header[] = []
    for (const name of this.#headers) {
      const value = headers[name]
      if (value !== undefined) found.push({ key: name, value: Array.isArray(value) ? value.join(', ') : value, schema: TEXT })
    }
    return found
  }
}
