/**
 * Goal: Avro's object container files become records with their schema, of every codec, from any record on. Method: files of the avsc
 * library; the schema is compared with that of AvroConverter.
 */
import { once } from 'node:events'
import { crc32, deflateRaw, zstdCompress } from 'node:zlib'
import avro from 'avsc'
import { compress as snappy } from 'snappy'
import { expect, test } from 'vitest'
import { FolderForTests, values } from '../directory/folder-reading.ts'

const folder = new FolderForTests()

const schema = {
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'name', type: ['null', 'string'] },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
} as const
type Callback = (error: Error | null, bytes?: Buffer) => void

async function snappyBlock(bytes: Buffer): Promise<Buffer> {
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc32(bytes))
  return Buffer.concat([await snappy(bytes), checksum])
}
const codecs: Record<string, (bytes: Buffer, done: Callback) => void> = {
  null: (bytes, done) => done(null, bytes),
  deflate: (bytes, done) => deflateRaw(bytes, done),
  snappy: (bytes, done) => void snappyBlock(bytes).then((block) => done(null, block), done),
  zstandard: (bytes, done) => zstdCompress(bytes, done),
}

async function write(name: string, count: number, codec: string): Promise<void> {
  const encoder = new avro.streams.BlockEncoder(schema as never, { codec, codecs, blockSize: 1000 } as never)
  const parts: Buffer[] = []
  encoder.on('data', (part: Buffer) => parts.push(part))
  for (let id = 0; id < count; id++) encoder.write({ id, name: id % 3 === 0 ? null : `name ${id}`, at: 1_700_000_000_000 + id })
  encoder.end()
  await once(encoder, 'end')
  await folder.write(name, Buffer.concat(parts))
}

test.each(Object.keys(codecs))('codec %s', async (codec) => {
  await write('a.avro', 500, codec)
  const ids: number[] = []
  while (ids.length < 500) {
    const records = await folder.read(1, { format: 'avro', 'batch.size': '90', 'key.field': 'id' })
    ids.push(...records.map(({ key }) => key as number))
    expect(records[0]!.valueSchema).toMatchObject({ type: 'struct', name: 'shop.Order' })
  }
  expect(ids).toEqual(Array.from({ length: 500 }, (_, id) => id))
})

test('values are those of AvroConverter', async () => {
  await write('a.avro', 2, 'null')
  const [first, second] = await folder.read(2, { format: 'avro' })
  expect(values([first!, second!])).toEqual([
    { id: 0, name: null, at: new Date(1_700_000_000_000) },
    { id: 1, name: 'name 1', at: new Date(1_700_000_000_001) },
  ])
  expect(first!.valueSchema!.fields!.map((field) => [field.name, field.schema.optional])).toEqual([
    ['id', false],
    ['name', true],
    ['at', false],
  ])
})

test('what is no Avro file, or is cut off, is an error of the file', async () => {
  await folder.write('a', 'no Avro at all')
  await expect(folder.read(1, { format: 'avro' })).rejects.toThrow('it is no Avro object container file')
  await write('a', 100, 'deflate')
  await expect(folder.read(1, { format: 'avro', 'block.max.bytes': '10' })).rejects.toThrow('raise block.max.bytes')
})
