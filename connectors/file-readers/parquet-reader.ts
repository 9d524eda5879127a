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

const MAGIC_BYTES = 4
/** The magic at both ends, and the length of the metadata between them. */
const MIN_FILE_BYTES = 2 * MAGIC_BYTES + 4

const atMost = (length: number) => ({ maxOutputLength: Math.max(length, 1) })

/** A page's content has the length that its header says. Snappy is the library's own. */
const compressors: Compressors = {
  GZIP: (input, length) => gunzipSync(input, atMost(length)),
  ZSTD: (input, length) => zstdDecompressSync(input, atMost(length)),
  BROTLI: (input, length) => brotliDecompressSync(input, atMost(length)),
  LZ4_RAW: lz4Block,
  LZ4: hadoopFrames,
}

function lz4Block(input: Uint8Array, outputLength: number): Uint8Array {
  const sized = Buffer.allocUnsafe(input.length + 4)
  sized.writeUInt32LE(outputLength, 0)
  sized.set(input, 4)
  return uncompressLz4(sized)
}

/** Blocks, each behind the length of its content and its own. Some writers have left the lengths out. */
function hadoopFrames(input: Uint8Array, outputLength: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const blocks: Uint8Array[] = []
  let length = 0
  for (let at = 0; at < input.length; ) {
    const [content, size] = input.length - at < 8 ? [0, 0] : [view.getUint32(at), view.getUint32(at + 4)]
    const end = at + 8 + size
    if (size === 0 || end > input.length || length + content > outputLength) return lz4Block(input, outputLength)
    blocks.push(lz4Block(input.subarray(at + 8, end), content))
    length += content
    at = end
  }
  return length === outputLength ? Buffer.concat(blocks, length) : lz4Block(input, outputLength)
}

export async function* readParquet(file: OpenFile, from: number): AsyncGenerator<FileBatch, void, void> {
  const { config } = file
  const buffer = bufferOf(file.content)
  await requireParquet(buffer)
  const found = await metadataOf(buffer)
  const columns = columnsOf(parquetSchema(found))
  const record = recordsOf(file, schemas.struct(Object.fromEntries(columns.map(({ name, schema }) => [name, schema]))))
  const metadata = withPhysicalTypes(found)
  for (const { begin, end } of rowGroups(found, config['block.max.bytes'])) {
    if (end <= from) continue
    let rows: readonly (readonly unknown[])[] = []
    await decoded(buffer, `the rows ${begin} to ${end - 1} cannot be decoded, the file is damaged`, () =>
      parquetRead({
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
      }),
    )
    if (rows.length !== end - begin) throw new Error(`it is damaged: of the rows ${begin} to ${end - 1} there are ${rows.length}`)
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

/** The bytes of a file, which remember why they could not be fetched. */
interface ParquetBytes extends AsyncBuffer {
  failure: unknown
}

/** What the decoder throws is about bytes, and says nothing about the file. That the bytes could not be fetched stays as it is. */
async function decoded<T>(file: ParquetBytes, what: string, decode: () => Promise<T>): Promise<T> {
  try {
    return await decode()
  } catch (error) {
    throw file.failure ?? new Error(`${what} (${(error as Error).message})`, { cause: error })
  }
}

async function metadataOf(file: ParquetBytes): Promise<FileMetaData> {
  const damaged = 'its footer is damaged, so that nothing of it can be read'
  return await decoded(file, damaged, async () => {
    const metadata = await parquetMetadataAsync(file)
    const rows = metadata.row_groups.reduce((sum, { num_rows }) => sum + num_rows, 0n)
    if (rows !== metadata.num_rows) throw new Error(`it has ${metadata.num_rows} rows, and its row groups have ${rows}`)
    parquetSchema(metadata)
    return metadata
  })
}

async function requireParquet(file: AsyncBuffer): Promise<void> {
  const magic = file.byteLength < MIN_FILE_BYTES ? '' : Buffer.from(await file.slice(file.byteLength - MAGIC_BYTES)).toString('latin1')
  if (magic === 'PARE') throw new Error('it is an encrypted Parquet file, which cannot be read')
  if (magic !== 'PAR1') throw new Error('it is no Parquet file, or it is cut off')
}

function* rowGroups(metadata: FileMetaData, maxBytes: number): Generator<{ begin: number; end: number }> {
  let begin = 0
  for (const { num_rows: rows, total_byte_size: bytes } of metadata.row_groups) {
    if (Number(bytes) > maxBytes) throw new Error(`it has a row group of ${bytes} bytes, and block.max.bytes is ${maxBytes}`)
    yield { begin, end: begin + Number(rows) }
    begin += Number(rows)
  }
}

const bufferOf = (content: FileContent): ParquetBytes => ({
  byteLength: content.sizeBytes,
  failure: null,
  async slice(start, end = content.sizeBytes) {
    try {
      return await content.range(start, Math.max(start, Math.min(end, content.sizeBytes)))
    } catch (error) {
      this.failure = error
      throw error
    }
  },
})
