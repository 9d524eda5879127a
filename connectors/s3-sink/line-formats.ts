/**
 * Formats whose objects are one record after another: JSON lines, texts, bytes and rows of CSV, compressed as a whole where the settings say
 * so.
 */
import { stringify } from 'csv-stringify/sync'
import { type Encode, encodeSchemaless, encoder as jsonEncoder } from '../../connect/converters/json/encode.ts'
import type { Schema } from '../../connect/sdk/index.ts'
import { javaText } from '../../connect/sdk/values/java-text.ts'
import { type Compression, type CompressionType, compression, compressionExtension } from './compression.ts'
import { csvCell, csvColumns } from './csv-cells.ts'
import { type FileEncoder, type FileFormat, READY_BYTES } from './file-encoder.ts'
import { InvalidRecord } from './invalid-record.ts'

/** Texts are gathered to so many characters before they become bytes. */
const TEXT_CHUNK_CHARS = 64 * 1024
/** Rows of CSV that become text at once. */
const ROW_CHUNK = 512

export interface LineOptions {
  compression: CompressionType
  compressionLevel: number
  decimals: 'base64' | 'numeric'
  byteArrayExtension: string
  byteArraySeparator: string
  csvHeader: boolean
  csvDelimiter: string
}

/** Bytes that were appended, and their compression. */
abstract class LineEncoder<Form> implements FileEncoder<Form> {
  readonly #compression: Compression
  #chunks: Buffer[] = []
  #chunkBytes = 0
  encodedBytes = 0

  constructor({ compression: type, compressionLevel }: LineOptions) {
    this.#compression = compression(type, compressionLevel)
  }

  abstract form(value: unknown): Form
  abstract append(form: Form): void
  /** Bytes that are not in a chunk yet, about as many as they will be. */
  protected abstract readonly gathered: number
  /** Makes chunks of them. */
  protected abstract gather(): void

  protected chunk(bytes: Buffer): void {
    this.#chunks.push(bytes)
    this.#chunkBytes += bytes.length
  }

  get heldBytes(): number {
    return this.#chunkBytes + this.gathered
  }

  get isReady(): boolean {
    return this.heldBytes >= READY_BYTES
  }

  async take(what: 'ready' | 'all' | 'end'): Promise<Buffer[]> {
    this.gather()
    const chunks = this.#chunks
    this.#chunks = []
    this.#chunkBytes = 0
    return await this.#compression.next(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), what === 'end')
  }
}

class TextEncoder extends LineEncoder<string> {
  readonly #encode: Encode
  readonly #lineEnd: string
  #text = ''

  constructor(encode: Encode, lineEnd: string, options: LineOptions) {
    super(options)
    this.#encode = encode
    this.#lineEnd = lineEnd
  }

  form(value: unknown): string {
    return this.#encode(value)
  }

  append(form: string): void {
    this.#text += form + this.#lineEnd
    this.encodedBytes += Buffer.byteLength(form) + this.#lineEnd.length
    if (this.#text.length >= TEXT_CHUNK_CHARS) this.gather()
  }

  protected get gathered(): number {
    return this.#text.length
  }

  protected gather(): void {
    if (this.#text === '') return
    this.chunk(Buffer.from(this.#text))
    this.#text = ''
  }
}

export const jsonFormat = (options: LineOptions): FileFormat => ({
  extension: `.json${compressionExtension[options.compression]}`,
  envelopes: { key: false, headers: true },
  encoder: (_key, schema) =>
    new TextEncoder(
      schema ? jsonEncoder(schema, { decimals: options.decimals, replaceNullWithDefault: true }) : encodeSchemaless,
      '\n',
      options,
    ),
})

export const stringFormat = (options: LineOptions): FileFormat => ({
  extension: `.txt${compressionExtension[options.compression]}`,
  envelopes: { key: false, headers: false },
  encoder: (_key, schema) =>
    new TextEncoder((value) => (typeof value === 'string' && !schema?.name ? value : javaText(value, schema)), '\n', options),
})

class ByteEncoder extends LineEncoder<Buffer> {
  readonly #separator: Buffer
  protected readonly gathered = 0

  constructor(options: LineOptions) {
    super(options)
    this.#separator = Buffer.from(options.byteArraySeparator)
  }

  form(value: unknown): Buffer {
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    throw new InvalidRecord(
      'its value is no bytes. ByteArrayFormat writes bytes: set value.converter=org.apache.kafka.connect.converters.ByteArrayConverter',
    )
  }

  append(form: Buffer): void {
    this.encodedBytes += form.length + this.#separator.length
    this.chunk(form)
    if (this.#separator.length > 0) this.chunk(this.#separator)
  }

  protected gather(): void {}
}

export const byteArrayFormat = (options: LineOptions): FileFormat => ({
  extension: options.byteArrayExtension + compressionExtension[options.compression],
  envelopes: { key: false, headers: false },
  encoder: () => new ByteEncoder(options),
})

/** So that an empty text is not read as null. */
const quotedIfEmpty = (value: string) => (value === '' ? { value, quoted_empty: true } : value)

type Row = readonly (string | null)[]

class CsvEncoder extends LineEncoder<Row> {
  readonly #columns: readonly string[]
  readonly #schema: Schema | null
  readonly #options: LineOptions
  #rows: Row[] = []
  #rowChars = 0

  constructor(columns: readonly string[], schema: Schema | null, options: LineOptions) {
    super(options)
    this.#columns = columns
    this.#schema = schema
    this.#options = options
    if (options.csvHeader) this.append(columns)
  }

  form(value: unknown): Row {
    const fields = value as Readonly<Record<string, unknown>> | null
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
      throw new InvalidRecord('its value has no fields for columns')
    return this.#columns.map((name, index) => csvCell(fields[name], this.#schema?.fields?.[index]?.schema ?? null, this.#options.decimals))
  }

  append(form: Row): void {
    this.#rows.push(form)
    let chars = 0
    for (const cell of form) chars += (cell?.length ?? 0) + 1
    this.#rowChars += chars
    this.encodedBytes += chars
    if (this.#rows.length >= ROW_CHUNK || this.#rowChars >= TEXT_CHUNK_CHARS) this.gather()
  }

  protected get gathered(): number {
    return this.#rowChars
  }

  protected gather(): void {
    if (this.#rows.length === 0) return
    this.chunk(Buffer.from(stringify(this.#rows as Row[], { delimiter: this.#options.csvDelimiter, cast: { string: quotedIfEmpty } })))
    this.#rows = []
    this.#rowChars = 0
  }
}

export const csvFormat = (options: LineOptions): FileFormat => ({
  extension: `.csv${compressionExtension[options.compression]}`,
  envelopes: { key: true, headers: true },
  encoder: (_key, schema, sample) => new CsvEncoder(csvColumns(schema, sample), schema, options),
  fits: (sample, value) => {
    const columns = csvColumns(null, sample)
    const fields = csvColumns(null, value)
    return fields.length === columns.length && fields.every((name, index) => name === columns[index])
  },
})
