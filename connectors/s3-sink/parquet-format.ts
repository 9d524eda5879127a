/**
 * Parquet files: a column for each field of a struct, in row groups of bounded size. The names of the columns and their types are those of
 * the schema of Connect.
 */
import { setImmediate } from 'node:timers/promises'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { CompressionCodec } from 'hyparquet'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { compressSync as compressLz4 } from 'lz4-napi'
import { compressSync as compressSnappy } from 'snappy'
import { type Schema, UnwritableRecord } from '../../connect/sdk/index.ts'
import type { FileEncoder, FileFormat } from './file-encoder.ts'
import { type ParquetField, parquetFields, type RowSize, type SchemaElement } from './parquet-fields.ts'

/** A row group ends with so many bytes of values, or so many rows (Invariant 13). */
const ROW_GROUP_BYTES = 16 * 1024 * 1024
const ROW_GROUP_ROWS = 100_000
/** The memory of a value beside its bytes: a string, a bigint and a number of an array are objects. */
const VALUE_OVERHEAD_BYTES = 16
/** The memory of a column without values. */
const COLUMN_BYTES = 256
/** Of the writer's output. */
const FIRST_BUFFER_BYTES = 1024
const KEPT_BUFFER_BYTES = 64 * 1024

export type ParquetCodecName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'lz4_raw' | 'brotli' | 'zstd'

interface Codec {
  name: CompressionCodec
  /** What Parquet's own names of codecs add to an object's name. */
  extension: string
  compress?: (input: Uint8Array) => Uint8Array
}

const codecs: Readonly<Record<ParquetCodecName, Codec>> = {
  none: { name: 'UNCOMPRESSED', extension: '' },
  gzip: { name: 'GZIP', extension: '.gz', compress: (input) => gzipSync(input) },
  snappy: { name: 'SNAPPY', extension: '.snappy', compress: (input) => compressSnappy(asBuffer(input)) as Buffer },
  lz4: { name: 'LZ4', extension: '.lz4hadoop', compress: hadoopFrame },
  lz4_raw: { name: 'LZ4_RAW', extension: '.lz4raw', compress: lz4Block },
  brotli: { name: 'BROTLI', extension: '.br', compress: (input) => brotliCompressSync(input) },
  zstd: { name: 'ZSTD', extension: '.zstd', compress: (input) => zstdCompressSync(input) },
}

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, byteLength)

/** The library puts the length before the block, which the format has elsewhere. */
function lz4Block(input: Uint8Array): Uint8Array {
  return compressLz4(asBuffer(input)).subarray(4)
}

/** A block behind its length and that of its content. */
function hadoopFrame(input: Uint8Array): Uint8Array {
  const block = lz4Block(input)
  const frame = Buffer.allocUnsafe(8 + block.length)
  frame.writeUInt32BE(input.length, 0)
  frame.writeUInt32BE(block.length, 4)
  frame.set(block, 8)
  return frame
}

export function parquetFormat(codec: ParquetCodecName): FileFormat {
  const known = new WeakMap<Schema, readonly ParquetField[]>()
  return {
    extension: `${codecs[codec].extension}.parquet`,
    envelopes: { key: true, headers: true },
    encoder(_key, schema) {
      if (schema?.type !== 'struct')
        throw new UnwritableRecord(
          schema
            ? `its value is of type ${schema.type}, and ParquetFormat needs a struct`
            : 'it has no schema, and ParquetFormat needs one. Use a converter with schemas, such as AvroConverter or JsonConverter with schemas.enable=true',
        )
      let fields = known.get(schema)
      if (!fields) known.set(schema, (fields = parquetFields(schema)))
      return new ParquetEncoder(fields, codecs[codec])
    },
  }
}

interface Row {
  values: readonly unknown[]
  size: RowSize
}

/** Rows that are encoded together: values by column. */
interface RowGroup {
  readonly columns: unknown[][]
  rows: number
  bytes: number
  /** The memory of the values, with those that are within others. */
  heldBytes: number
}

class ParquetEncoder implements FileEncoder<Row> {
  readonly #fields: readonly ParquetField[]
  readonly #bytes = new ByteWriter()
  readonly #writer: ParquetWriter
  /** A group ends with the records, and not only when somebody has time to take it: none is larger. */
  readonly #full: RowGroup[] = []
  #group: RowGroup
  #heldBytes = 0
  encodedBytes = 0

  constructor(fields: readonly ParquetField[], codec: Codec) {
    this.#fields = fields
    const root: SchemaElement = { name: 'record', num_children: fields.length }
    const compressors = codec.compress ? { [codec.name]: codec.compress } : {}
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: [root, ...fields.flatMap(({ elements }) => elements)],
      codec: codec.name,
      compressors,
      createdBy: 'tributary',
    })
    this.#group = this.#newGroup()
  }

  #newGroup(): RowGroup {
    return { columns: this.#fields.map(() => []), rows: 0, bytes: 0, heldBytes: 0 }
  }

  form(value: unknown): Row {
    if (typeof value !== 'object' || value === null) throw new UnwritableRecord('its value is null, and ParquetFormat needs a struct')
    const size: RowSize = { bytes: 0, values: 0 }
    const values = this.#fields.map(({ name, convert }) => convert((value as Record<string, unknown>)[name], size))
    return { values, size }
  }

  append({ values, size }: Row): void {
    const group = this.#group
    for (let index = 0; index < values.length; index++) group.columns[index]!.push(values[index])
    const heldBytes = size.bytes + size.values * VALUE_OVERHEAD_BYTES
    group.rows++
    group.bytes += size.bytes
    group.heldBytes += heldBytes
    this.#heldBytes += heldBytes
    this.encodedBytes += size.bytes
    if (group.bytes >= ROW_GROUP_BYTES || group.rows >= ROW_GROUP_ROWS) this.#endGroup()
  }

  #endGroup(): void {
    if (this.#group.rows === 0) return
    this.#full.push(this.#group)
    this.#group = this.#newGroup()
  }

  get heldBytes(): number {
    return this.#heldBytes + this.#fields.length * COLUMN_BYTES
  }

  get isReady(): boolean {
    return this.#full.length > 0
  }

  async take(what: 'ready' | 'all' | 'end'): Promise<Buffer[]> {
    if (what !== 'ready') this.#endGroup()
    for (let group = this.#full.shift(); group; group = this.#full.shift()) {
      this.#write(group)
      // An encoded group takes long enough for others to wait for.
      if (this.#full.length > 0) await setImmediate()
    }
    if (what === 'end') this.#writer.finish()
    const ready = Buffer.from(this.#bytes.getBytes())
    // The writer counts offsets by itself. A buffer that has grown would stay with each object that is open.
    if (this.#bytes.buffer.byteLength > KEPT_BUFFER_BYTES) {
      this.#bytes.buffer = new ArrayBuffer(FIRST_BUFFER_BYTES)
      this.#bytes.view = new DataView(this.#bytes.buffer)
    }
    this.#bytes.index = 0
    return ready.length > 0 ? [ready] : []
  }

  #write({ columns, rows, heldBytes }: RowGroup): void {
    const columnData = this.#fields.map(({ name }, index) => ({ name, data: columns[index]! }))
    this.#writer.write({ columnData, rowGroupSize: rows })
    this.#heldBytes -= heldBytes
  }
}
