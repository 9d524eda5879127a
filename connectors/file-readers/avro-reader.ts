/**
 * Avro object container files: records with the schema that the file has. Offsets count records. A block is read as a whole; blocks
 * before the offset are skipped without being decompressed.
 */
import { promisify } from 'node:util'
import { crc32, inflateRaw, zstdDecompress } from 'node:zlib'
import { avroDataDefaults } from '../../connect/converters/avro/avro-names.ts'
import { type AvroType, parseAvro } from '../../connect/converters/avro/avro-type.ts'
import { AvroReader } from '../../connect/converters/avro/binary.ts'
import { AvroDecoders, type Decode } from '../../connect/converters/avro/decode.ts'
import { ConnectAvroSchemas } from '../../connect/converters/avro/to-connect-schema.ts'
import type { Schema } from '../../connect/sdk/index.ts'
import { bytesOf } from './decompression.ts'
import { type FileBatch, type OpenFile, recordsOf } from './file-reader.ts'

const MAGIC = Buffer.from('Obj\x01', 'latin1')
const SYNC_BYTES = 16
/** A varint of 64 bits. */
const MAX_VARINT_BYTES = 10
/** A varint of 32 bits. */
const MAX_SNAPPY_LENGTH_BYTES = 5
const MAX_HEADER_BYTES = 16 * 1024 * 1024

type Decompress = (block: Buffer, maxBytes: number) => Promise<Buffer>

const inflate = promisify(inflateRaw)
const unzstd = promisify(zstdDecompress)

const codecs: Readonly<Record<string, Decompress>> = {
  null: async (block) => block,
  deflate: async (block, maxOutputLength) => inflate(block, { maxOutputLength }),
  zstandard: async (block, maxOutputLength) => unzstd(block, { maxOutputLength }),
  async snappy(block, maxBytes) {
    const { uncompress } = await import('snappy')
    if (snappyLength(block) > maxBytes)
      throw new Error(`it has a block of more than ${maxBytes} bytes: raise block.max.bytes if that is right`)
    const content = (await uncompress(block.subarray(0, -4), { asBuffer: true })) as Buffer
    if (crc32(content) !== block.readUInt32BE(block.length - 4)) throw new Error('the checksum of a block is wrong')
    return content
  },
}

/** The length of the content, which a block of snappy begins with: the library allocates as much. */
function snappyLength(block: Buffer): number {
  let length = 0
  for (let at = 0; at < Math.min(block.length, MAX_SNAPPY_LENGTH_BYTES); at++) {
    length += (block[at]! & 0x7f) * 2 ** (7 * at)
    if (block[at]! < 0x80) return length
  }
  throw new Error('a block is no snappy')
}

/** Bytes of a stream, as many as are asked for. */
class BlockBytes {
  readonly #source: AsyncIterator<Buffer>
  #buffer: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Whether there are so many bytes, after as much reading as it takes. */
  async has(count: number): Promise<boolean> {
    const parts = this.#buffer.length === 0 ? [] : [this.#buffer]
    let length = this.#buffer.length
    while (length < count) {
      const { value, done } = await this.#source.next()
      if (done) break
      parts.push(value)
      length += value.length
    }
    if (parts.length > 0) this.#buffer = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    return length >= count
  }

  async take(count: number): Promise<Buffer> {
    if (!(await this.has(count))) throw new Error('it ends in the middle of a block')
    const taken = this.#buffer.subarray(0, count)
    this.#buffer = this.#buffer.subarray(count)
    return taken
  }

  async long(): Promise<number> {
    await this.has(MAX_VARINT_BYTES)
    const reader = new AvroReader()
    reader.start(this.#buffer, 0)
    const value = Number(reader.long())
    await this.take(this.#buffer.length - reader.left)
    return value
  }

  async close(): Promise<void> {
    await this.#source.return?.()
  }
}

interface Container {
  readonly schema: Schema
  readonly decode: Decode
  readonly decompress: Decompress
  readonly sync: Buffer
}

export async function* readAvro(file: OpenFile, from: number): AsyncGenerator<FileBatch, void, void> {
  const { config } = file
  const bytes = new BlockBytes(bytesOf(file.content, file.compression, 0))
  try {
    const { schema, decode, decompress, sync } = await readHeader(bytes)
    const record = recordsOf(file, schema)
    const maxBytes = config['block.max.bytes']
    const reader = new AvroReader()
    let index = 0
    while (await bytes.has(1)) {
      const count = await bytes.long()
      const size = await bytes.long()
      if (count < 0 || size < 0 || size > maxBytes)
        throw new Error(`it has a block of ${size} bytes: raise block.max.bytes if that is right`)
      const block = await bytes.take(size)
      const isNew = index + count > from
      if (isNew) {
        reader.start(await decompress(block, maxBytes), 0)
        let records: FileBatch['records'] = []
        for (let end = index + count; index < end; ) {
          const value = decode(reader)
          if (index++ >= from) records.push(record(value, Date.now()))
          if (records.length < config['batch.size'] && index < end) continue
          if (records.length > 0) yield { records, offset: index }
          records = []
        }
      } else index += count
      if (!(await bytes.take(SYNC_BYTES)).equals(sync)) throw new Error(`the mark behind the block that ends with record ${index} is wrong`)
    }
  } finally {
    await bytes.close()
  }
}

async function readHeader(bytes: BlockBytes): Promise<Container> {
  if (!(await bytes.take(MAGIC.length)).equals(MAGIC)) throw new Error('it is no Avro object container file')
  const metadata = new Map<string, Buffer>()
  for (let count = await bytes.long(); count !== 0; count = await bytes.long()) {
    // A negative count stands before the size of the entries in bytes.
    if (count < 0) await bytes.long()
    for (let left = Math.abs(count); left > 0; left--) {
      const key = (await bytes.take(await sizeOf(bytes))).toString('utf8')
      metadata.set(key, Buffer.from(await bytes.take(await sizeOf(bytes))))
    }
  }
  const sync = Buffer.from(await bytes.take(SYNC_BYTES))
  const text = metadata.get('avro.schema')?.toString('utf8')
  if (text === undefined) throw new Error('its header has no schema')
  const codec = metadata.get('avro.codec')?.toString('utf8') ?? 'null'
  const decompress = Object.hasOwn(codecs, codec) ? codecs[codec] : undefined
  if (!decompress) throw new Error(`its codec ${codec} is not supported (${Object.keys(codecs).join(', ')} are)`)
  const type: AvroType = parseAvro(text)
  const schemas = new ConnectAvroSchemas(
    avroDataDefaults,
    () => 0,
    () => {},
  )
  const schema = schemas.convert(type, null)
  return { schema, decode: new AvroDecoders(avroDataDefaults).compile(type, schema), decompress, sync }
}

async function sizeOf(bytes: BlockBytes): Promise<number> {
  const size = await bytes.long()
  if (size < 0 || size > MAX_HEADER_BYTES) throw new Error('its header is larger than 16 MiB')
  return size
}
