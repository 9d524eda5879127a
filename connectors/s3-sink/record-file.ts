/**
 * What is written of the records of one partition folder between two rotations: an object of values, and where the settings ask for them
 * one of keys and one of headers. A record is in all of them or in none.
 */
import { type Schema, type SinkRecord, schemas, UnwritableRecord } from '../../connect/sdk/index.ts'
import { valueText } from '../../connect/sdk/values/value-text.ts'
import type { FileEncoder, FileFormat } from './file-encoder.ts'
import { requireObjectName } from './object-name.ts'
import type { ObjectUpload } from './object-upload.ts'
import { type CompatibilityMode, isEqual, project, schemaVerdict } from './schema-compatibility.ts'

export interface FileFormats {
  values: FileFormat
  keys: FileFormat | null
  headers: FileFormat | null
  compatibility: CompatibilityMode
  /** The object of a name, which its encoder fills. */
  upload(key: string, encoder: FileEncoder): ObjectUpload
}

const HEADERS = schemas.array(schemas.struct({ key: schemas.string(), value: schemas.string({ optional: true }) }))
const ENVELOPED_HEADERS = schemas.struct({ headers: HEADERS }, { name: 'RecordHeaders' })

const keyEnvelopes = new WeakMap<Schema, Schema>()
function keyEnvelope(schema: Schema): Schema {
  let envelope = keyEnvelopes.get(schema)
  if (!envelope) keyEnvelopes.set(schema, (envelope = schemas.struct({ key: schema }, { name: 'RecordKey' })))
  return envelope
}

/** One of the objects, and how a record becomes its value. */
interface View {
  readonly upload: ObjectUpload
  value(record: SinkRecord): unknown
}

export class RecordFile {
  readonly schema: Schema | null
  readonly #keySchema: Schema | null
  /** The first value and key, where the format compares others with them: a whole record would keep the response that it was read from. */
  readonly #sample: unknown
  readonly #keySample: unknown
  readonly #formats: FileFormats
  readonly #views: View[] = []
  readonly startOffset: number
  endOffset: number
  recordCount = 0
  /** Whether all its objects are in the store. */
  isStored = false

  /**
   * `name` is that of the objects without their ends. `hasValues` is false for records without a value. Throws UnwritableRecord where the
   * first record does not fit the formats; nothing exists of the file then.
   */
  constructor(name: string, first: SinkRecord, hasValues: boolean, formats: FileFormats) {
    this.schema = first.valueSchema
    this.#keySchema = first.keySchema
    this.#sample = this.schema === null && formats.values.fits ? first.value : null
    this.#keySample = first.keySchema === null && formats.keys?.fits ? { key: first.key } : null
    this.#formats = formats
    this.startOffset = first.offset
    this.endOffset = first.offset
    if (hasValues) this.#addValues(name, first)
    if (formats.keys) this.#addKeys(name, formats.keys, first)
    if (formats.headers) this.#addHeaders(name, formats.headers, first)
  }

  get uploads(): readonly ObjectUpload[] {
    return this.#views.map(({ upload }) => upload)
  }

  get encodedBytes(): number {
    let bytes = 0
    for (const { upload } of this.#views) bytes += upload.encoder.encodedBytes
    return bytes
  }

  #addView(key: string, format: FileFormat, schema: Schema | null, first: SinkRecord, value: View['value']): void {
    requireObjectName(key)
    const encoder = format.encoder(key, schema, value(first))
    this.#views.push({ upload: this.#formats.upload(key, encoder), value })
  }

  #addValues(name: string, first: SinkRecord): void {
    const { values } = this.#formats
    const { schema } = this
    this.#addView(name + values.extension, values, schema, first, ({ value, valueSchema }) =>
      schema && valueSchema && valueSchema !== schema ? project(value, valueSchema, schema) : value,
    )
  }

  #addKeys(name: string, format: FileFormat, first: SinkRecord): void {
    const { keySchema } = first
    const isEnveloped = format.envelopes.key
    const schema = isEnveloped && keySchema ? keyEnvelope(keySchema) : keySchema
    this.#addView(`${name}.keys${format.extension}`, format, schema, first, ({ key }) => {
      if (key === null || key === undefined) throw new UnwritableRecord('it has no key, and store.kafka.keys=true needs one')
      return isEnveloped ? { key } : key
    })
  }

  #addHeaders(name: string, format: FileFormat, first: SinkRecord): void {
    const isEnveloped = format.envelopes.headers
    this.#addView(`${name}.headers${format.extension}`, format, isEnveloped ? ENVELOPED_HEADERS : HEADERS, first, ({ headers }) => {
      if (headers.length === 0) throw new UnwritableRecord('it has no headers, and store.kafka.headers=true needs some')
      const texts = headers.map(({ key, value, schema }) => ({ key, value: value === null ? null : valueText(value, schema) }))
      return isEnveloped ? { headers: texts } : texts
    })
  }

  /** Whether the record can be in these objects. Throws UnwritableRecord where it can be in none. */
  takes(record: SinkRecord): boolean {
    const { compatibility, values, keys } = this.#formats
    if (schemaVerdict(compatibility, this.schema, record.valueSchema) === 'rotate') return false
    if (this.schema === null && values.fits && record.value !== null && !values.fits(this.#sample, record.value)) return false
    if (!keys) return true
    const keySchema = this.#keySchema
    if (keySchema === null || record.keySchema === null)
      return keySchema === record.keySchema && (keySchema !== null || !keys.fits || keys.fits(this.#keySample, { key: record.key }))
    return isEqual(keySchema, record.keySchema)
  }

  /** Throws UnwritableRecord, or a converter's DataError, where it cannot be written; nothing is added then. */
  add(record: SinkRecord): void {
    const views = this.#views
    if (views.length === 1) {
      const { upload, value } = views[0]!
      upload.encoder.append(upload.encoder.form(value(record)))
    } else {
      const forms = views.map(({ upload, value }) => upload.encoder.form(value(record)))
      for (let index = 0; index < views.length; index++) views[index]!.upload.encoder.append(forms[index])
    }
    for (const { upload } of views) upload.recount()
    this.endOffset = record.offset
    this.recordCount++
  }

  /** No record is added from now on. */
  end(): void {
    for (const { upload } of this.#views) upload.stopGrowing()
  }
}
