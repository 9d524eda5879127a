/**
 * Goal: what the sink writes is read back with the same values and types by other readers: those of the sources of files for Avro and
 * Parquet, csv-parse, Node's decompression. Method: all types of Connect through the encoder of each format, with each codec.
 */
import { Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import { parquetMetadataAsync } from 'hyparquet'
import { describe, expect, test } from 'vitest'
import { avroDataDefaults } from '../../../connect/converters/avro/avro-names.ts'
import { DataError, parseSettings, type Schema, type SourceRecord, schemas } from '../../../connect/sdk/index.ts'
import { readAvro } from '../../../connectors/file-readers/avro-reader.ts'
import type { FileContent } from '../../../connectors/file-readers/file-content.ts'
import type { OpenFile } from '../../../connectors/file-readers/file-reader.ts'
import { readParquet } from '../../../connectors/file-readers/parquet-reader.ts'
import { readerSettings } from '../../../connectors/file-readers/settings.ts'
import { type AvroFileCodec, avroFormat } from '../../../connectors/s3-sink/avro-format.ts'
import { csvFormat } from '../../../connectors/s3-sink/csv-format.ts'
import type { FileFormat } from '../../../connectors/s3-sink/file-encoder.ts'
import type { LineOptions } from '../../../connectors/s3-sink/line-content.ts'
import { jsonFormat } from '../../../connectors/s3-sink/line-formats.ts'
import { type ParquetCodecName, parquetFormat } from '../../../connectors/s3-sink/parquet-format.ts'

const optional = { optional: true }
const schema = schemas.struct(
  {
    int8: schemas.int8(),
    int16: schemas.int16(),
    int32: schemas.int32(optional),
    int64: schemas.int64(),
    float32: schemas.float32(),
    float64: schemas.float64(optional),
    flag: schemas.boolean(),
    text: schemas.string(),
    note: schemas.string(optional),
    bytes: schemas.bytes(),
    price: schemas.decimal(2),
    due: schemas.decimal(3, optional),
    day: schemas.date(),
    clock: schemas.time(),
    instant: schemas.timestamp(optional),
    list: schemas.array(schemas.string()),
    holes: schemas.array(schemas.int32(optional), optional),
    map: schemas.map(schemas.string(), schemas.int64()),
    inner: schemas.struct({ id: schemas.int32(), tags: schemas.array(schemas.string(), optional) }, optional),
    items: schemas.array(schemas.struct({ sku: schemas.string(), count: schemas.int32(optional) })),
  },
  { name: 'com.acme.Everything', version: 1 },
)
const full = {
  int8: -128,
  int16: 32767,
  int32: -2147483648,
  int64: 9007199254740993n,
  float32: 1.5,
  float64: -1e300,
  flag: true,
  text: 'Zürich "quoted", and\nmore 🚀',
  note: '',
  bytes: Buffer.from([0, 255]),
  price: '-12345678901234567890.12',
  due: '0.001',
  day: new Date('2026-02-28T00:00:00Z'),
  clock: new Date('1970-01-01T23:59:59.999Z'),
  instant: new Date('1969-12-31T23:59:59.999Z'),
  list: ['a', ''],
  holes: [1, null, 3],
  map: { a: 1, b: -9007199254740993n },
  inner: { id: 1, tags: ['x'] },
  items: [
    { sku: 's1', count: 1 },
    { sku: 's2', count: null },
  ],
}
const sparse = {
  ...full,
  int32: null,
  float64: null,
  note: null,
  due: null,
  instant: null,
  list: [],
  holes: null,
  map: {},
  inner: null,
  items: [],
}
const inner = { ...full, holes: [], inner: { id: 2, tags: null } }
const values = [full, sparse, inner]

async function encoded(format: FileFormat, all: readonly unknown[], of: Schema | null = schema): Promise<Buffer> {
  const encoder = format.encoder('topics/t/t+0+0000000000', of, all[0])
  const parts: Buffer[] = []
  for (const [index, value] of all.entries()) {
    encoder.append(encoder.form(value))
    if (index % 2 === 1) parts.push(...(await encoder.take('all')))
  }
  return Buffer.concat([...parts, ...(await encoder.take('end'))])
}

/** The records that the sources of files read from the bytes. */
async function readBack(bytes: Buffer, format: 'avro' | 'parquet'): Promise<SourceRecord[]> {
  const content: FileContent = {
    sizeBytes: bytes.length,
    stream: (start) => Readable.from([bytes.subarray(start)]),
    range: async (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
    close: async () => {},
  }
  const file: OpenFile = { content, compression: 'none', format, topic: 't', config: parseSettings(readerSettings, {}), warn() {} }
  const records: SourceRecord[] = []
  for await (const batch of format === 'avro' ? readAvro(file, 0) : readParquet(file, 0)) records.push(...batch.records)
  return records
}

describe.each<AvroFileCodec>(['null', 'deflate', 'snappy', 'zstandard'])('Avro with the codec %s', (codec) => {
  test('keeps all values, and the schema', async () => {
    const bytes = await encoded(avroFormat({ codec, data: avroDataDefaults }), values)
    const records = await readBack(bytes, 'avro')
    expect(records.map(({ value }) => value)).toEqual(values)
    expect(records[0]!.valueSchema).toMatchObject({ type: 'struct', name: 'com.acme.Everything' })
    expect(
      records[0]!.valueSchema!.fields!.map(({ name, schema: { type, optional: may, name: logical } }) => [name, type, may, logical]),
    ).toEqual(schema.fields!.map(({ name, schema: { type, optional: may, name: logical } }) => [name, type, may, logical]))
  })
})

test('Avro has the same bytes for the same records, in blocks of bounded size', async () => {
  const format = avroFormat({ codec: 'null', data: avroDataDefaults })
  const many = Array.from({ length: 2000 }, () => full)
  const bytes = await encoded(format, many)
  expect(await encoded(format, many)).toEqual(bytes)
  expect((await readBack(bytes, 'avro')).length).toBe(2000)
})

test('Avro writes values that are no structs', async () => {
  const bytes = await encoded(avroFormat({ codec: 'null', data: avroDataDefaults }), ['a', 'b'], schemas.string())
  expect((await readBack(bytes, 'avro')).map(({ value }) => value)).toEqual(['a', 'b'])
})

describe.each<ParquetCodecName>(['none', 'gzip', 'snappy', 'lz4', 'lz4_raw', 'brotli', 'zstd'])('Parquet with the codec %s', (codec) => {
  test('keeps all values and types', async () => {
    const records = await readBack(await encoded(parquetFormat(codec), [...values, ...values]), 'parquet')
    expect(records.map(({ value }) => value)).toEqual([...values, ...values])
    const columns = records[0]!.valueSchema!.fields!
    expect(columns.map(({ name, schema: { type, optional: may, name: logical } }) => [name, type, may, logical])).toEqual(
      schema.fields!.map(({ name, schema: { type, optional: may, name: logical } }) => [name, type, may, logical]),
    )
  })
})

test.each([
  ['a text in place of a number', { ...full, int8: 'x' }, /its field int8 is not a whole number of 8 bits/],
  ['a null in a field that has none', { ...full, text: null }, /its field text is null/],
  ['a decimal of too many digits', { ...full, price: '1'.repeat(40) }, /its field price has more than 38 digits/],
  ['a number past 64 bits', { ...full, int64: 2n ** 63n }, /its field int64 is not a whole number of 64 bits/],
])('Parquet refuses %s, and nothing else', async (_what, wrong, sentence) => {
  const encoder = parquetFormat('snappy').encoder('key', schema, full)
  expect(() => encoder.form(wrong)).toThrow(sentence)
  encoder.append(encoder.form(full))
  expect((await readBack(Buffer.concat(await encoder.take('end')), 'parquet')).map(({ value }) => value)).toEqual([full])
})

test('Avro refuses what contradicts its schema, and nothing else', async () => {
  const encoder = avroFormat({ codec: 'null', data: avroDataDefaults }).encoder('key', schema, full)
  expect(() => encoder.form({ ...full, int8: 'x' })).toThrow(DataError)
  encoder.append(encoder.form(full))
  expect((await readBack(Buffer.concat(await encoder.take('end')), 'avro')).map(({ value }) => value)).toEqual([full])
})

const lines: LineOptions = {
  compression: 'none',
  compressionLevel: -1,
  decimals: 'base64',
  byteArrayExtension: '.bin',
  byteArraySeparator: '\n',
  csvHeader: true,
  csvDelimiter: ',',
}

describe('CSV', () => {
  const rows = (bytes: Buffer) => parse(bytes, { columns: true }) as Record<string, string>[]

  test('has a column for each field, empty cells for null and quoted ones for empty texts', async () => {
    const bytes = await encoded(csvFormat({ ...lines, decimals: 'numeric' }), [full, sparse])
    const [first, second] = rows(bytes)
    expect(first).toMatchObject({
      int64: '9007199254740993',
      text: full.text,
      bytes: 'AP8=',
      price: '-12345678901234567890.12',
      day: '2026-02-28',
      clock: '23:59:59.999',
      instant: '1969-12-31T23:59:59.999Z',
      holes: '[1,null,3]',
      inner: '{"id":1,"tags":["x"]}',
    })
    expect(second).toMatchObject({ int32: '', note: '' })
    expect(bytes.toString().split('\n')[0]).toBe(schema.fields!.map(({ name }) => name).join(','))
    const plain = await encoded(csvFormat({ ...lines, csvHeader: false, csvDelimiter: '\t' }), [{ a: '', b: null, c: 'x' }], null)
    expect(plain.toString()).toBe('""\t\tx\n')
  })

  test('takes only values with the same columns into an object', () => {
    const format = csvFormat(lines)
    expect(format.fits!({ a: 1, b: 2 }, { a: 3, b: null })).toBe(true)
    expect(format.fits!({ a: 1, b: 2 }, { a: 3 })).toBe(false)
    expect(format.fits!({ a: 1, b: 2 }, { b: 3, a: 1 })).toBe(false)
  })
})

test('gzip of many chunks is one member, with the right checksum and length', async () => {
  const format = jsonFormat({ ...lines, compression: 'gzip' })
  const all = Array.from({ length: 5 }, (_, number) => ({ number, text: 'x'.repeat(number * 100_000) }))
  const bytes = await encoded(format, all, null)
  expect(gunzipSync(bytes).toString()).toBe(all.map((value) => `${JSON.stringify(value)}\n`).join(''))
  expect(bytes.indexOf(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]), 1)).toBe(-1)
})

test('row groups of Parquet are of bounded size, also where nobody takes them for long', async () => {
  const schema = schemas.struct({ n: schemas.int32() })
  const encoder = parquetFormat('snappy').encoder('key', schema, null)
  for (let n = 0; n < 250_000; n++) encoder.append(encoder.form({ n }))
  const bytes = Buffer.concat(await encoder.take('end'))
  const file = { byteLength: bytes.length, slice: (start: number, end?: number) => new Uint8Array(bytes.subarray(start, end)).buffer }
  expect((await parquetMetadataAsync(file)).row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([100_000, 100_000, 50_000])
  expect(encoder.heldBytes).toBeLessThan(1024)
})
