/**
 * Entries of streams as records: those of Redis's own connector. The key is the id of the entry; the value has the id, the fields and the
 * name of the stream.
 */
import { isUtf8 } from 'node:buffer'
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

/** What is not text in an entry. */
class NotText extends Error {}

function textOf(bytes: Buffer, what: string): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new NotText(what, { cause: error })
  }
}

/** The bytes of a field name that is no text, as people write them: names of a map are texts. */
const nameOf = (bytes: Buffer): string => (isUtf8(bytes) ? bytes.toString() : `0x${bytes.toString('hex')}`)

export class EntryRecords {
  readonly #topic: string
  readonly #stream: string
  readonly #body: 'string' | 'bytes'

  constructor(stream: string, topic: string, body: 'string' | 'bytes') {
    this.#stream = stream
    this.#topic = topic.replaceAll(STREAM_TOKEN, stream)
    this.#body = body
  }

  /** Of an entry that is not text where it must be, the record has bytes and says why: `errors.tolerance` decides about it. */
  record(id: string, fields: readonly Buffer[], nowMs: number): SourceRecord {
    // An own property named __proto__ is a field like others.
    const body: Record<string, unknown> = Object.create(null)
    try {
      for (let index = 0; index < fields.length; index += 2) {
        const value = fields[index + 1]!
        body[textOf(fields[index]!, 'a field name')] = this.#body === 'bytes' ? value : textOf(value, 'a value')
      }
    } catch (error) {
      if (!(error instanceof NotText)) throw error
      return this.#unreadable(id, fields, nowMs, error)
    }
    return this.#record(id, body, this.#body, nowMs)
  }

  #unreadable(id: string, fields: readonly Buffer[], nowMs: number, { message: what, cause }: NotText): SourceRecord {
    const body: Record<string, Buffer> = Object.create(null)
    for (let index = 0; index < fields.length; index += 2) body[nameOf(fields[index]!)] = fields[index + 1]!
    const advice = what === 'a value' ? 'set redis.stream.body=bytes to read it as bytes' : 'names must be texts'
    const record = this.#record(id, body, 'bytes', nowMs)
    record.unreadable = new DataError(
      `The entry ${id} of the stream ${this.#stream} has ${what} that is not UTF-8: ${advice}, or errors.tolerance=all to skip it`,
      { cause },
    )
    return record
  }

  #record(id: string, body: object, form: 'string' | 'bytes', nowMs: number): SourceRecord {
    return sourceRecord({
      topic: this.#topic,
      key: id,
      keySchema,
      value: { id, body, stream: this.#stream },
      valueSchema: valueSchemas[form],
      timestamp: nowMs,
    })
  }
}
