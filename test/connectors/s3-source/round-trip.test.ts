/**
 * Story of connectors/s3-source. Goal: what the S3 sink writes, the S3 source restores: each record with its topic, partition, key, headers
 * and value, with the types that the format keeps. Method: both connectors on a real server; the records that come back are compared with
 * those that went.
 */
import { describe, expect, test } from 'vitest'
import { sinkRecord, taskContext } from '../../../connect/contract/index.ts'
import { type Schema, type SinkRecord, type SourceRecord, schemas } from '../../../connect/sdk/index.ts'
import { s3Sink } from '../../../connectors/s3-sink/connector.ts'
import { BucketForTests, connectionConfig } from './bucket-for-tests.ts'

const bucket = new BucketForTests()
const COUNT = 25
const confluent = (name: string) => `io.confluent.connect.s3.format.${name.toLowerCase()}.${name}Format`

async function write(records: readonly SinkRecord[], config: Record<string, string>): Promise<void> {
  const given = { ...connectionConfig(bucket.server, bucket.bucket), 'flush.size': '5', ...config }
  const task = await s3Sink.start(taskContext(s3Sink.settings, given, new AbortController().signal))
  const partitions = [0, 1].map((partition) => ({ topic: 'orders', partition }))
  await task.open?.(partitions)
  await task.write(records)
  await task.flush(partitions.map((of) => ({ ...of, offset: COUNT })))
  await task.close?.(partitions)
  await task.stop?.()
}

/** Two partitions of records, in the order in which a backup is read. */
const recordsOf = (parts: (number: number) => Partial<SinkRecord>): SinkRecord[] =>
  [0, 1].flatMap((partition) =>
    Array.from({ length: COUNT }, (_, offset) => sinkRecord({ topic: 'orders', partition, offset, ...parts(partition * COUNT + offset) })),
  )

const placeOf = ({ topic, partition }: SinkRecord | SourceRecord) => [topic, partition]
const text = schemas.string()

const allTypes = schemas.struct(
  {
    id: schemas.int32(),
    long: schemas.int64(),
    name: schemas.string({ optional: true }),
    isNew: schemas.boolean(),
    price: schemas.float64(),
    ratio: schemas.float32(),
    data: schemas.bytes(),
    tags: schemas.array(schemas.string()),
    counts: schemas.map(schemas.string(), schemas.int32()),
    day: schemas.date(),
    at: schemas.timestamp(),
    amount: schemas.decimal(2),
    inner: schemas.struct({ a: schemas.string() }, { name: 'Inner' }),
  },
  { name: 'org.example.Order' },
)
const orderOf = (number: number) => ({
  id: number,
  long: number % 2 === 0 ? number : 9_007_199_254_740_993n,
  name: number % 3 === 0 ? null : `näme ${number}`,
  isNew: number % 2 === 0,
  price: number / 3,
  ratio: number / 4,
  data: Buffer.from([number, 0, 255]),
  tags: ['a', String(number)],
  counts: { x: number },
  day: new Date(Date.UTC(2026, 0, 1 + number)),
  at: new Date(Date.UTC(2026, 0, 1, 1, 2, 3, number)),
  amount: `${number}.25`,
  inner: { a: `inner ${number}` },
})

/** The parts of a schema that a format keeps, whatever its names of structs and its versions are. */
const shapeOf = (schema: Schema | null | undefined): unknown =>
  schema && {
    type: schema.type,
    optional: schema.optional,
    logical: schema.type === 'struct' ? undefined : schema.name,
    fields: schema.fields?.map((field) => [field.name, shapeOf(field.schema)]),
    values: shapeOf(schema.values),
  }

describe('a topic goes to S3 and back', () => {
  test('as JSON, compressed, with keys and headers', async () => {
    const sent = recordsOf((number) => ({
      key: `k${number}`,
      keySchema: text,
      value: { number, list: [1, null, 'x'], big: 9_007_199_254_740_993n },
      headers: [{ key: 'h', value: `v${number}`, schema: text }],
    }))
    const formats = { 'keys.format.class': confluent('Json'), 'headers.format.class': confluent('Json') }
    const files = { 'store.kafka.keys': 'true', 'store.kafka.headers': 'true', ...formats }
    await write(sent, { 'format.class': confluent('Json'), 's3.compression.type': 'gzip', ...files })
    const back = await bucket.read(2 * COUNT, { 'format.class': confluent('Json'), ...files, 'batch.size': '3' })
    expect(back.map(placeOf)).toEqual(sent.map(placeOf))
    expect(back.map(({ key, value, headers }) => [key, value, headers])).toEqual(
      sent.map(({ key, value, headers }) => [key, value, headers]),
    )
  })

  test.each(['Avro', 'Parquet'])('as %s, with the types of the fields, and keys of the same format', async (name) => {
    const sent = recordsOf((number) => ({ key: number, keySchema: schemas.int32(), value: orderOf(number), valueSchema: allTypes }))
    const files = { 'store.kafka.keys': 'true', 'keys.format.class': confluent(name) }
    await write(sent, { 'format.class': confluent(name), ...files })
    const back = await bucket.read(2 * COUNT, { 'format.class': confluent(name), ...files, 'batch.size': '4' })
    expect(back.map(placeOf)).toEqual(sent.map(placeOf))
    expect(back.map(({ key, value }) => [key, value])).toEqual(sent.map(({ key, value }) => [key, value]))
    expect(shapeOf(back[0]!.valueSchema)).toEqual(shapeOf(allTypes))
    expect(back[0]!.keySchema?.type).toBe('int32')
    if (name === 'Avro') expect(back[0]!.valueSchema?.name).toBe('org.example.Order')
  })

  test('as bytes and as texts', async () => {
    const bytes = recordsOf((number) => ({ value: Buffer.from([number, 1, 2, 200]), valueSchema: schemas.bytes() }))
    await write(bytes, { 'format.class': confluent('ByteArray'), 'format.bytearray.separator': '--', 'topics.dir': 'b' })
    const ofBytes = { 'format.class': confluent('ByteArray'), 'format.bytearray.separator': '--', 'topics.dir': 'b' }
    expect((await bucket.read(2 * COUNT, ofBytes)).map(({ value }) => value)).toEqual(bytes.map(({ value }) => value))
    const texts = recordsOf((number) => ({ value: `zeile ${number} ü`, valueSchema: text }))
    await write(texts, { 'format.class': confluent('String'), 's3.compression.type': 'zstd', 'topics.dir': 's' })
    const ofTexts = { 'format.class': confluent('String'), 'topics.dir': 's' }
    expect((await bucket.read(2 * COUNT, ofTexts)).map(({ value }) => value)).toEqual(texts.map(({ value }) => value))
  })

  test('as CSV, whose cells are texts', async () => {
    const sent = recordsOf((number) => ({ value: { id: number, name: `a "b", ${number}` } }))
    await write(sent, { 'format.class': 'tributary.s3.format.csv.CsvFormat', 'format.csv.delimiter': ';' })
    const back = await bucket.read(2 * COUNT, { 'format.class': 'tributary.s3.format.csv.CsvFormat', 'format.csv.delimiter': ';' })
    expect(back.map(({ value }) => value)).toEqual(
      sent.map(({ value }) => ({ id: String((value as { id: number }).id), name: (value as { name: string }).name })),
    )
  })

  test('with records without a value, by the files of their keys', async () => {
    const sent = recordsOf((number) => ({
      key: `k${number}`,
      keySchema: text,
      value: number % 5 === 4 ? null : { number },
      valueSchema: null,
    }))
    const files = { 'store.kafka.keys': 'true', 'keys.format.class': confluent('Json') }
    await write(sent, { 'format.class': confluent('Json'), 'behavior.on.null.values': 'write', 'flush.size': '1', ...files })
    const back = await bucket.read(2 * COUNT, { 'format.class': confluent('Json'), ...files })
    const byKey = new Map(back.map(({ key, value }) => [key, value]))
    expect(sent.map(({ key }) => byKey.get(key))).toEqual(sent.map(({ value }) => value))
    expect(byKey.size).toBe(2 * COUNT)
  })
})

test('bytes come back where the separator has a backslash, and names have more digits than an offset', async () => {
  const config = { 'format.class': confluent('ByteArray'), 'format.bytearray.separator': '\\\\n\\t' }
  const records = recordsOf((number) => ({ value: Buffer.from(`v${number}\n`), valueSchema: schemas.bytes() }))
  await write(records, { ...config, 'filename.offset.zero.pad.width': '30' })
  const read = await bucket.read(records.length, config, { untilRead: true })
  expect(read.map(({ value }) => String(value))).toEqual(records.map(({ value }) => String(value)))
})
