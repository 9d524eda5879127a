/**
 * Story of connectors/s3-source. Goal: a backup of the S3 sink is read back into its topics and partitions, with keys, headers and records
 * without a value; a file that does not belong to it, or whose keys are missing, is named. Method: the files of a backup as Confluent's
 * sink writes them, on a real server.
 */
import { gzipSync } from 'node:zlib'
import avro from 'avsc'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { BackupNames } from '../../../connectors/s3-source/backup-names.ts'
import { settings } from '../../../connectors/s3-source/settings.ts'
import { BucketForTests, values } from './bucket-for-tests.ts'

const bucket = new BucketForTests()
const jsonClass = 'io.confluent.connect.s3.format.json.JsonFormat'
const jsonLines = (...rows: unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

function avroFile(schema: avro.Schema, rows: readonly unknown[]): Promise<Buffer> {
  const encoder = new avro.streams.BlockEncoder(avro.Type.forSchema(schema))
  const chunks: Buffer[] = []
  return new Promise((resolve, reject) => {
    encoder.on('data', (chunk: Buffer) => chunks.push(chunk))
    encoder.on('end', () => resolve(Buffer.concat(chunks)))
    encoder.on('error', reject)
    for (const row of rows) encoder.write(row)
    encoder.end()
  })
}

const headersSchema: avro.Schema = {
  type: 'array',
  items: {
    type: 'record',
    name: 'ConnectDefault',
    fields: [
      { name: 'key', type: 'string' },
      { name: 'value', type: 'string' },
    ],
  },
}

describe('a backup', () => {
  test('goes back to its topics and partitions, in the order of its files', async () => {
    await bucket.put('topics/orders/partition=1/orders+1+0000000000.json', jsonLines({ id: 10 }))
    await bucket.put('topics/orders/partition=0/orders+0+0000000002.json.gz', gzipSync(jsonLines({ id: 2 })))
    await bucket.put('topics/orders/partition=0/orders+0+0000000000.json', jsonLines({ id: 0 }, { id: 1 }))
    await bucket.put('topics/users/partition=0/users+0+0000000007.json', jsonLines('a'))
    await bucket.put('topics/users/partition=0/users+0+0000000007.avro', 'of another format')
    const records = await bucket.read(5, { 'format.class': jsonClass })
    expect(records.map(({ topic, partition, value }) => [topic, partition, value])).toEqual([
      ['orders', 0, { id: 0 }],
      ['orders', 0, { id: 1 }],
      ['orders', 0, { id: 2 }],
      ['orders', 1, { id: 10 }],
      ['users', 0, 'a'],
    ])
  })

  test('has keys and headers in files of their own, also where reading goes on in the middle', async () => {
    const base = 'topics/t/year=2026/month=01/t+3+0000000000'
    const count = 50
    const rows = Array.from({ length: count }, (_, id) => ({ id }))
    await bucket.put(`${base}.json`, jsonLines(...rows))
    await bucket.put(
      `${base}.keys.avro`,
      await avroFile(
        'string',
        rows.map(({ id }) => `k${id}`),
      ),
    )
    await bucket.put(
      `${base}.headers.avro`,
      await avroFile(
        headersSchema,
        rows.map(({ id }) => [{ key: 'h', value: `v${id}` }]),
      ),
    )
    const config = { format: 'json', 'store.kafka.keys': 'true', 'store.kafka.headers': 'true', 'batch.size': '7', 's3.part.size': '1024' }
    const records: Awaited<ReturnType<typeof bucket.read>> = []
    while (records.length < count) records.push(...(await bucket.read(Number.POSITIVE_INFINITY, config, { batches: 1 })))
    expect(records.map(({ key, headers, value }) => [key, headers[0]!.value, value])).toEqual(
      rows.map((row) => [`k${row.id}`, `v${row.id}`, row]),
    )
    expect(records[0]).toMatchObject({ partition: 3, keySchema: { type: 'string' }, headers: [{ key: 'h', schema: { type: 'string' } }] })
  })

  test('of JSON and Parquet keys and headers: JSON as lines, Parquet as columns', async () => {
    const base = 'topics/t/partition=0/t+0+0000000000'
    await bucket.put(`${base}.json`, jsonLines(1, 2))
    await bucket.put(`${base}.keys.json`, jsonLines({ id: 1 }, 'two'))
    await bucket.put(`${base}.headers.json`, jsonLines({ headers: [{ key: 'a', value: '1' }] }, { headers: [] }))
    const columnData = [{ name: 'key', data: ['k1', 'k2'], type: 'STRING' as const, nullable: false }]
    await bucket.put(`${base}.keys.snappy.parquet`, new Uint8Array(parquetWriteBuffer({ columnData })))
    const both = { format: 'json', 'store.kafka.keys': 'true', 'store.kafka.headers': 'true', 'headers.format.class': 'json' }
    // The file of keys is the first of its name, whichever its format is.
    const asJson = await bucket.read(2, { ...both, 'keys.format.class': jsonClass })
    expect(asJson.map(({ key, headers }) => [key, headers.length])).toEqual([
      [{ id: 1 }, 1],
      ['two', 0],
    ])
    await bucket.remove(`${base}.keys.json`)
    await bucket.put('topics/t/partition=0/t+0+0000000002.json', jsonLines(3))
    await bucket.put('topics/t/partition=0/t+0+0000000002.headers.json', jsonLines({ headers: [] }))
    await bucket.put(
      'topics/t/partition=0/t+0+0000000002.keys.parquet',
      new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'key', data: [7], type: 'INT32' as const, nullable: false }] })),
    )
    const [asParquet] = await bucket.read(1, { ...both, 'keys.format.class': 'parquet' })
    expect(asParquet).toMatchObject({ key: 7, keySchema: { type: 'int32' }, value: 3 })
  })

  test('has records without a value as keys in a folder of their own', async () => {
    await bucket.put('topics/t/partition=0/t+0+0000000000.json', jsonLines(1))
    await bucket.put('topics/t/partition=0/t+0+0000000000.keys.avro', await avroFile('string', ['a']))
    await bucket.put('topics/t/tombstone/t+0+0000000001.keys.avro', await avroFile('string', ['b', 'c']))
    const records = await bucket.read(3, { format: 'json', 'store.kafka.keys': 'true' })
    expect(records.map(({ key, value, partition }) => [key, value, partition])).toEqual([
      ['a', 1, 0],
      ['b', null, 0],
      ['c', null, 0],
    ])
  })

  test('without the keys that it should have fails, and says what to do', async () => {
    await bucket.put('topics/t/partition=0/t+0+0000000000.json', jsonLines(1))
    const config = { format: 'json', 'store.kafka.keys': 'true' }
    await expect(bucket.read(1, config)).rejects.toThrow(
      /there is no file .*0000000000[.]keys.*, which store[.]kafka[.]keys=true needs: set false/,
    )
    await bucket.put('topics/t/partition=0/t+0+0000000000.keys.avro', await avroFile('string', ['a', 'b']))
    await expect(bucket.read(2, config)).rejects.toThrow(/has more entries than there are values/)
  })

  test('with a file that has another name fails, or leaves it out', async () => {
    await bucket.put('topics/t/partition=0/t+0+0000000000.json', jsonLines(1))
    await bucket.put('topics/t/partition=0/other.json', jsonLines(2))
    await expect(bucket.read(2, { format: 'json' })).rejects.toThrow(/other[.]json is no name of a file of a backup, such as topics.orders/)
    expect(values(await bucket.read(1, { format: 'json', 'behavior.on.error': 'LOG' }))).toEqual([1])
    expect(bucket.logged[0]!.message).toMatch(/other[.]json .* It is not read/)
  })
})

describe('the name of a file', () => {
  const names = (changes: Record<string, string>) =>
    new BackupNames(parseSettings(settings, { 's3.bucket.name': 'b-1', format: 'json', ...changes }))

  test.each([
    [{}, 'topics/a+b/partition=0/a+b+12+0000000034.json', { topic: 'a+b', partition: 12, kind: 'values' }],
    [{}, 'topics/t/partition=0/t+0+0000000034.json.gz', { topic: 't', base: 'topics/t/partition=0/t+0+0000000034' }],
    [{}, 'topics/t/partition=0/t+0+0000000034.avro', null],
    [{}, 'topics/t/partition=0/t+0+0000000034.keys.json', null],
    [{}, 'topics/t/partition=0/t+0+0000000034.headers.json', null],
    [{}, 'topics/a.json.b/partition=0/a.json.b+0+0.json', { topic: 'a.json.b' }],
    [{}, 'topics/t/partition=0/t+2+0000000034+replay-dead.letters-0-5.json', { topic: 't', partition: 2, kind: 'values' }],
    [{ 'file.delim': '--' }, 'topics/t/partition=0/t--0--0000000034.json', { topic: 't', partition: 0 }],
    [{ format: 'parquet' }, 'topics/t/partition=0/t+0+0000000034.snappy.parquet', { topic: 't' }],
    [{ format: 'parquet' }, 'topics/t/partition=0/t+0+0000000034.keys.snappy.parquet', null],
    [{ format: 'bytes' }, 'topics/t/partition=0/t+0+0000000034.bin.gz', { topic: 't', format: 'bytes' }],
    [{ format: 'bytes', 'format.bytearray.extension': '.dat' }, 'topics/t/partition=0/t+0+0000000034.bin', null],
  ])('with %j, %s', (changes, key, expected) => {
    const found = names(changes as unknown as Record<string, string>).fileOf(key)
    if (expected === null) expect(found).toBe(null)
    else expect(found).toMatchObject(expected)
  })
})
