/**
 * How many records a second does the S3 sink write, in each format, beside a loop that sends the same bytes with the SDK alone? The store
 * is a process on the same machine. Records are in memory before, as batches of 500, and a run ends when each object is in the store; the
 * first run of a format warms it up and is not measured. The loop sends what JSON lines come to, in bodies of the size of the sink's
 * objects, as many at a time as the sink does.
 */
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { sinkRecord, taskContext } from '../connect/contract/index.ts'
import { type SinkRecord, schemas } from '../connect/sdk/index.ts'
import { s3Sink } from '../connectors/s3-sink/connector.ts'
import { type TestS3, testS3 } from '../test/services/s3.ts'
import { flag } from './contenders.ts'
import { type Row, show } from './table.ts'

const RECORDS = Number(flag('records') ?? 400_000)
const WARM_UP_RECORDS = 50_000
const FLUSH_SIZE = 50_000
const BATCH = 500
const CONCURRENCY = 4
const MB = 1e6

const FORMAT = 'io.confluent.connect.s3.format'
const formats: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'JSON lines': { 'format.class': `${FORMAT}.json.JsonFormat` },
  'JSON lines, gzip': { 'format.class': `${FORMAT}.json.JsonFormat`, 's3.compression.type': 'gzip' },
  'Avro, snappy': { 'format.class': `${FORMAT}.avro.AvroFormat`, 'avro.codec': 'snappy' },
  'Parquet, snappy': { 'format.class': `${FORMAT}.parquet.ParquetFormat` },
  CSV: { 'format.class': 'tributary.s3.format.csv.CsvFormat' },
}

const schema = schemas.struct(
  {
    id: schemas.int64(),
    customer: schemas.string(),
    status: schemas.string(),
    amount: schemas.float64(),
    quantity: schemas.int32(),
    note: schemas.string({ optional: true }),
    ordered: schemas.timestamp(),
  },
  { name: 'Order' },
)
const states = ['open', 'paid', 'sent', 'returned']
const order = (id: number) => ({
  id,
  customer: `customer-${(id * 7919) % 100_000}`,
  status: states[id % states.length],
  amount: ((id * 31) % 100_000) / 100,
  quantity: (id % 9) + 1,
  note: id % 3 === 0 ? null : `leave it at the door of number ${id % 500}`,
  ordered: new Date(1_700_000_000_000 + id * 1_000),
})

function batchesOf(count: number): SinkRecord[][] {
  const batches: SinkRecord[][] = []
  for (let from = 0; from < count; from += BATCH)
    batches.push(
      Array.from({ length: Math.min(BATCH, count - from) }, (_, index) =>
        sinkRecord({ topic: 'orders', offset: from + index, value: order(from + index), valueSchema: schema }),
      ),
    )
  return batches
}

interface Measured {
  seconds: number
  bytes: number
}

async function throughSink(server: TestS3, count: number, format: Readonly<Record<string, string>>): Promise<Measured> {
  const gauges = new Map<string, number>()
  const config = {
    's3.bucket.name': await server.bucket(),
    's3.region': server.region,
    'store.url': server.endpoint,
    'aws.access.key.id': server.accessKeyId,
    'aws.secret.access.key': server.secretAccessKey,
    'flush.size': String(FLUSH_SIZE),
    ...format,
  }
  const context = taskContext(s3Sink.settings, config, new AbortController().signal)
  const task = await s3Sink.start({ ...context, gauge: (name, value) => void gauges.set(name, value) })
  const batches = batchesOf(count)
  const startMs = performance.now()
  for (const batch of batches) await task.write(batch)
  await task.flush()
  const seconds = (performance.now() - startMs) / 1000
  await task.stop!()
  return { seconds, bytes: gauges.get('bytes-uploaded')! }
}

async function throughLoop(server: TestS3, count: number): Promise<Measured> {
  const Bucket = await server.bucket()
  const bodies: Buffer[] = []
  for (let from = 0; from < count; from += FLUSH_SIZE)
    bodies.push(
      Buffer.from(
        Array.from({ length: Math.min(FLUSH_SIZE, count - from) }, (_, index) => `${JSON.stringify(order(from + index))}\n`).join(''),
      ),
    )
  const startMs = performance.now()
  let next = 0
  const sender = async () => {
    while (next < bodies.length) {
      const index = next++
      await server.client.send(new PutObjectCommand({ Bucket, Key: `loop/${index}`, Body: bodies[index]! }))
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, sender))
  return { seconds: (performance.now() - startMs) / 1000, bytes: bodies.reduce((sum, body) => sum + body.length, 0) }
}

async function main(): Promise<void> {
  const server = await testS3()
  try {
    const rows: Row[] = []
    const measure = async (what: string, run: (count: number) => Promise<Measured>) => {
      await run(WARM_UP_RECORDS)
      const { seconds, bytes } = await run(RECORDS)
      rows.push({ what, 'records/s': RECORDS / seconds, 'MB/s in the store': bytes / MB / seconds, 'bytes a record': bytes / RECORDS })
    }
    await measure('loop of the SDK, bytes that are ready', (count) => throughLoop(server, count))
    const only = flag('format')
    for (const [name, format] of Object.entries(formats))
      if (only === undefined || only === name) await measure(`sink, ${name}`, (count) => throughSink(server, count, format))
    show(`How fast is the S3 sink? ${RECORDS} records, objects of ${FLUSH_SIZE}`, rows)
  } finally {
    await server.stop()
  }
}

if (import.meta.main) await main()
