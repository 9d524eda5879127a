/**
 * Schemas of JsonConverter's envelopes by the bytes before the payload, so that most records are parsed without their schema. As in Kafka
 * Connect the least recently used ones are dropped beyond schemas.cache.size; their texts are bounded as well (Invariant 13).
 */
import type { Schema } from '../../sdk/index.ts'

/** Of the texts of all cached schemas together. */
const MAX_CACHED_CHARACTERS = 16 * 1024 * 1024
const PAYLOAD = ',"payload":'
/** The same with white space, as other serializers write it. */
const spacedPayload = /,\s*"payload"\s*:/g

/** Those of the newest records, which are compared before a text is made. */
const RECENT = 8

export interface CachedSchema {
  /** The envelope up to its payload. */
  readonly prefix: Buffer
  readonly schema: Schema
  readonly readPayload: (text: string) => unknown
}

interface Entry extends CachedSchema {
  readonly text: string
}

/** The text up to what looks like the payload; null where there is none. Only a lookup says whether it is a schema's. */
function prefixOf(text: string): string | null {
  const at = text.indexOf(PAYLOAD)
  if (at >= 0) return text.slice(0, at + PAYLOAD.length)
  spacedPayload.lastIndex = 0
  return spacedPayload.test(text) ? text.slice(0, spacedPayload.lastIndex) : null
}

const startsWith = (bytes: Buffer, { prefix }: CachedSchema): boolean =>
  bytes.length >= prefix.length && prefix.compare(bytes, 0, prefix.length) === 0

export class SchemaCache {
  readonly #maxSchemas: number
  readonly #readerOf: (schema: Schema) => (text: string) => unknown
  /** By the text of the prefix. The least recently used one comes first. */
  readonly #byText = new Map<string, Entry>()
  #characters = 0
  /** The newest comes first. */
  #recent: Entry[] = []

  constructor(maxSchemas: number, readerOf: (schema: Schema) => (text: string) => unknown) {
    this.#maxSchemas = maxSchemas
    this.#readerOf = readerOf
  }

  find(bytes: Buffer): CachedSchema | null {
    const recent = this.#recent
    for (let index = 0; index < recent.length; index++) {
      const entry = recent[index]!
      if (!startsWith(bytes, entry)) continue
      if (index > 0) this.#used(entry)
      return entry
    }
    if (this.#byText.size <= recent.length) return null
    const text = prefixOf(bytes.toString('utf8'))
    const found = text === null ? undefined : this.#byText.get(text)
    // Bytes that are no UTF-8 have the same text as others.
    if (found === undefined || !startsWith(bytes, found)) return null
    this.#used(found)
    return found
  }

  #used(entry: Entry): void {
    this.#byText.delete(entry.text)
    this.#byText.set(entry.text, entry)
    this.#recent = [entry, ...this.#recent.filter((other) => other !== entry).slice(0, RECENT - 1)]
  }

  /** Adds the schema of an envelope, where the text before the payload holds the schema and nothing else. */
  add(text: string, schema: Schema): void {
    const prefix = this.#maxSchemas > 0 ? prefixOf(text) : null
    if (prefix === null || prefix.length > MAX_CACHED_CHARACTERS || !isEnvelope(`${prefix}null}`)) return
    const bytes = Buffer.from(prefix)
    // The text that the prefix was cut from must not stay in memory.
    const own = bytes.toString()
    const cached: Entry = { text: own, prefix: bytes, schema, readPayload: this.#readerOf(schema) }
    this.#drop(own)
    this.#characters += own.length
    this.#used(cached)
    for (const [oldest] of this.#byText) {
      if (this.#byText.size <= this.#maxSchemas && this.#characters <= MAX_CACHED_CHARACTERS) return
      this.#drop(oldest)
    }
  }

  #drop(text: string): void {
    const entry = this.#byText.get(text)
    if (!entry) return
    this.#byText.delete(text)
    this.#characters -= text.length
    this.#recent = this.#recent.filter((other) => other !== entry)
  }

  get size(): number {
    return this.#byText.size
  }
}

/** A `schema` and nothing else before the payload: a schema may have parameters of that name. */
function isEnvelope(text: string): boolean {
  try {
    const names = Object.keys(JSON.parse(text))
    return names.length === 2 && names[0] === 'schema' && names[1] === 'payload'
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
