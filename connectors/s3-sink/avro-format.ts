/**
 * Avro object container files, as Confluent's AvroFormat writes them: the schema of the first record, blocks with a codec. The sync marker
 * is made of the object's name, so that the same records give the same bytes.
 */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, crc32, deflateRaw, zstdCompress } from 'node:zlib'
import type { AvroDataOptions } from '../../connect/converters/avro/avro-names.ts'
import { avroJson } from '../../connect/converters/avro/avro-type.ts'
import { AvroWriter } from '../../connect/converters/avro/binary.ts'
import { AvroEncoders, type Encode } from '../../connect/converters/avro/encode.ts'
import { fromConnectSchema } from '../../connect/converters/avro/from-connect-schema.ts'
import { type Schema, UnwritableRecord } from '../../connect/sdk/index.ts'
import { ByteBlock } from './byte-block.ts'
import { type FileEncoder, type FileFormat, READY_BYTES } from './file-encoder.ts'

/** A block ends after so many bytes of records, as in Avro's own writer. */
const BLOCK_BYTES = 64_000
const MAGIC = Buffer.from('Obj\x01', 'latin1')
const NOTHING = Buffer.alloc(0)

export type AvroFileCodec = 'null' | 'deflate' | 'snappy' | 'zstandard'

const deflate = promisify(deflateRaw)
const zstd = promisify(zstdCompress)

const compress: Readonly<Record<AvroFileCodec, (block: Buffer) => Promise<Buffer>>> = {
  null: async (block) => block,
  deflate: (block) => deflate(block, { level: constants.Z_DEFAULT_COMPRESSION }),
  zstandard: (block) => zstd(block),
  async snappy(block) {
    const { compress: snappy } = await import('snappy')
    const checksum = Buffer.alloc(4)
    checksum.writeUInt32BE(crc32(block))
    return Buffer.concat([(await snappy(block)) as Buffer, checksum])
  },
}

export interface AvroFormatOptions {
  codec: AvroFileCodec
  data: AvroDataOptions
}

interface Compiled {
  json: string
  encode: Encode
  /** Of all objects of the format: each use ends before the next begins. */
  binary: AvroWriter
}

export function avroFormat({ codec, data }: AvroFormatOptions): FileFormat {
  const known = new WeakMap<Schema, Compiled>()
  const binary = new AvroWriter()
  const compiled = (schema: Schema): Compiled => {
    let found = known.get(schema)
    if (!found) {
      const type = fromConnectSchema(schema, data)
      found = { json: JSON.stringify(avroJson(type)), encode: new AvroEncoders(data, false).compile(schema, type), binary }
      known.set(schema, found)
    }
    return found
  }
  return {
    extension: '.avro',
    envelopes: { key: false, headers: false },
    encoder(key, schema) {
      if (!schema)
        throw new UnwritableRecord(
          'it has no schema, and AvroFormat needs one. Use a converter with schemas, such as AvroConverter or JsonConverter with schemas.enable=true',
        )
      return new AvroFileEncoder(compiled(schema), codec, createHash('md5').update(key).digest())
    },
  }
}

class AvroFileEncoder implements FileEncoder<Buffer> {
  readonly #encode: Encode
  readonly #codec: AvroFileCodec
  readonly #sync: Buffer
  readonly #binary: AvroWriter
  #header: Buffer | null
  readonly #block = new ByteBlock()
  #count = 0
  #blocks: { count: number; content: Buffer }[] = []
  #blockBytes = 0
  encodedBytes: number

  constructor({ json, encode, binary }: Compiled, codec: AvroFileCodec, sync: Buffer) {
    this.#encode = encode
    this.#binary = binary
    this.#codec = codec
    this.#sync = sync
    this.#header = this.#headerOf(json)
    this.encodedBytes = this.#header.length
  }

  #headerOf(json: string): Buffer {
    const writer = this.#binary
    writer.start(MAGIC)
    writer.long(2)
    writer.text('avro.schema')
    writer.bytes(Buffer.from(json))
    writer.text('avro.codec')
    writer.bytes(Buffer.from(this.#codec))
    writer.long(0)
    writer.raw(this.#sync)
    return writer.finish()
  }

  form(value: unknown): Buffer {
    this.#binary.start(NOTHING)
    this.#encode(this.#binary, value)
    return this.#binary.finish()
  }

  append(form: Buffer): void {
    this.#block.addBytes(form)
    this.#count++
    this.encodedBytes += form.length
    if (this.#block.length >= BLOCK_BYTES) this.#endBlock()
  }

  #endBlock(): void {
    if (this.#count === 0) return
    const content = this.#block.take()
    this.#blocks.push({ count: this.#count, content })
    this.#blockBytes += content.buffer.byteLength
    this.#count = 0
  }

  get heldBytes(): number {
    return this.#block.heldBytes + this.#blockBytes
  }

  get isReady(): boolean {
    return this.#blockBytes >= READY_BYTES
  }

  async take(what: 'ready' | 'all' | 'end'): Promise<Buffer[]> {
    if (what !== 'ready') this.#endBlock()
    const blocks = this.#blocks
    this.#blocks = []
    this.#blockBytes = 0
    const parts: Buffer[] = []
    if (this.#header) parts.push(this.#header)
    this.#header = null
    for (const { count, content } of blocks) {
      const compressed = await compress[this.#codec](content)
      this.#binary.start(NOTHING)
      this.#binary.long(count)
      this.#binary.long(compressed.length)
      parts.push(this.#binary.finish(), compressed, this.#sync)
    }
    return parts
  }
}
