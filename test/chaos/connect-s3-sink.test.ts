/**
 * Goal: kill -9 of the worker, and of the store, in the middle of writing neither loses nor doubles a record in the objects. Method: a
 * worker with two tasks reads three partitions into compressed objects by a field, on a real broker and a real store; both are killed at
 * random moments and started again. At the end all objects are read.
 */
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { Bucket, bucketConfig, jsonLines } from '../connectors/s3-sink/sink-bucket.ts'
import { seededRandom } from '../random.ts'
import { startTestBroker } from '../running-broker.ts'
import { testWorker } from '../running-worker.ts'
import { S3_START_MS, testS3 } from '../services/s3.ts'
import { until } from '../until.ts'

const ROUNDS = 3
const PARTITIONS = 3
const FLUSH_SIZE = 350
const GROUPS_A_ROUND = 6
const RECORDS_A_ROUND = FLUSH_SIZE * GROUPS_A_ROUND
const FOLDERS = 2

test('kill -9 of the worker and of the store, three times under load', { timeout: 240_000 + S3_START_MS }, async () => {
  const random = seededRandom()
  const server = await testS3({ killable: true })
  onTestFinished(() => server.stop())
  const bucket = new Bucket(server, await server.bucket())
  const broker = await startTestBroker({ 'offsets.topic.replication.factor': '1', 'transaction.state.log.replication.factor': '1' })
  onTestFinished(() => broker.stop())
  const client = createClient({ bootstrapServers: broker.address, clientId: 'writer' }, realSystem('silent'))
  onTestFinished(() => client.close())
  await client.admin.createTopics([{ name: 'numbers', partitions: PARTITIONS, replicationFactor: 1 }])

  const worker = await testWorker('s3', broker.address)
  onTestFinished(() => worker.stop())
  await worker.start()
  await worker.configure('s3', {
    'connector.class': 'io.confluent.connect.s3.S3SinkConnector',
    'tasks.max': '2',
    topics: 'numbers',
    ...bucketConfig(server, bucket.name),
    'format.class': 'io.confluent.connect.s3.format.json.JsonFormat',
    'flush.size': String(FLUSH_SIZE),
    's3.compression.type': 'gzip',
    'partitioner.class': 'io.confluent.connect.storage.partitioner.FieldPartitioner',
    'partition.field.name': 'folder',
    's3.part.retries': '1',
    'retry.backoff.ms': '100',
    'consumer.override.max.poll.records': '100',
    'consumer.override.session.timeout.ms': '6000',
  })

  const producer = client.producer()
  onTestFinished(() => producer.close())
  const produce = async (round: number) => {
    const first = round * RECORDS_A_ROUND
    for (let from = first; from < first + RECORDS_A_ROUND; from += FLUSH_SIZE)
      await producer.send(
        Array.from({ length: PARTITIONS * FLUSH_SIZE }, (_, index) => {
          const number = from + Math.floor(index / PARTITIONS)
          return {
            topic: 'numbers',
            partition: index % PARTITIONS,
            key: null,
            value: Buffer.from(JSON.stringify({ number, folder: number % FOLDERS })),
          }
        }),
      )
  }
  const hasObjects = (groups: number) =>
    until(
      async () => (await bucket.keys()).length >= groups * PARTITIONS * FOLDERS,
      `${groups} objects of each partition are there:\n${worker.output}`,
      90_000,
    )
  for (let round = 0; round < ROUNDS; round++) {
    const producing = produce(round)
    await hasObjects(round * GROUPS_A_ROUND + Math.floor(random() * (GROUPS_A_ROUND - 1)))
    await server.kill()
    if (round % 2 === 0) await worker.kill()
    await server.start()
    if (round % 2 === 0) await worker.start()
    await hasObjects(round * GROUPS_A_ROUND + Math.floor(random() * (GROUPS_A_ROUND - 1)))
    await worker.kill()
    await producing
    await worker.start()
  }
  await hasObjects(ROUNDS * GROUPS_A_ROUND)
  const numbers: number[][] = Array.from({ length: PARTITIONS }, () => [])
  const keys = await bucket.keys()
  for (const key of keys) {
    const [, folderOf, partition] = /^topics\/numbers\/folder=(\d)\/numbers\+(\d)\+\d{10}\.json\.gz$/.exec(key)!
    for (const value of jsonLines(gunzipSync(await bucket.bytes(key))) as { number: number; folder: number }[]) {
      expect(value.folder).toBe(Number(folderOf))
      numbers[Number(partition)]!.push(value.number)
    }
  }
  const expected = Array.from({ length: ROUNDS * RECORDS_A_ROUND }, (_, number) => number)
  for (const own of numbers) expect(own.sort((a, b) => a - b)).toEqual(expected)
  expect(keys.length).toBe(ROUNDS * GROUPS_A_ROUND * PARTITIONS * FOLDERS)
})
