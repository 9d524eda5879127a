/**
 * Parquet files: records with the schema that the file has. Offsets count rows. A row group is read as a whole, and those before the
 * offset are skipped.
 */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { type AsyncBuffer, type Compressors, type FileMetaData, parquetMetadataAsync, parquetRead, parquetSchema } from 'hyparquet'
import { uncompressSync as uncompressLz4 } from 'lz4-napi'
import { schemas } from '../../connect/sdk/index.ts'
import type { FileContent } from './file-content.ts'
import { type FileBatch, type OpenFile, recordsOf } from './file-reader.ts'
import { columnsOf, parsers, withPhysicalTypes } from './parquet-types.ts'

/** Snappy is the library's own. */
const compressors: Compressors = {
  GZIP: (input) => gunzipSync(input),
  ZSTD: (input) => zstdDecompressSync(input),
  BROTLI: (input) => brotliDecompressSync(input),
  LZ4_RAW(input, outputLength) {
    const sized = Buffer.allocUnsafe(input.length + 4)
    sized.writeUInt32LE(outputLength, 0)
    sized.set(input, 4)
    return uncompressLz4(sized)
  },
}

export async function* readParquet(file: OpenFile, from: number): AsyncGenerator<FileBatch, void, void> {
  const { config } = file
  const buffer = bufferOf(file.content)
  const found = await parquetMetadataAsync(buffer)
  const columns = columnsOf(parquetSchema(found))
  const record = recordsOf(file, schemas.struct(Object.fromEntries(columns.map(({ name, schema }) => [name, schema]))))
  const metadata = withPhysicalTypes(found)
  for (const { begin, end } of rowGroups(found, config['block.max.bytes'])) {
    if (end <= from) continue
    let rows: readonly (readonly unknown[])[] = []
    await parquetRead({
      file: buffer,
      metadata,
      compressors,
      parsers,
      utf8: false,
      geoparquet: false,
      rowStart: begin,
      rowEnd: end,
      onComplete(read) {
        rows = read
      },
    })
    for (let row = Math.max(from, begin); row < end; row += config['batch.size']) {
      const batch = rows.slice(row - begin, Math.min(row + config['batch.size'], end) - begin)
      const now = Date.now()
      const records = batch.map((values) =>
        record(Object.fromEntries(columns.map(({ name, convert }, index) => [name, convert(values[index])])), now),
      )
      yield { records, offset: row + records.length }
    }
  }
}

function* rowGroups(metadata: FileMetaData, maxBytes: number): Generator<{ begin: number; end: number }> {
  let begin = 0
  for (const { num_rows: rows, total_byte_size: bytes } of metadata.row_groups) {
    if (Number(bytes) > maxBytes) throw new Error(`it has a row group of ${bytes} bytes, and block.max.bytes is ${maxBytes}`)
    yield { begin, end: begin + Number(rows) }
    begin += Number(rows)
  }
}

const bufferOf = (content: FileContent): AsyncBuffer => ({
  byteLength: content.sizeBytes,
  slice: (start, end = content.sizeBytes) => content.range(start, Math.max(start, Math.min(end, content.sizeBytes))),
})
