/**
 * Rows of CSV, with a first line that names the columns: the fields of the schema, or of the first value of an object. Rows become text
 * many at a time, so that the library is called seldom.
 */
import { stringify } from 'csv-stringify/sync'
import { type Schema, UnwritableRecord } from '../../connect/sdk/index.ts'
import { compressionExtension } from './compression.ts'
import { csvCell, csvColumns } from './csv-cells.ts'
import type { FileEncoder, FileFormat } from './file-encoder.ts'
import { LineContent, type LineOptions } from './line-content.ts'

/** Rows that become text at once, and the characters of rows that do. */
const ROW_CHUNK = 512
const ROW_CHUNK_CHARS = 64 * 1024
/** The memory of a row and of a cell beside its characters. */
const ROW_BYTES = 48
const CELL_BYTES = 24

type Row = (string | null)[]

/** So that an empty text is not read as null. */
const quotedIfEmpty = (value: string) => (value === '' ? { value, quoted_empty: true } : value)

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

class CsvEncoder implements FileEncoder<Row> {
  readonly #columns: readonly string[]
  readonly #schema: Schema | null
  readonly #options: LineOptions
  readonly #content: LineContent
  #rows: Row[] = []
  #rowChars = 0
  #rowBytes = 0
  /** Without quotes, which depend on the content. */
  encodedBytes = 0

  constructor(columns: readonly string[], schema: Schema | null, options: LineOptions) {
    this.#columns = columns
    this.#schema = schema
    this.#options = options
    this.#content = new LineContent(options)
    if (options.csvHeader) this.append([...columns])
  }

  form(value: unknown): Row {
    const fields = value as Readonly<Record<string, unknown>> | null
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
      throw new UnwritableRecord('its value has no fields for columns')
    return this.#columns.map((name, index) => csvCell(fields[name], this.#schema?.fields?.[index]?.schema ?? null, this.#options.decimals))
  }

  append(form: Row): void {
    this.#rows.push(form)
    let chars = 0
    for (const cell of form) chars += (cell?.length ?? 0) + 1
    this.#rowChars += chars
    this.#rowBytes += chars + form.length * CELL_BYTES + ROW_BYTES
    this.encodedBytes += chars
    if (this.#rows.length >= ROW_CHUNK || this.#rowChars >= ROW_CHUNK_CHARS) this.#endRows()
  }

  #endRows(): void {
    if (this.#rows.length === 0) return
    this.#content.addText(stringify(this.#rows, { delimiter: this.#options.csvDelimiter, cast: { string: quotedIfEmpty } }))
    this.#rows = []
    this.#rowChars = 0
    this.#rowBytes = 0
  }

  get heldBytes(): number {
    return this.#content.heldBytes + this.#rowBytes
  }

  get isReady(): boolean {
    return this.#content.isReady
  }

  async take(what: 'ready' | 'all' | 'end'): Promise<Buffer[]> {
    if (what !== 'ready') this.#endRows()
    return await this.#content.take(what === 'end')
  }
}
