/**
 * How fast does the client write and read through one broker in another process? Records of 250 bytes without compression, six partitions:
 * produced in calls of 5,000 records, consumed by poll(). `--server host:port` measures against a cluster that is already running.
 */
import { type Client, createClient } from '../core/client/index.ts'
import { realSystem } from '../core/system/index.ts'
import { startTestBroker } from '../test/running-broker.ts'
import { type Row, show } from './table.ts'

const PARTITIONS = 6
const RECORDS = 2_000_000
const RECORD_BYTES = 250
const CALL_RECORDS = 5_000
const CALLS_IN_FLIGHT = 8

async function measured(what: string, records: number, run: () => Promise<void>): Promise<Row> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await run()
  const seconds = (performance.now() - start) / 1000
  const used = process.cpuUsage(cpu)
  return {
    case: what,
    'records/s': records / seconds,
    'MB/s': (records * RECORD_BYTES) / seconds / 1e6,
    'client CPU': (used.user + used.system) / 1e6 / seconds,
    'client RSS MB': process.memoryUsage().rss / 1e6,
  }
}

async function produce(client: Client, topic: string): Promise<void> {
  const producer = client.producer()
  const value = Buffer.alloc(RECORD_BYTES - 10, 'calm rising ')
  const call = Array.from({ length: CALL_RECORDS }, (_, index) => ({ topic, key: Buffer.from(`${index}`.padStart(10)), value }))
  const inFlight: Promise<unknown>[] = []
  for (let sent = 0; sent < RECORDS; sent += CALL_RECORDS) {
    inFlight.push(producer.send(call))
    if (inFlight.length >= CALLS_IN_FLIGHT) await inFlight.shift()
  }
  await Promise.all(inFlight)
  await producer.close()
}

async function consume(client: Client, topic: string): Promise<void> {
  const consumer = client.consumer()
  consumer.assign(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, offset: 'earliest' as const })))
  for (let read = 0; read < RECORDS; ) for (const batch of await consumer.poll(1_000)) read += batch.records.length
  await consumer.close()
}

async function main(): Promise<void> {
  const serverFlag = process.argv.indexOf('--server')
  const broker = serverFlag < 0 ? await startTestBroker() : undefined
  const client = createClient({ bootstrapServers: broker?.address ?? process.argv[serverFlag + 1]!, clientId: 'bench' }, realSystem('warn'))
  try {
    const topic = `bench-client-${process.pid}`
    for (const error of (await client.admin.createTopics([{ name: topic, partitions: PARTITIONS, replicationFactor: 1 }])).values())
      if (error) throw error
    const rows = [
      await measured('produce', RECORDS, () => produce(client, topic)),
      await measured('consume', RECORDS, () => consume(client, topic)),
    ]
    await client.admin.deleteTopics([topic])
    show(`How fast does the client write and read records of ${RECORD_BYTES} bytes?`, rows)
  } finally {
    await client.close()
    await broker?.stop()
  }
}

await main()
