/**
 * Goal: the S3 source reads each record of the objects of a bucket once, whatever their format and compression, divides them among tasks,
 * and says what happens to objects that are overwritten, deleted or cannot be read. Method: a real S3-compatible server, to which the tests
 * write with the SDK; tasks run alone, and their positions are stored after each batch.
 */
import { createHash } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import avro from 'avsc'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { requirePositions } from '../../../connectors/s3-source/object-listing.ts'
import { check, settings } from '../../../connectors/s3-source/settings.ts'
import { s3Source } from '../../../connectors/s3-source/source.ts'
import { BucketForTests, lines, numbers, values } from './bucket-for-tests.ts'

const bucket = new BucketForTests()
const plain = { topic: 't', format: 'lines' }

const avroFile = (rows: readonly object[]): Promise<Buffer> => {
  const encoder = new avro.streams.BlockEncoder(
    avro.Type.forSchema({ type: 'record', name: 'Row', fields: [{ name: 'id', type: 'int' }] }),
    { codec: 'deflate' },
  )
  const chunks: Buffer[] = []
  return new Promise((resolve, reject) => {
    encoder.on('data', (chunk: Buffer) => chunks.push(chunk))
    encoder.on('end', () => resolve(Buffer.concat(chunks)))
    encoder.on('error', reject)
    for (const row of rows) encoder.write(row)
    encoder.end()
  })
}

describe('the objects of a bucket', () => {
  test('are read in the order of their keys, each record with the topic and no partition', async () => {
    await bucket.put('in/b.txt', lines(10, 15))
    await bucket.put('in/a.txt', lines(0, 10))
    await bucket.put('out/c.txt', lines(100, 101))
    const records = await bucket.read(15, { ...plain, prefix: 'in/' })
    expect(values(records)).toEqual(numbers(0, 15))
    expect(records[0]).toMatchObject({ topic: 't', partition: null, key: null, headers: [] })
  })

  test.each([
    [
      'csv',
      'a.csv',
      'id,name\n1,x\n2,y\n',
      [
        { id: '1', name: 'x' },
        { id: '2', name: 'y' },
      ],
    ],
    ['json', 'a.json', '{"id":1}\n\n[2]\n', [{ id: 1 }, [2]]],
    ['lines', 'a.gz', gzipSync('1\n2'), ['1', '2']],
    ['lines', 'a.zst', Buffer.concat([zstdCompressSync('1\n2\n'), zstdCompressSync('3\n')]), ['1', '2', '3']],
    ['bytes', 'a.bin', 'one\ntwo\n', [Buffer.from('one'), Buffer.from('two')]],
    ['raw', 'a.bin', 'one\ntwo\n', [Buffer.from('one\ntwo\n')]],
  ] as const)('of %s, such as %s', async (format, key, body, expected) => {
    await bucket.put(key, body)
    expect(values(await bucket.read(expected.length, { topic: 't', format, 's3.part.size': '1024' }))).toEqual(expected)
  })

  test('of Avro and Parquet have schemas, and keys of a field', async () => {
    const rows = Array.from({ length: 300 }, (_, id) => ({ id }))
    await bucket.put('a.avro', await avroFile(rows))
    const columnData = [{ name: 'id', data: rows.map(({ id }) => id), type: 'INT32' as const, nullable: false }]
    await bucket.put('b.parquet', new Uint8Array(parquetWriteBuffer({ columnData })))
    const small = { topic: 't', 'key.field': 'id', 's3.part.size': '1024' }
    const ofAvro = await bucket.read(300, { ...small, format: 'avro', prefix: 'a' })
    const ofParquet = await bucket.read(300, { ...small, format: 'io.confluent.connect.s3.format.parquet.ParquetFormat', prefix: 'b' })
    for (const records of [ofAvro, ofParquet]) {
      expect(values(records)).toEqual(rows)
      expect(records[7]).toMatchObject({ key: 7, keySchema: { type: 'int32' }, valueSchema: { type: 'struct' } })
    }
  })

  test('that are larger than a part are read on from any position in them', async () => {
    const text = lines(0, 30_000)
    await bucket.put('a.txt', text)
    await bucket.put('b.txt.gz', gzipSync(text))
    const config = { ...plain, 's3.part.size': '10000', 'batch.size': '1700' }
    const read: unknown[] = []
    while (read.length < 60_000) read.push(...values(await bucket.read(Number.POSITIVE_INFINITY, config, { batches: 1 })))
    expect(read).toEqual([...numbers(0, 30_000), ...numbers(0, 30_000)])
  })

  test('go to the topics whose patterns their keys match', async () => {
    await bucket.put('topics/orders-{1,2}.json', '1')
    await bucket.put('topics/users.json', '2')
    await bucket.put('topics/other.txt', '3')
    const list = 'orders:.*/orders.{1,9}json,users:.*[.]json'
    const records = await bucket.read(2, { mode: 'GENERIC', 'topic.regex.list': list, format: 'json' })
    expect(records.map(({ topic, value }) => [topic, value])).toEqual([
      ['orders', 1],
      ['users', 2],
    ])
  })

  test('that were changed before the start, are folders, or do not match are left out', async () => {
    await bucket.put('folder/', '')
    await bucket.put('a.log', '1')
    await bucket.put('b.txt', '2')
    expect(values(await bucket.read(1, { ...plain, 'object.pattern': '.*[.]txt' }))).toEqual(['2'])
    const later = String(Date.now() + 3_600_000)
    const config = { ...plain, 'file.discovery.starting.timestamp': later, prefix: 'b' }
    expect(await bucket.read(1, config, { untilRead: true })).toEqual([])
  })

  test('may have any characters in their keys', async () => {
    const keys = ['a b/ü+&%25?#=.txt', 'a b/\'quoted\' "key"/日本語.txt', 'a b/zz…~.txt']
    for (const key of keys) await bucket.put(key, key)
    expect(values(await bucket.read(3, { ...plain, prefix: 'a b/' })).sort()).toEqual(keys.toSorted())
  })

  test('that are empty are read as such', async () => {
    await bucket.put('a.txt', '')
    await bucket.put('b.txt', '1')
    expect(values(await bucket.read(1, plain))).toEqual(['1'])
  })

  test('are divided among tasks, and stay read where the number of tasks changes', async () => {
    for (let index = 0; index < 40; index++) await bucket.put(`${index}.txt`, `${index}`)
    const two = { ...plain, 'task.count': '2' }
    const first = values(await bucket.read(Number.POSITIVE_INFINITY, two, { task: 0, batches: 3 }))
    expect(first).toHaveLength(3)
    const rest = values(await bucket.read(37, plain))
    expect([...first, ...rest].map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index))
  })

  test('show how far the reading is', async () => {
    await bucket.put('a.txt', lines(0, 50))
    await bucket.put('b.txt', lines(50, 100))
    await bucket.read(100, { ...plain, 'batch.size': '20' })
    const works = bucket.works.filter((work) => work !== null)
    expect(works.at(-1)).toMatchObject({
      what: 'reading b.txt',
      records: 50,
      objectsRead: 1,
      objectsFound: 2,
      bytesRead: lines(0, 50).length,
      bytesFound: lines(0, 100).length,
      listed: true,
    })
    expect(bucket.works.at(-1)).toBe(null)
  })
})

describe('following', () => {
  test.each(['full', 'incremental'])('with listing=%s reads objects that come behind the others', async (listing) => {
    await bucket.put('2026-01-01.txt', lines(0, 3))
    let put = 0
    const records = await bucket.read(
      9,
      { ...plain, listing },
      {
        async onBatch(count) {
          if (count === 3 && put === 0) await bucket.put(`2026-01-0${2 + put++}.txt`, lines(3, 6))
          if (count === 6 && put === 1) await bucket.put(`2026-01-0${2 + put++}.txt`, lines(6, 9))
        },
      },
    )
    expect(values(records)).toEqual(numbers(0, 9))
  })

  test('with listing=full reads objects that come before the others', async () => {
    await bucket.put('b.txt', '1')
    await bucket.read(1, plain)
    await bucket.put('a.txt', '2')
    expect(values(await bucket.read(1, plain))).toEqual(['2'])
  })

  test('with listing=incremental goes on in the middle of an object, whatever the number of tasks was', async () => {
    for (let index = 0; index < 20; index++) await bucket.put(`${String(index).padStart(3, '0')}.txt`, lines(index * 10, index * 10 + 10))
    const read: string[] = []
    for (let round = 0; read.length < 200; round++) {
      const tasks = 1 + (round % 3)
      const config = { ...plain, listing: 'incremental', 'batch.size': '7', 'task.count': String(tasks) }
      for (let task = 0; task < tasks && read.length < 200; task++) {
        read.push(...(values(await bucket.read(Number.POSITIVE_INFINITY, config, { task, batches: 2, untilRead: true })) as string[]))
      }
    }
    expect(read.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, index) => index))
  })

  test('with listing=incremental keeps one position for each shard, not for each object', async () => {
    for (let index = 0; index < 100; index++) await bucket.put(`${String(index).padStart(3, '0')}.txt`, `${index}`)
    await bucket.read(100, { ...plain, listing: 'incremental' })
    const partitions = new Set(bucket.stored.map(({ partition }) => JSON.stringify(partition)))
    expect(partitions.size).toBeLessThanOrEqual(64)
  })
})

describe('an object that is', () => {
  const small = { ...plain, 's3.part.size': '1024', 'batch.size': '100' }

  test.each(['full', 'incremental'])('overwritten while it is read is read again from its beginning, with listing=%s', async (listing) => {
    await bucket.put('a.txt', lines(0, 1000))
    await bucket.put('b.txt', 'last\n')
    let isOverwritten = false
    const onBatch = async () => {
      if (!isOverwritten) await bucket.put('a.txt', lines(5000, 5900))
      isOverwritten = true
    }
    const records = await bucket.read({ value: 'last' }, { ...small, listing }, { onBatch })
    const read = values(records)
    const again = read.indexOf('5000')
    expect(again).toBeGreaterThan(0)
    expect(read.slice(0, again)).toEqual(numbers(0, again))
    expect(read.slice(again, again + 900)).toEqual(numbers(5000, 5900))
    expect(bucket.logged.map(({ message }) => message).join()).toMatch(/a[.]txt was overwritten after \d+ of its records were read/)
  })

  test('overwritten while it is decompressed is read again from its beginning', async () => {
    const unlike = (from: number, to: number) =>
      numbers(from, to).map((number) => `${number} ${createHash('sha256').update(number).digest('hex')}`)
    await bucket.put('a.txt.gz', gzipSync(unlike(0, 20_000).join('\n')))
    await bucket.put('b.txt', 'last\n')
    let isOverwritten = false
    const onBatch = async () => {
      if (!isOverwritten) await bucket.put('a.txt.gz', gzipSync(unlike(50_000, 50_100).join('\n')))
      isOverwritten = true
    }
    const read = values(await bucket.read({ value: 'last' }, { ...small, 's3.part.size': '20000' }, { onBatch }))
    const again = read.indexOf(unlike(50_000, 50_001)[0])
    expect(again).toBeLessThan(20_000)
    expect(read.slice(0, again)).toEqual(unlike(0, again))
    expect(read.slice(again)).toEqual([...unlike(50_000, 50_100), 'last'])
  })

  test('deleted while it is read is told, and the next one is read', async () => {
    await bucket.put('a.txt', lines(0, 3000))
    await bucket.put('b.txt', 'last\n')
    let isDeleted = false
    const onBatch = async () => {
      if (!isDeleted) await bucket.remove('a.txt')
      isDeleted = true
    }
    const read = values(await bucket.read({ value: 'last' }, small, { onBatch }))
    expect(read.length).toBeLessThan(3000)
    expect(read.slice(0, -1)).toEqual(numbers(0, read.length - 1))
    expect(bucket.logged.map(({ message }) => message).join()).toMatch(/a[.]txt was deleted after \d+ of its records were read: its other/)
  })

  test('deleted before it is read on is no error', async () => {
    await bucket.put('a.txt', lines(0, 1000))
    await bucket.read(Number.POSITIVE_INFINITY, small, { batches: 1 })
    await bucket.remove('a.txt')
    await bucket.put('b.txt', 'last\n')
    expect(values(await bucket.read(1, small))).toEqual(['last'])
  })

  test('overwritten after it was read is read again, unless changed.objects=ignore', async () => {
    await bucket.put('a.txt', '1')
    await bucket.read(1, plain)
    await bucket.put('a.txt', '22')
    await bucket.put('b.txt', '3')
    const before = bucket.positions
    expect(values(await bucket.read(1, { ...plain, 'changed.objects': 'ignore' }))).toEqual(['3'])
    bucket.positions = before
    expect(values(await bucket.read(1, plain))).toEqual(['22'])
    expect(bucket.logged[0]!.message).toMatch(/was overwritten after 1 of its records were read: it is read from its beginning/)
  })

  test('damaged fails the task after its records, or is left out', async () => {
    await bucket.put('a.json', '{"id":1}\n{"id":2}\nno json\n')
    await bucket.put('b.json', '{"id":3}\n')
    const json = { topic: 't', format: 'json' }
    await expect(bucket.read(3, json)).rejects.toThrow(/a[.]json cannot be read: the line at byte 18 is not JSON/)
    const records = await bucket.read(1, { ...json, 'behavior.on.error': 'LOG' })
    expect(values(records)).toEqual([{ id: 3 }])
    expect(bucket.logged.map(({ message }) => message).join()).toMatch(/2 of its records were sent, the rest is left out/)
    const ofDamaged = bucket.stored.filter(({ partition }) => partition.key === 'a.json')
    expect(ofDamaged.at(-1)!.offset).toMatchObject({ offset: 18, records: 2, finished: true, failed: true })
  })
})

test('listing=full refuses to keep more positions than workers have memory for', () => {
  const of = (listing: string) => parseSettings(settings, { 's3.bucket.name': 'b-1', format: 'json', listing })
  expect(() => requirePositions(500_000, of('full'))).not.toThrow()
  expect(() => requirePositions(500_001, of('full'))).toThrow(
    /More than 500000 objects match.*prefix or object.pattern.*listing=incremental/,
  )
  expect(() => requirePositions(500_001, of('incremental'))).not.toThrow()
})

describe('the settings', () => {
  const parsed = (changes: Record<string, string>) => parseSettings(settings, { 's3.bucket.name': 'b-1', ...changes })
  const problems = (changes: Record<string, string>) => check(parsed(changes)).map(({ setting }) => setting)

  test.each([
    [{ format: 'json', topic: 't' }, []],
    [{ format: 'json' }, []],
    [{ format: 'json', mode: 'GENERIC' }, ['topic.regex.list']],
    [{ format: 'json', mode: 'RESTORE_BACKUP', topic: 't' }, ['topic']],
    [{ format: 'raw' }, ['format']],
    [{ format: 'raw', topic: 't', 'key.field': 'id' }, ['key.field']],
    [{ format: 'json', topic: 't', 'store.kafka.keys': 'true' }, ['store.kafka.keys']],
    [{ format: 'json', 'store.kafka.headers': 'true', 'bad.lines': 'skip' }, ['bad.lines']],
    [{ format: 'parquet', compression: 'gzip' }, ['compression']],
    [{ format: 'json', 'aws.access.key.id': 'x' }, ['aws.secret.access.key']],
    [{ format: 'json', 's3.credentials.provider.aws.access.key.id': 'x' }, ['aws.secret.access.key']],
    [{ format: 'json', 's3.sse.customer.key': Buffer.alloc(32).toString('base64'), 'store.url': 'http://host' }, ['store.url']],
  ])('%j together have the problems %j', (changes, expected) => {
    expect(problems(changes)).toEqual(expected)
  })

  test.each([
    [{ format: 'orc' }, /It is no format: use lines, json/],
    [{ format: 'json', 'topic.regex.list': 'no pattern' }, /It must be topic:pattern/],
    [{ format: 'json', 'topic.regex.list': 't:(' }, /Invalid regex/],
    [{ format: 'json', 's3.sse.customer.key': 'short' }, /It must be the base64 of 32 bytes/],
    [{ format: 'json', topic: 'a b' }, /no name of a topic/],
  ])('%j is refused', (changes, message) => {
    expect(() => parsed(changes)).toThrow(message)
  })

  test('are checked at the store: a wrong password, an unknown bucket', async () => {
    const of = (changes: Record<string, string>) =>
      s3Source.checkSystem!(
        parseSettings(settings, bucket.config({ ...plain, 's3.part.retries': '0', ...changes })),
        AbortSignal.timeout(10_000),
      )
    await bucket.put('a.txt', '1')
    expect(await of({})).toEqual([])
    expect(await of({ 'aws.secret.access.key': 'wrong' })).toMatchObject(
      [{ setting: 'aws.secret.access.key', why: /Change aws.secret/ }].map(({ setting }) => ({ setting })),
    )
    expect(await of({ 's3.bucket.name': 'no-such-bucket-here' })).toMatchObject([{ setting: 's3.bucket.name' }])
  })

  test('positions that a user sets are validated', () => {
    const set = (partition: object, offset: object | null) =>
      s3Source.checkPositions!(parsed({ format: 'json' }), [{ partition, offset } as never])
    expect(() => set({ bucket: 'b', key: 'k' }, { offset: 3 })).not.toThrow()
    expect(() => set({ bucket: 'b', prefix: '', shard: 3 }, { after: 'k' })).not.toThrow()
    expect(() => set({ key: 'k' }, { offset: 3 })).toThrow(/should contain the keys/)
    expect(() => set({ bucket: 'b', key: 'k' }, { offset: -1 })).toThrow(/whole number/)
    expect(() => set({ bucket: 'b', prefix: '', shard: 3 }, { offset: 1 })).toThrow(/'after'/)
  })
})
