/**
 * Goal: kill -9 of a worker in the middle of its requests loses nothing: a webhook that was answered with success is in Kafka; a polled
 * number is there, once with exactly-once support; a record for the sink reaches its server, in order and with the same key each time.
 * Method: a broker and a worker as processes, killed at random moments under load; each number is looked for.
 * Story of connectors/http-driver.
 */
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { seededRandom } from '../../random.ts'
import { freePort, startTestBroker } from '../../running-broker.ts'
import { testWorker } from '../../running-worker.ts'
import { until } from '../../until.ts'
import { startSender } from '../http-webhook-source/sender.ts'
import { LOCAL, testServer } from './recording-server.ts'

const ROUNDS = 2
const NUMBERS_A_ROUND = 400
const SENDERS = 4

test.each(['enabled', 'disabled'])('kill -9 of a worker, with exactly-once support %s', { timeout: 360_000 }, async (support) => {
  const random = seededRandom()
  const broker = await startTestBroker({ 'offsets.topic.replication.factor': '1', 'transaction.state.log.replication.factor': '1' })
  onTestFinished(() => broker.stop())
  const client = createClient({ bootstrapServers: broker.address, clientId: 'reader' }, realSystem('silent'))
  onTestFinished(() => client.close())
  const topics = ['polled', 'webhooks', 'for-sink']
  await client.admin.createTopics(topics.map((name) => ({ name, partitions: 1, replicationFactor: 1 })))

  const worker = await testWorker('http', broker.address, { 'exactly.once.source.support': support }, 60_000)
  onTestFinished(() => worker.stop())

  // What is polled, and what the sink writes to.
  let available = 0
  const polled = await testServer(({ path }) => {
    const after = Number(new URL(path, 'http://x').searchParams.get('after'))
    return { body: JSON.stringify(Array.from({ length: Math.min(50, available - after) }, (_, i) => ({ number: after + i + 1 }))) }
  })
  const written = new Map<string, number>()
  const target = await testServer(({ method, headers, body }) => {
    if (method === 'HEAD') return {}
    const key = String(headers['idempotency-key'])
    const { number } = JSON.parse(body) as { number: number }
    if (written.has(key) && written.get(key) !== number) throw new Error(`${key} names two records`)
    written.set(key, number)
    return { status: 201 }
  })
  const port = await freePort()
  await worker.start()
  await worker.configure('polling', {
    ...LOCAL,
    'connector.class': 'HttpSource',
    url: `${polled.url}/numbers`,
    topic: 'polled',
    'http.request.parameters': 'after=${offset}',
    'http.offset.mode': 'CHAINING',
    'http.offset.json.pointer': '/number',
    'http.initial.offset': '0',
    'request.interval.ms': '20',
    ...(support === 'enabled' && { 'exactly.once.support': 'required' }),
  })
  await worker.configure('receiving', { 'connector.class': 'WebhookSource', 'listen.port': String(port), 'topic.mapping': '/in:webhooks' })
  await worker.configure('sending', {
    ...LOCAL,
    'connector.class': 'HttpSink',
    topics: 'for-sink',
    'http.api.url': `${target.url}/in`,
    'batch.max.size': '1',
    'batch.json.as.array': 'false',
    'consumer.override.auto.offset.reset': 'earliest',
    // The group waits this long for the member that was killed.
    'consumer.override.session.timeout.ms': '6000',
    'consumer.override.heartbeat.interval.ms': '500',
  })

  const senders = Array.from({ length: SENDERS }, (_, first) => startSender(`http://127.0.0.1:${port}/in`, { first, step: SENDERS }))
  onTestFinished(() => Promise.all(senders.map((sender) => sender.stop())).then(() => {}))
  const answered = () => senders.reduce((sum, { answered }) => sum + answered.length, 0)
  const producer = client.producer()
  onTestFinished(() => producer.close())

  const read: Record<string, number[]> = { polled: [], webhooks: [] }
  const consumer = client.consumer({ isolationLevel: 'read_committed' })
  onTestFinished(() => consumer.close())
  consumer.assign(Object.keys(read).map((topic) => ({ topic, partition: 0, offset: 'earliest' as const })))
  const readOn = async () => {
    for (const { topic, records } of await consumer.poll(100))
      read[topic]!.push(...records.map(({ value }) => (JSON.parse(value!.toString()) as { number: number }).number))
  }
  const reaches = (goal: number, webhooks: number) =>
    until(
      async () => {
        await readOn()
        return (read.polled!.at(-1) ?? 0) >= goal && written.size >= goal && answered() >= webhooks
      },
      `${goal} numbers have arrived; polled to ${read.polled!.at(-1)}, written ${written.size}, answered ${answered()}:\n${worker.output}`,
      90_000,
    )

  for (let round = 1; round <= ROUNDS; round++) {
    const before = available
    const answeredBefore = answered()
    available += NUMBERS_A_ROUND
    for (const sender of senders) sender.add(NUMBERS_A_ROUND / SENDERS)
    await producer.send(
      Array.from({ length: NUMBERS_A_ROUND }, (_, i) => ({
        topic: 'for-sink',
        partition: 0,
        key: null,
        value: Buffer.from(JSON.stringify({ number: before + i + 1 })),
      })),
    )
    // A stop and a start under load, too.
    const restarted = await fetch(`${worker.url}/connectors/receiving/restart?includeTasks=true`, { method: 'POST' })
    expect(restarted.status).toBeLessThan(300)
    const part = Math.floor(random() * NUMBERS_A_ROUND * 0.6)
    await reaches(before + part, answeredBefore + Math.floor(part / 2))
    await worker.kill()
    await worker.start()
  }
  await reaches(available, available)

  const upTo = Array.from({ length: available }, (_, i) => i + 1)
  expect([...written.values()]).toEqual(upTo)
  if (support === 'enabled') expect(read.polled).toEqual(upTo)
  else expect([...new Set(read.polled)]).toEqual(upTo)
  await until(
    async () => {
      await readOn()
      const inKafka = new Set(read.webhooks)
      return senders.every((sender) => sender.answered.every((number) => inKafka.has(number)))
    },
    'every webhook that was answered is in Kafka',
    10_000,
  )
  expect(new Set(read.webhooks).size).toBe(available)
})
