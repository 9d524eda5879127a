/**
 * The keys and headers of records, which a backup has in files of their own: one entry for each record of the file of values, in its order.
 * A file with more or fewer entries is an error, so that no record gets the key of another.
 */
import { type Header, type Schema, type SourceRecord, schemas } from '../../connect/sdk/index.ts'
import { compressionOf } from '../file-readers/decompression.ts'
import type { FileBatch, OpenFile } from '../file-readers/file-reader.ts'
import { countsRecords, readerOf } from '../file-readers/reader-of-format.ts'
import type { FileFormat } from '../file-readers/settings.ts'
import type { S3Store } from '../s3-driver/store.ts'
import { contentOptions, listPage, ObjectContent } from './object-content.ts'
import { formatOf, type S3SourceConfig } from './settings.ts'

const TEXT = schemas.string()

/** The entries of one file, taken as many as are asked for. */
class Entries {
  readonly #what: string
  readonly #batches: AsyncGenerator<FileBatch, void, void>
  #records: readonly SourceRecord[] = []
  #at = 0

  constructor(what: string, batches: AsyncGenerator<FileBatch, void, void>) {
    this.#what = what
    this.#batches = batches
  }

  /** Null at the end. */
  async next(): Promise<SourceRecord | null> {
    while (this.#at === this.#records.length) {
      const { value, done } = await this.#batches.next()
      if (done) return null
      this.#records = value.records
      this.#at = 0
    }
    return this.#records[this.#at++]!
  }

  async take(): Promise<SourceRecord> {
    const entry = await this.next()
    if (!entry) throw new Error(`${this.#what} has fewer entries than there are values`)
    return entry
  }

  async end(): Promise<void> {
    if (await this.next()) throw new Error(`${this.#what} has more entries than there are values`)
  }

  async close(): Promise<void> {
    await this.#batches.return()
  }
}

interface Shape {
  readonly extension: '.keys.' | '.headers.'
  readonly format: FileFormat
}

interface Companion {
  readonly entries: Entries
  readonly apply: (record: SourceRecord, entry: SourceRecord) => void
}

export class CompanionRecords {
  readonly #entries: readonly Companion[]

  private constructor(entries: readonly Companion[]) {
    this.#entries = entries
  }

  /** Those of a file of values, from a record of it on. Null where the config has none. */
  static async open(
    store: S3Store,
    config: S3SourceConfig,
    base: string,
    withKeys: boolean,
    from: number,
  ): Promise<CompanionRecords | null> {
    const opened: Companion[] = []
    if (withKeys) {
      const format = formatOf(config['keys.format.class'])
      opened.push({ entries: await openEntries(store, config, base, { extension: '.keys.', format }, from), apply: setKey(format) })
    }
    if (config['store.kafka.headers']) {
      const format = formatOf(config['headers.format.class'])
      opened.push({ entries: await openEntries(store, config, base, { extension: '.headers.', format }, from), apply: setHeaders })
    }
    return opened.length === 0 ? null : new CompanionRecords(opened)
  }

  async complete(records: readonly SourceRecord[]): Promise<void> {
    for (const { entries, apply } of this.#entries) for (const record of records) apply(record, await entries.take())
  }

  async end(): Promise<void> {
    for (const { entries } of this.#entries) await entries.end()
  }

  async close(): Promise<void> {
    for (const { entries } of this.#entries) await entries.close()
  }
}

async function openEntries(store: S3Store, config: S3SourceConfig, base: string, shape: Shape, from: number): Promise<Entries> {
  const { extension, format } = shape
  const { objects } = await listPage(store, { prefix: base + extension, max: 1 })
  const object = objects[0]
  if (!object)
    throw new Error(
      `there is no file ${base}${extension}…, which store.kafka${extension.slice(0, -1)}=true needs: set false to read without`,
    )
  const file: OpenFile = {
    content: new ObjectContent(store, object, contentOptions(config)),
    compression: compressionOf(object.key, 'auto'),
    format,
    topic: '',
    config: { ...config, 'key.field': null, 'bad.lines': 'fail' },
    warn() {},
  }
  const reads = await readerOf(format)
  const entries = new Entries(object.key, reads(file, countsRecords(format) ? from : 0))
  if (!countsRecords(format)) for (let skipped = 0; skipped < from; skipped++) await entries.take()
  return entries
}

/** A Parquet file has columns only, so that the key is a field of a struct there. */
const setKey = (format: FileFormat) => (record: SourceRecord, entry: SourceRecord) => {
  setKeyOf(record, entry.value, entry.valueSchema, format === 'parquet')
}

export function setKeyOf(record: SourceRecord, value: unknown, schema: Schema | null, isEnveloped: boolean): void {
  record.key = isEnveloped ? (value as { key: unknown }).key : value
  record.keySchema = isEnveloped ? (schema?.fields?.find(({ name }) => name === 'key')?.schema ?? null) : schema
}

/** The sink stores texts, in an array or in a struct with one. */
function setHeaders(record: SourceRecord, { value }: SourceRecord): void {
  const list = (Array.isArray(value) ? value : (value as { headers?: unknown })?.headers) as
    | { key: string; value: string | null }[]
    | undefined
  if (!Array.isArray(list)) throw new Error('an entry of its file of headers is no array of headers')
  record.headers = list.map((header): Header => ({ key: header.key, value: header.value, schema: TEXT }))
}
