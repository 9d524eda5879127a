/**
 * Goal: a config that cannot work is refused with the setting to change; a config of Confluent's sink is valid; the file that each worker
 * loads loads no library. Method: the declaration's own checks, the check of the store on a real server, and the modules that a process
 * loads.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { s3Sink } from '../../../connectors/s3-sink/connector.ts'
import { SinkBucket } from './sink-bucket.ts'

const sinks = new SinkBucket()
const FORMAT = 'io.confluent.connect.s3.format'
const STORAGE = 'io.confluent.connect.storage'
const base = { 's3.bucket.name': 'bucket', 'format.class': `${FORMAT}.json.JsonFormat`, 'flush.size': '3' }
const KEY = Buffer.alloc(32, 7).toString('base64')
const problems = (config: Record<string, string>) =>
  s3Sink.check!(parseSettings(s3Sink.settings, { ...base, ...config })).map(({ setting }) => setting)

test('the example of the documentation of Confluent is valid', () => {
  expect(
    problems({
      'storage.class': 'io.confluent.connect.s3.storage.S3Storage',
      's3.region': 'us-west-2',
      's3.part.size': '5242880',
      'schema.compatibility': 'NONE',
      'partitioner.class': `${STORAGE}.partitioner.TimeBasedPartitioner`,
      'partition.duration.ms': '3600000',
      'path.format': "'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH",
      locale: 'en',
      timezone: 'UTC',
      'timestamp.extractor': 'RecordField',
      'timestamp.field': 'x',
    }),
  ).toEqual([])
})

test.each<[string, Record<string, string>, string[]]>([
  ['fields of a partitioner', { 'partitioner.class': `${STORAGE}.partitioner.FieldPartitioner` }, ['partition.field.name']],
  ['a locale and a zone', { 'partitioner.class': `${STORAGE}.partitioner.DailyPartitioner` }, ['locale', 'timezone']],
  [
    'a format and a duration of time',
    { 'partitioner.class': `${STORAGE}.partitioner.TimeBasedPartitioner`, locale: 'en', timezone: 'UTC' },
    ['partition.duration.ms', 'path.format'],
  ],
  ['a zone of a schedule', { 'rotate.schedule.interval.ms': '60000' }, ['timezone']],
  ['a partitioner of time for an interval', { 'rotate.interval.ms': '60000' }, ['rotate.interval.ms']],
  [
    'no compression outside of Avro',
    { 'format.class': `${FORMAT}.avro.AvroFormat`, 's3.compression.type': 'gzip' },
    ['s3.compression.type'],
  ],
  ['keys of tombstones', { 'behavior.on.null.values': 'write' }, ['store.kafka.keys']],
  [
    'a format with fields for headers',
    { 'store.kafka.headers': 'true', 'headers.format.class': `${FORMAT}.bytearray.ByteArrayFormat` },
    ['headers.format.class'],
  ],
  ['the encryption that a key is for', { 's3.sse.kms.key.id': 'k' }, ['s3.ssea.name']],
  ['https for a key of the customer', { 's3.sse.customer.key': KEY, 'store.url': 'http://host' }, ['store.url']],
  ['one key', { 's3.sse.customer.key': KEY, 's3.ssea.name': 'aws:kms' }, ['s3.sse.customer.key']],
])('a config needs %s', (_what, config, expected) => expect(problems(config)).toEqual(expected))

test.each([
  ['flush.size', '0'],
  ['filename.offset.zero.pad.width', '101'],
  ['s3.part.size', '1024'],
  ['path.format', 'year=YYYY'],
  ['timezone', 'Nowhere/None'],
  ['avro.codec', 'bzip2'],
  ['format.class', 'com.example.Format'],
  ['s3.acl.canned', 'everybody'],
  ['parquet.codec', 'lzo'],
])('%s=%s is refused', (name, value) => {
  expect(() => parseSettings(s3Sink.settings, { ...base, [name]: value })).toThrow(`Invalid value ${value} for configuration ${name}`)
})

test('a key of the customer that has not 32 bytes is refused, and not shown', () => {
  const wrong = Buffer.alloc(31, 7).toString('base64')
  expect(() => parseSettings(s3Sink.settings, { ...base, 's3.sse.customer.key': wrong })).toThrow(
    'Invalid value [hidden] for configuration s3.sse.customer.key: It must be the base64 of 32 bytes',
  )
})

test('the ACLs of objects are valid', () => {
  for (const acl of ['private', 'bucket-owner-full-control', 'aws-exec-read'])
    expect(parseSettings(s3Sink.settings, { ...base, 's3.acl.canned': acl })['s3.acl.canned']).toBe(acl)
})

test.each<[string, Record<string, string>, string, RegExp]>([
  ['a bucket that is not there', { 's3.bucket.name': 'none-such' }, 's3.bucket.name', /does not exist/],
  ['a wrong secret', { 'aws.secret.access.key': 'wrong' }, 'aws.secret.access.key', /does not belong to the access key/],
  ['a host that nobody knows', { 'store.url': 'http://no-such-host.invalid' }, 'store.url', /is not known/],
])('the check of the store finds %s', async (_what, config, setting, why) => {
  const [problem] = await s3Sink.checkSystem!(sinks.context(config).config, new AbortController().signal)
  expect(problem).toEqual({ setting, why: expect.stringMatching(why) })
})

test('the check of the store leaves nothing there', async () => {
  expect(await s3Sink.checkSystem!(sinks.context({}).config, new AbortController().signal)).toEqual([])
  expect([await sinks.bucket.keys(), await sinks.bucket.uploads()]).toEqual([[], []])
})

test('the file that each worker loads loads no library', async () => {
  const code = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    await import('./connectors/s3-sink/connector.ts')
    console.log(loaded.filter((url) => url.includes('/node_modules/')).length, loaded.length > 10)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
    cwd: join(import.meta.dirname, '../../..'),
  })
  expect(stdout.trim()).toBe('0 true')
})
