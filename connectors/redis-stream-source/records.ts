/**
 * Entries of streams as records: those of Redis's own connector. The key is the id of the entry; the value has the id, the fields and the
 * name of the stream.
 */
import { DataError, type SourceRecord, schemas, sourceRecord } from '../../connect/sdk/index.ts'
import { STREAM_TOKEN } from './settings.ts'

/** An entry as ioredis returns it: its id, and its fields and values one after the other. Null fields are those of a deleted entry. */
export type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null]

const VALUE_NAME = 'com.redis.kafka.connect.stream.Value'
const keySchema = schemas.string()
const valueSchemaOf = (body: 'string' | 'bytes') =>
  schemas.struct(
    { id: schemas.string(), body: schemas.map(schemas.string(), schemas[body]()), stream: schemas.string() },
    { name: VALUE_NAME },
  )
const valueSchemas = { string: valueSchemaOf('string'), bytes: valueSchemaOf('bytes') }

const utf8 = new TextDecoder('utf-8', { fatal: true })

export class EntryRecords {
  readonly #topic: string
  readonly #stream: string
  readonly #body: 'string' | 'bytes'

  constructor(stream: string, topic: string, body: 'string' | 'bytes') {
    this.#stream = stream
    this.#topic = topic.replaceAll(STREAM_TOKEN, stream)
    this.#body = body
  }

  /** @throws DataError where a text is not UTF-8 */
  record(id: string, fields: readonly Buffer[], nowMs: number): SourceRecord {
    // An own property named __proto__ is a field like others.
    const body: Record<string, unknown> = Object.create(null)
    for (let index = 0; index < fields.length; index += 2) {
      const value = fields[index + 1]!
      body[this.#text(fields[index]!, id, 'a field name')] = this.#body === 'bytes' ? value : this.#text(value, id, 'a value')
    }
    return sourceRecord({
      topic: this.#topic,
      key: id,
      keySchema,
      value: { id, body, stream: this.#stream },
      valueSchema: valueSchemas[this.#body],
      timestamp: nowMs,
    })
  }

  #text(bytes: Buffer, id: string, what: string): string {
    try {
      return utf8.decode(bytes)
    } catch (error) {
      throw new DataError(
        `The entry ${id} of the stream ${this.#stream} has ${what} that is not UTF-8: set redis.stream.body=bytes to read it as bytes`,
        { cause: error },
      )
    }
  }
}
