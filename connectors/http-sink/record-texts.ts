/**
 * Records as texts: values as JSON or as plain text, the URL of a record, and what its headers add to a request.
 * A record that cannot be written is an UnwritableRecord; no value can change the host or the path of a URL, or end a header.
 */
import { encoder, encodeSchemaless } from '../../connect/converters/json/encode.ts'
import { logicalTypes, type Schema, type SinkRecord, UnwritableRecord } from '../../connect/sdk/index.ts'
import { javaPattern, replacementOf } from '../../connect/sdk/java-pattern.ts'
import { javaText } from '../../connect/sdk/values/java-text.ts'
import type { RequestHeaders } from '../http-driver/client-options.ts'
import { isHeaderValue } from '../http-driver/header-list.ts'
import type { BodyFormat, HttpSinkOptions } from './options.ts'
import { type Part, Template } from './template.ts'

const NO_HEADERS: RequestHeaders = {}
/** `encodeURIComponent` leaves them as they are, and a URL takes them as steps of its path. */
const STEPS = /^\.{1,2}$/

const bytesOf = (value: Uint8Array) => Buffer.from(value.buffer, value.byteOffset, value.byteLength)

function jsonText(value: unknown, schema: Schema | null): string {
  try {
    return schema ? encoder(schema)(value) : encodeSchemaless(value)
  } catch (error) {
    throw new UnwritableRecord(`it has no JSON: ${(error as Error).message}`, { cause: error })
  }
}

/** A value in a URL, a header or a text. */
function plainText({ value, schema }: Part): string {
  if (value instanceof Date && schema?.name !== logicalTypes.time) return value.toISOString()
  if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !(value instanceof Date))
    return jsonText(value, schema)
  return javaText(value, schema)
}

function inUrl(part: Part, name: string): string {
  if (part.value === null || part.value === undefined) throw new UnwritableRecord(`the URL needs ${'$'}{${name}}, and the record has none`)
  const text = plainText(part)
  if (text === '') throw new UnwritableRecord(`the URL needs ${'$'}{${name}}, and it is empty`)
  if (STEPS.test(text)) throw new UnwritableRecord(`${'$'}{${name}} is "${text}", which would change the path of the URL`)
  return encodeURIComponent(text.toWellFormed())
}

const valueText: Readonly<Record<BodyFormat, (part: Part) => string>> = {
  json: ({ value, schema }) => jsonText(value, schema),
  string: ({ value, schema }) => javaText(value, schema),
  raw: (part) =>
    typeof part.value === 'string' || part.value instanceof Uint8Array ? javaText(part.value, null) : jsonText(part.value, part.schema),
}

export class RecordTexts {
  readonly #url: Template
  /** Where the URL is the same for all records. */
  readonly #constantUrl: URL | null
  readonly #body: Template | null
  readonly #format: BodyFormat
  readonly #forwarded: readonly string[]
  readonly #replace: readonly ((text: string) => string)[]

  constructor(options: Pick<HttpSinkOptions, 'url' | 'bodyTemplate' | 'format' | 'forwardedHeaders' | 'replacements'>) {
    this.#url = new Template(options.url)
    this.#constantUrl = this.#url.isConstant ? new URL(options.url) : null
    this.#body = options.bodyTemplate === null ? null : new Template(options.bodyTemplate)
    this.#format = options.format
    this.#forwarded = options.forwardedHeaders
    this.#replace = options.replacements.map(({ pattern, replacement }) => replacer(pattern, replacement))
  }

  /** @throws UnwritableRecord. */
  url(record: SinkRecord): URL {
    if (this.#constantUrl) return this.#constantUrl
    const url = this.#url.fill(record, inUrl)
    if (!URL.canParse(url)) throw new UnwritableRecord('its URL is none')
    return new URL(url)
  }

  /** Bytes that are sent as they are, or a text. Throws UnwritableRecord. */
  body(record: SinkRecord): string | Buffer {
    const { value, valueSchema: schema } = record
    if (value instanceof Uint8Array && this.#format !== 'json' && this.#body === null && this.#replace.length === 0) return bytesOf(value)
    const write = valueText[this.#format]
    let text = this.#body ? this.#body.fill(record, (part, name) => this.#inBody(part, name)) : write({ value, schema })
    for (const replace of this.#replace) text = replace(text)
    return text
  }

  /** @throws UnwritableRecord. */
  headers(record: SinkRecord): RequestHeaders {
    if (this.#forwarded.length === 0 || record.headers.length === 0) return NO_HEADERS
    const found: Record<string, string> = {}
    for (const name of this.#forwarded) {
      const header = record.headers.findLast(({ key }) => key.toLowerCase() === name)
      if (!header || header.value === null || header.value === undefined) continue
      const text = plainText(header)
      if (!isHeaderValue(text)) throw new UnwritableRecord(`its header ${name} has characters that no header of a request may have`)
      found[name] = text
    }
    return found
  }

  #inBody(part: Part, name: string): string {
    if (this.#format !== 'json') {
      if (part.value === null || part.value === undefined)
        throw new UnwritableRecord(`the body needs ${'$'}{${name}}, and the record has none`)
      return plainText(part)
    }
    return part.value === undefined ? 'null' : jsonText(part.value, part.value === null ? null : part.schema)
  }
}

function replacer(pattern: string, replacement: string): (text: string) => string {
  const compiled = javaPattern(pattern)
  const pieces = replacementOf(replacement, compiled)
  return (text) => {
    const matcher = compiled.matcher(text)
    let replaced = ''
    let end = 0
    while (matcher.find()) {
      replaced += text.slice(end, matcher.start())
      for (const piece of pieces) replaced += typeof piece === 'string' ? piece : (matcher.group(piece) ?? '')
      end = matcher.end()
    }
    return end === 0 && replaced === '' ? text : replaced + text.slice(end)
  }
}
