/**
 * Goal: Parquet files become records with Connect's types and without loss, of every codec, from any row on. Method: files of hyparquet-
 * writer, with several row groups.
 */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { parquetMetadata } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { compressSync as lz4 } from 'lz4-napi'
import { expect, test } from 'vitest'
import { logicalTypes, type Schema } from '../../../connect/sdk/index.ts'
import { FolderForTests, values } from '../directory/folder-reading.ts'

const folder = new FolderForTests()
const parquet = { format: 'parquet' }

const write = (name: string, options: object) => folder.write(name, new Uint8Array(parquetWriteBuffer(options as never)))
const shortOf = ({ type, name, optional }: Schema) => `${name?.slice(name.lastIndexOf('.') + 1) ?? type}${optional ? '?' : ''}`

const compressors = {
  GZIP: (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes)),
  ZSTD: (bytes: Uint8Array) => new Uint8Array(zstdCompressSync(bytes)),
  // Without the size, which the library writes before a block.
  LZ4_RAW: (bytes: Uint8Array) => new Uint8Array(lz4(Buffer.from(bytes)).subarray(4)),
}

test.each(['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'LZ4_RAW'])('codec %s: rows of several row groups, from any row on', async (codec) => {
  const ids = Array.from({ length: 1000 }, (_, id) => id)
  await write('a.parquet', {
    columnData: [
      { name: 'id', data: ids, type: 'INT32', nullable: false },
      { name: 'text', data: ids.map((id) => (id % 5 === 0 ? null : `text ${id}`)), type: 'STRING' },
    ],
    rowGroupSize: 300,
    codec,
    compressors,
  })
  const seen: unknown[] = []
  while (seen.length < 1000) seen.push(...values(await folder.read(1, { ...parquet, 'batch.size': '70' })))
  expect(seen).toEqual(ids.map((id) => ({ id, text: id % 5 === 0 ? null : `text ${id}` })))
})

test('types', async () => {
  const one = (name: string, type: string, value: unknown, more: object = {}) => ({ name, type, data: [value], nullable: false, ...more })
  await write('a', {
    columnData: [
      one('int', 'INT32', -5),
      one('long', 'INT64', 9_007_199_254_740_993n),
      one('float', 'FLOAT', 1.5),
      one('double', 'DOUBLE', 0.1),
      one('bool', 'BOOLEAN', true),
      one('text', 'STRING', 'ü'),
      one('bytes', 'BYTE_ARRAY', new Uint8Array([0, 255])),
      one('time', 'TIMESTAMP', new Date('2024-01-01T00:00:00.123Z')),
      one('json', 'JSON', { a: 1 }),
      one('uuid', 'UUID', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
    ],
  })
  const [record] = await folder.read(1, parquet)
  expect(record!.valueSchema!.fields!.map(({ name, schema }) => `${name} ${shortOf(schema)}`)).toEqual([
    'int int32',
    'long int64',
    'float float32',
    'double float64',
    'bool boolean',
    'text string',
    'bytes bytes',
    'time Timestamp',
    'json string',
    'uuid string',
  ])
  expect(record!.value).toEqual({
    int: -5,
    long: 9_007_199_254_740_993n,
    float: 1.5,
    double: 0.1,
    bool: true,
    text: 'ü',
    bytes: Buffer.from([0, 255]),
    time: new Date('2024-01-01T00:00:00.123Z'),
    json: '{"a":1}',
    uuid: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  })
})

test('decimals, dates, small and unsigned integers, lists, maps and structs, as the schema of a file has them', async () => {
  const schema = [
    { name: 'root', num_children: 7 },
    { name: 'price', type: 'INT32', converted_type: 'DECIMAL', scale: 2, precision: 9, repetition_type: 'REQUIRED' },
    { name: 'day', type: 'INT32', converted_type: 'DATE', repetition_type: 'OPTIONAL' },
    { name: 'tiny', type: 'INT32', converted_type: 'INT_8', repetition_type: 'REQUIRED' },
    { name: 'unsigned', type: 'INT32', converted_type: 'UINT_32', repetition_type: 'REQUIRED' },
    { name: 'tags', repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
    { name: 'counts', repetition_type: 'OPTIONAL', converted_type: 'MAP', num_children: 1 },
    { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
    { name: 'key', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
    { name: 'value', type: 'INT64', repetition_type: 'OPTIONAL' },
    { name: 'place', repetition_type: 'OPTIONAL', num_children: 2 },
    { name: 'city', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
    { name: 'height', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
  ]
  await write('a', {
    schema,
    columnData: [
      { name: 'price', data: [12.5, -0.01] },
      { name: 'day', data: [new Date('2024-02-29'), null] },
      { name: 'tiny', data: [-1, 1] },
      { name: 'unsigned', data: [1, 4_000_000_000] },
      { name: 'tags', data: [['a', null], null] },
      { name: 'counts', data: [{ x: 1n }, null] },
      { name: 'place', data: [{ city: 'Graz', height: 353 }, null] },
    ],
  })
  const [first, second] = await folder.read(2, parquet)
  expect(first!.valueSchema!.fields!.map(({ schema: field }) => shortOf(field))).toEqual([
    'Decimal',
    'Date?',
    'int8',
    'int64',
    'array?',
    'map?',
    'struct?',
  ])
  expect(first!.valueSchema!.fields![0]!.schema).toMatchObject({ name: logicalTypes.decimal, parameters: { scale: '2' } })
  expect(first!.value).toEqual({
    price: '12.50',
    day: new Date('2024-02-29'),
    tiny: -1,
    unsigned: 1,
    tags: ['a', null],
    counts: { x: 1 },
    place: { city: 'Graz', height: 353 },
  })
  expect(second!.value).toEqual({ price: '-0.01', day: null, tiny: 1, unsigned: 4_000_000_000, tags: null, counts: null, place: null })
})

test('what is no Parquet file, or has a row group that is too large, is an error of the file', async () => {
  await folder.write('a', 'no Parquet file, and long enough to be one')
  await expect(folder.read(1, parquet)).rejects.toThrow('it is no Parquet file, or it is cut off')
  await folder.write('a', 'PAR1')
  await expect(folder.read(1, parquet)).rejects.toThrow('it is no Parquet file, or it is cut off')
  await folder.write('a', 'PARE and more PARE')
  await expect(folder.read(1, parquet)).rejects.toThrow('it is an encrypted Parquet file')
  await write('a', { columnData: [{ name: 'id', data: [1, 2, 3], type: 'INT32' }] })
  await expect(folder.read(1, { ...parquet, 'block.max.bytes': '1' })).rejects.toThrow('block.max.bytes is 1')
})

test('a footer of junk, and pages of junk, are named as what is damaged', async () => {
  const junk = Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(100, 65), Buffer.from([50, 0, 0, 0]), Buffer.from('PAR1')])
  await folder.write('a', junk)
  await expect(folder.read(1, parquet)).rejects.toThrow(/a cannot be read: its footer is damaged, so that nothing of it can be read \(/)
  const ids = Array.from({ length: 1000 }, (_, id) => id)
  const columnData = [{ name: 'id', data: ids, type: 'INT32', nullable: false }]
  const good = Buffer.from(parquetWriteBuffer({ columnData, codec: 'GZIP', compressors } as never))
  await folder.write('a', good.fill(0, 50, 500))
  await expect(folder.read(1, parquet)).rejects.toThrow(/a cannot be read: the rows 0 to 999 cannot be decoded, the file is damaged \(/)
})

test('a footer whose row groups have other rows than it says is damaged, and no rows are lost silently', async () => {
  const columnData = [{ name: 'id', data: [1, 2, 3], type: 'INT32', nullable: false }]
  const good = Buffer.from(parquetWriteBuffer({ columnData, codec: 'UNCOMPRESSED' } as never))
  const { num_rows } = parquetMetadata(new Uint8Array(good).buffer)
  expect(num_rows).toBe(3n)
  // The count of a file without pages: 3 as thrift writes it, behind the header of an i64.
  const at = good.lastIndexOf(Buffer.from([0x16, 0x06]), good.length - 40)
  const fewer = Buffer.from(good)
  for (let index = at; index >= 0; index = good.lastIndexOf(Buffer.from([0x16, 0x06]), index - 1)) {
    fewer[index + 1] = 0x02
    if (parquetMetadata(new Uint8Array(fewer).buffer).num_rows === 1n) break
    fewer[index + 1] = 0x06
  }
  await folder.write('a', fewer)
  await expect(folder.read(1, parquet)).rejects.toThrow(/its footer is damaged.*it has 1 rows, and its row groups have 3/)
})
