/**
 * Goal: records are in objects with Confluent's names, each once, and offsets are named only when their objects are in the store; bad
 * records are alone; memory is bounded; nothing stays behind. Method: the sink itself on a real server, whose bucket is read afterwards.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { BadRecord, Disconnected, Retriable, type SinkOffset, schemas } from '../../../connect/sdk/index.ts'
import { OBJECT_BYTES } from '../../../connectors/s3-sink/held-memory.ts'
import { until } from '../../until.ts'
import { jsonLines, record, records, SinkBucket } from './sink-bucket.ts'

const sinks = new SinkBucket({ killable: true })
const t0 = { topic: 't', partition: 0 }
const name = (offset: number, end = '.json') => `topics/t/partition=0/t+0+${String(offset).padStart(10, '0')}${end}`
const n = (...numbers: number[]) => numbers.map((number) => ({ n: number }))
const flushed = async (task: { flush(offsets: readonly SinkOffset[]): Promise<unknown> }, offset: number) =>
  ((await task.flush([{ ...t0, offset }])) as SinkOffset[]).map((named) => named.offset)

describe('objects', () => {
  test('end after flush.size records, and the offsets of the others are not named', async () => {
    const task = await sinks.start()
    await task.write(records(0, 7))
    expect(await flushed(task, 7)).toEqual([6])
    expect(await sinks.bucket.lines()).toEqual({ [name(0)]: n(0, 1, 2), [name(3)]: n(3, 4, 5) })
    await task.write(records(7, 9))
    expect(await flushed(task, 9)).toEqual([9])
    expect((await sinks.bucket.lines())[name(6)]).toEqual(n(6, 7, 8))
  })

  test('are written again with the same names and bytes by a task that reads from the named offset', async () => {
    const first = await sinks.start({ 's3.compression.type': 'gzip' })
    await first.write(records(0, 5))
    await first.flush()
    const before = await sinks.bucket.bytes(name(0, '.json.gz'))
    const second = await sinks.start({ 's3.compression.type': 'gzip' })
    await second.write(records(0, 3))
    await second.write(records(3, 6))
    await second.flush()
    expect(await sinks.bucket.bytes(name(0, '.json.gz'))).toEqual(before)
    const all = await Promise.all((await sinks.bucket.keys()).map(async (key) => jsonLines(gunzipSync(await sinks.bucket.bytes(key)))))
    expect(all.flat()).toEqual(n(0, 1, 2, 3, 4, 5))
  })

  test('of partitions of a field end together, and hold all records before the named offset', async () => {
    const task = await sinks.start({
      'partitioner.class': 'io.confluent.connect.storage.partitioner.FieldPartitioner',
      'partition.field.name': 'country,n',
      'flush.size': '4',
    })
    const value = (country: string | null, number: number) => ({ country, n: number })
    await task.write([value('de', 1), value('fr', 1), value('de', 1), value(null, 2), value('fr', 1)].map((each, at) => record(at, each)))
    expect(await flushed(task, 5)).toEqual([4])
    expect(await sinks.bucket.lines()).toEqual({
      'topics/t/country=de/n=1/t+0+0000000000.json': [value('de', 1), value('de', 1)],
      'topics/t/country=fr/n=1/t+0+0000000001.json': [value('fr', 1)],
      'topics/t/country=null/n=2/t+0+0000000003.json': [value(null, 2)],
    })
  })

  test('end when a record is so much later as rotate.interval.ms says, or in another partition of time', async () => {
    const at = (offset: number, minute: number) =>
      record(offset, { n: offset }, { timestamp: Date.UTC(2026, 0, 31, 22, 0) + minute * 60_000 })
    const task = await sinks.start({
      'partitioner.class': 'io.confluent.connect.storage.partitioner.HourlyPartitioner',
      locale: 'en-US',
      timezone: 'Europe/Paris',
      'timestamp.extractor': 'Record',
      'rotate.interval.ms': '600000',
      'flush.size': '1000',
    })
    await task.write([at(0, 0), at(1, 9), at(2, 10), at(3, 55), at(4, 60), at(5, 61)])
    expect(await flushed(task, 6)).toEqual([4])
    expect(await sinks.bucket.lines()).toEqual({
      'topics/t/year=2026/month=01/day=31/hour=23/t+0+0000000000.json': n(0, 1),
      'topics/t/year=2026/month=01/day=31/hour=23/t+0+0000000002.json': n(2),
      'topics/t/year=2026/month=01/day=31/hour=23/t+0+0000000003.json': n(3),
    })
  })

  test('end after so many bytes as rotate.size.bytes says', async () => {
    const task = await sinks.start({ 'flush.size': '1000', 'rotate.size.bytes': '30' })
    await task.write(records(0, 9))
    expect(await flushed(task, 9)).toEqual([8])
    expect(Object.values(await sinks.bucket.lines())).toEqual([n(0, 1, 2, 3), n(4, 5, 6, 7)])
  })

  test('end by the clock, without further records', async () => {
    const task = await sinks.start({ 'flush.size': '1000', 'rotate.schedule.interval.ms': '50', timezone: 'UTC' })
    await task.write(records(0, 2))
    await until(async () => (await flushed(task, 2))[0] === 2, 'the objects end')
    expect(await sinks.bucket.lines()).toEqual({ [name(0)]: n(0, 1) })
  })

  test('end where a record has another schema', async () => {
    const [a, b] = [schemas.struct({ n: schemas.int32() }), schemas.struct({ n: schemas.int64() })]
    const task = await sinks.start({ 'flush.size': '1000' })
    await task.write([...records(0, 2, { valueSchema: a }), ...records(2, 4, { valueSchema: b }), ...records(4, 5, { valueSchema: a })])
    expect(await flushed(task, 5)).toEqual([4])
    expect(Object.values(await sinks.bucket.lines())).toEqual([n(0, 1), n(2, 3)])
  })

  test('keep the schema that they began with where older or newer ones can be projected', async () => {
    const first = schemas.struct({ n: schemas.int32() }, { version: 2 })
    const older = schemas.struct({ n: schemas.int32(), gone: schemas.string() }, { version: 1 })
    const newer = schemas.struct({ n: schemas.int32(), more: schemas.string({ optional: true }) }, { version: 3 })
    const task = await sinks.start({ 'flush.size': '1000', 'schema.compatibility': 'BACKWARD' })
    await task.write([
      record(0, { n: 0 }, { valueSchema: first }),
      record(1, { n: 1, gone: 'x' }, { valueSchema: older }),
      record(2, { n: 2, more: 'y' }, { valueSchema: newer }),
    ])
    expect(await flushed(task, 3)).toEqual([2])
    expect(await sinks.bucket.lines()).toEqual({ [name(0)]: n(0, 1) })
  })

  test('have keys and headers beside them, and tombstones in a folder of their own', async () => {
    const format = 'io.confluent.connect.s3.format.json.JsonFormat'
    const task = await sinks.start({
      'flush.size': '3',
      'store.kafka.keys': 'true',
      'keys.format.class': format,
      'store.kafka.headers': 'true',
      'headers.format.class': format,
      'behavior.on.null.values': 'write',
    })
    const headers = [{ key: 'h', value: 1, schema: schemas.int32() }]
    await task.write([0, 1, 2].map((at) => record(at, at === 1 ? null : { n: at }, { key: `k${at}`, headers })))
    await task.flush()
    const enveloped = { headers: [{ key: 'h', value: '1' }] }
    expect(await sinks.bucket.lines()).toEqual({
      [name(0)]: n(0, 2),
      [name(0, '.keys.json')]: ['k0', 'k2'],
      [name(0, '.headers.json')]: [enveloped, enveloped],
      'topics/t/tombstone/t+0+0000000001.keys.json': ['k1'],
      'topics/t/tombstone/t+0+0000000001.headers.json': [enveloped],
    })
  })

  test('have tags where the settings ask for them', async () => {
    const task = await sinks.start({ 's3.object.tagging': 'true', 's3.object.tagging.key.value.pairs': 'team:data,url:a:b' })
    await task.write(records(5, 8))
    await task.flush()
    expect(await sinks.bucket.tags(name(5))).toEqual({ startOffset: '5', endOffset: '7', recordCount: '3', team: 'data', url: 'a:b' })
  })

  test('are compressed with zstd as well', async () => {
    const task = await sinks.start({ 's3.compression.type': 'zstd' })
    await task.write(records(0, 3))
    await task.flush()
    expect(jsonLines(zstdDecompressSync(await sinks.bucket.bytes(name(0, '.json.zst'))))).toEqual(n(0, 1, 2))
  })
})

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error,
  )

describe('bad records', () => {
  test('without a value are named, and the others are written', async () => {
    const task = await sinks.start()
    const error = (await failure(task.write([record(0), record(1, null), record(2), record(3)]))) as BadRecord
    expect(error).toBeInstanceOf(BadRecord)
    expect([error.index, error.message]).toEqual([
      1,
      'The record t-0@1 cannot be written: it has no value. Set behavior.on.null.values=ignore to leave such records out, or write to store their keys',
    ])
    expect(await flushed(task, 4)).toEqual([4])
    expect(await sinks.bucket.lines()).toEqual({ [name(0)]: n(0, 2, 3) })
  })

  test('that a setting leaves out do not hold offsets back', async () => {
    const task = await sinks.start({ 'behavior.on.null.values': 'ignore' })
    await task.write([record(0, null), record(1, null)])
    expect(await flushed(task, 2)).toEqual([2])
    expect(await sinks.bucket.keys()).toEqual([])
  })

  test('of which the key cannot be written leave nothing in the object of values', async () => {
    const task = await sinks.start({
      'flush.size': '2',
      'store.kafka.keys': 'true',
      'keys.format.class': 'io.confluent.connect.s3.format.json.JsonFormat',
    })
    const error = (await failure(task.write([0, 1, 2].map((at) => record(at, { n: at }, { key: at === 1 ? null : at }))))) as BadRecord
    expect(error.message).toContain('it has no key')
    await task.flush()
    expect(await sinks.bucket.lines()).toEqual({ [name(0)]: n(0, 2), [name(0, '.keys.json')]: [0, 2] })
  })

  test.each([
    ['io.confluent.connect.s3.format.avro.AvroFormat', /it has no schema, and AvroFormat needs one/],
    ['io.confluent.connect.s3.format.parquet.ParquetFormat', /it has no schema, and ParquetFormat needs one/],
    ['io.confluent.connect.s3.format.bytearray.ByteArrayFormat', /ByteArrayFormat writes bytes: set value.converter/],
  ])('that %s cannot write say what to do', async (format, sentence) => {
    const task = await sinks.start({ 'format.class': format })
    expect(((await failure(task.write([record(0)]))) as BadRecord).message).toMatch(sentence)
  })

  test('that are replayed are in the store after a flush, beside the objects of their offsets', async () => {
    const task = await sinks.start()
    await task.write(records(0, 3))
    await task.write([record(0, { n: 'again' }, { replayOf: { topic: 'dlq', partition: 2, offset: 7 } })])
    await task.flush()
    expect(await sinks.bucket.lines()).toEqual({ [name(0)]: n(0, 1, 2), [name(0, '+replay-dlq-2-7.json')]: [{ n: 'again' }] })
  })
})

/** As the runtime does it: a store that refuses a part may close the connection before its response is read. */
async function persisted(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work()
      return
    } catch (error) {
      if (!(error instanceof Retriable)) throw error
    }
  }
}

describe('uploads', () => {
  /** A record of about a mebibyte that does not become smaller. */
  const large = (offset: number) => record(offset, { n: offset, text: String(offset).padEnd(1024 * 1024, '.') })

  test('are in parts while the object grows, and the object appears at its end', async () => {
    const task = await sinks.start({ 'flush.size': '20', 's3.part.size': '5242880' })
    for (let offset = 0; offset < 18; offset++) await task.write([large(offset)])
    await until(async () => (await sinks.bucket.uploads()).length === 1, 'a part is sent')
    expect(await sinks.bucket.keys()).toEqual([])
    await task.write([large(18), large(19)])
    await task.flush()
    expect((await sinks.bucket.lines())[name(0)]!.map((value) => (value as { n: number }).n)).toEqual(
      Array.from({ length: 20 }, (_, at) => at),
    )
    expect(await sinks.bucket.uploads()).toEqual([])
  })

  test('of many folders go to the disk where memory is short, and lose nothing', async () => {
    const gauges = new Map<string, number>()
    const task = await sinks.start(
      {
        'flush.size': '64',
        'buffer.memory.mb': '32',
        'partitioner.class': 'io.confluent.connect.storage.partitioner.FieldPartitioner',
        'partition.field.name': 'n',
      },
      { gauge: (gauge, value) => void gauges.set(gauge, value) },
    )
    let mostSpilled = 0
    let mostHeld = 0
    for (let offset = 0; offset < 64; offset++) {
      await task.write([{ ...large(offset), value: { ...(large(offset).value as object), n: offset % 20 } }])
      mostSpilled = Math.max(mostSpilled, gauges.get('spilled-bytes')!)
      mostHeld = Math.max(mostHeld, gauges.get('buffered-bytes')!)
    }
    await task.flush()
    const found = Object.entries(await sinks.bucket.lines())
    expect(found.length).toBe(20)
    expect(found.reduce((sum, [, values]) => sum + values.length, 0)).toBe(64)
    expect(mostSpilled).toBeGreaterThan(16 * 1024 * 1024)
    expect(mostHeld).toBeLessThan(36 * 1024 * 1024)
  })

  test('of small objects count with their own memory until they are in the store', async () => {
    const gauges = new Map<string, number>()
    const folders = { 'partitioner.class': 'io.confluent.connect.storage.partitioner.FieldPartitioner', 'partition.field.name': 'n' }
    const task = await sinks.start({ ...folders, 'flush.size': '50' }, { gauge: (gauge, value) => void gauges.set(gauge, value) })
    await task.write(records(0, 30))
    expect([gauges.get('objects-open'), gauges.get('buffered-bytes')! >= 30 * OBJECT_BYTES]).toEqual([30, true])
    await task.write(records(30, 50))
    expect([gauges.get('objects-open'), gauges.get('buffered-bytes')! >= 50 * OBJECT_BYTES]).toEqual([0, true])
    await task.flush()
    expect([gauges.get('objects-written'), gauges.get('buffered-bytes')]).toEqual([50, 0])
  })

  test('of more folders than there is memory for fail the task, which says what to change', async () => {
    const task = await sinks.start({
      'flush.size': '1000000',
      'buffer.memory.mb': '32',
      'partitioner.class': 'io.confluent.connect.storage.partitioner.FieldPartitioner',
      'partition.field.name': 'n',
    })
    await task.write(records(0, 4097))
    await expect(task.write(records(4097, 4098))).rejects.toThrow(
      'This task has 4097 open objects, and buffer.memory.mb=32 is enough for 4096. Let them end sooner: lower flush.size, or set ' +
        'partitioner.max.open.files. Or choose a partitioner with fewer folders, or raise buffer.memory.mb.',
    )
  })

  test('of a task that stops, or loses its partition, are aborted', async () => {
    const task = await sinks.start({ 'flush.size': '20', 's3.part.size': '5242880' })
    for (let offset = 0; offset < 8; offset++) await task.write([large(offset)])
    await until(async () => (await sinks.bucket.uploads()).length === 1, 'a part is sent')
    await task.close!([t0])
    expect(await sinks.bucket.uploads()).toEqual([])
    expect(await sinks.bucket.keys()).toEqual([])
  })

  test('that a killed task has left are aborted by the next one, and those of other partitions are not', async () => {
    const gauges = new Map<string, number>()
    const other = await sinks.start(
      { 'flush.size': '20', 's3.part.size': '5242880' },
      { gauge: (gauge, value) => void gauges.set(gauge, value) },
    )
    for (let offset = 0; offset < 8; offset++) await other.write([large(offset), { ...large(offset), partition: 10 }])
    // An upload that is listed may still have its part on the way, which would bring it back after it was aborted.
    await until(async () => {
      await other.flush()
      return gauges.get('bytes-uploaded')! >= 2 * 5_242_880
    }, 'parts of both are sent')
    expect(await sinks.bucket.uploads()).toHaveLength(2)
    const next = await sinks.start({ 'flush.size': '1' })
    await next.write(records(0, 1))
    await next.flush()
    expect(await sinks.bucket.uploads()).toEqual(['topics/t/partition=10/t+10+0000000000.json'])
  })

  test('that somebody else has aborted make the task read their records again', async () => {
    const gauges = new Map<string, number>()
    const task = await sinks.start(
      { 'flush.size': '20', 's3.part.size': '5242880' },
      { gauge: (gauge, value) => void gauges.set(gauge, value) },
    )
    for (let offset = 0; offset < 8; offset++) await task.write([large(offset)])
    await until(async () => {
      await task.flush()
      return gauges.get('bytes-uploaded')! > 0
    }, 'a part is sent')
    await sinks.bucket.abortUploads()
    const error = await failure(
      (async () => {
        for (let offset = 8; offset < 20; offset++) await persisted(() => task.write([large(offset)]))
        await persisted(() => task.flush())
      })(),
    )
    expect(error).toBeInstanceOf(Disconnected)
    expect((error as Error).message).toContain('was aborted by somebody else')
  })

  test('wait for a store that is away, and lose nothing', async () => {
    const task = await sinks.start({ 'flush.size': '10' })
    const retried = async (work: () => Promise<unknown>) => {
      let away = 0
      await until(
        async () => {
          try {
            await work()
            return true
          } catch (error) {
            expect(error).toBeInstanceOf(Retriable)
            if (++away === 3) await sinks.server.start()
            return false
          }
        },
        'the store is back',
        30_000,
      )
      return away
    }
    await task.write(records(0, 15))
    await task.flush()
    await sinks.server.kill()
    await retried(() => task.write(records(15, 25)))
    expect(await retried(() => task.flush())).toBeGreaterThanOrEqual(3)
    await task.write(records(25, 30))
    await task.flush()
    expect(Object.values(await sinks.bucket.lines()).flat()).toEqual(Array.from({ length: 30 }, (_, at) => ({ n: at })))
  })
})
