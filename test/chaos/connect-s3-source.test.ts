/**
 * Goal: kill -9 of a worker neither doubles nor loses a record of the objects that the S3 source reads, with positions of objects and of
 * shards. Method: one worker with exactly-once support and two connectors on a real S3-compatible server, killed at random moments while
 * objects are added, and started again. A read_committed reader must get each number once, in order within each task.
 */
import { gzipSync } from 'node:zlib'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { seededRandom } from '../random.ts'
import { startTestBroker } from '../running-broker.ts'
import { testWorker } from '../running-worker.ts'
import { S3_START_MS, testS3 } from '../services/s3.ts'
import { until } from '../until.ts'

const ROUNDS = 3
const NUMBERS_A_ROUND = 4000
/** One of them is larger than the others, so that the worker is killed in the middle of it. */
const SIZES = [100, 3000, 400, 500]
const topics = ['full', 'incremental']

test('kill -9 of a worker that reads a bucket, three times under load', { timeout: S3_START_MS + 240_000 }, async () => {
  const random = seededRandom()
  const s3 = await testS3()
  onTestFinished(() => s3.stop())
  const bucket = await s3.bucket()
  const broker = await startTestBroker({ 'offsets.topic.replication.factor': '1', 'transaction.state.log.replication.factor': '1' })
  onTestFinished(() => broker.stop())
  const client = createClient({ bootstrapServers: broker.address, clientId: 'reader' }, realSystem('silent'))
  onTestFinished(() => client.close())
  await client.admin.createTopics(topics.map((name) => ({ name, partitions: 1, replicationFactor: 1 })))

  const worker = await testWorker('s3', broker.address, { 'exactly.once.source.support': 'enabled' }, 60_000)
  onTestFinished(() => worker.stop())
  const create = (name: string, config: Record<string, string>) =>
    worker.configure(name, {
      'connector.class': 'tributary.s3.S3SourceConnector',
      'exactly.once.support': 'required',
      's3.bucket.name': bucket,
      's3.region': s3.region,
      'store.url': s3.endpoint,
      'aws.access.key.id': s3.accessKeyId,
      'aws.secret.access.key': s3.secretAccessKey,
      's3.poll.interval.ms': '200',
      's3.part.size': '8192',
      format: 'json',
      'batch.size': '150',
      ...config,
    })
  await worker.start()
  await create('full', { topic: 'full', 'tasks.max': '2' })
  await create('incremental', { topic: 'incremental', listing: 'incremental' })

  const numbers = new Map<string, number[]>(topics.map((topic) => [topic, []]))
  const consumer = client.consumer({ isolationLevel: 'read_committed' })
  onTestFinished(() => consumer.close())
  consumer.assign(topics.map((topic) => ({ topic, partition: 0, offset: 'earliest' as const })))
  const readTo = (count: number) =>
    until(
      async () => {
        for (const { topic, records } of await consumer.poll(200))
          numbers.get(topic)!.push(...records.map(({ value }) => JSON.parse(value!.toString()).number as number))
        return [...numbers.values()].every((read) => read.length >= count)
      },
      `${count} numbers of each are there:\n${worker.output}`,
      120_000,
    )
  const write = async (round: number) => {
    let number = round * NUMBERS_A_ROUND
    for (const [index, size] of SIZES.entries()) {
      const text = Array.from({ length: size }, () => JSON.stringify({ number: number++ })).join('\n')
      const isCompressed = index % 2 === round % 2
      const Key = `${String(round).padStart(3, '0')}-${index}.json${isCompressed ? '.gz' : ''}`
      await s3.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: isCompressed ? gzipSync(text) : text }))
    }
  }
  for (let round = 0; round < ROUNDS; round++) {
    await write(round)
    await readTo(round * NUMBERS_A_ROUND + Math.floor(random() * NUMBERS_A_ROUND * 0.8))
    await worker.kill()
    await worker.start()
  }
  await readTo(ROUNDS * NUMBERS_A_ROUND)
  const all = Array.from({ length: ROUNDS * NUMBERS_A_ROUND }, (_, index) => index)
  expect(numbers.get('incremental')).toEqual(all)
  expect(numbers.get('full')!.toSorted((a, b) => a - b)).toEqual(all)
})
