/**
 * Goal: kill -9 of the broker loses nothing that was acknowledged (Invariants 1, 2, 3 and 5). Method: librdkafka's idempotent producer
 * writes without a pause while the broker is killed ten times at random moments and restarted; meanwhile a group commits rising offsets.
 * Then everything is read back and checked by the rules of Jepsen's Kafka test: lost-write, duplicate, inconsistent-offsets, nonmonotonic.
 * The seed is logged; TRIBUTARY_TEST_SEED=n repeats its moments.
 */
import { expect, onTestFinished, test } from 'vitest'
import offsetCommit from '../../core/apis/08-offset-commit.ts'
import offsetFetch from '../../core/apis/09-offset-fetch.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import { librdkafka } from '../librdkafka.ts'
import { seededRandom } from '../random.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { startTestBroker } from '../running-broker.ts'
import { until } from '../until.ts'

const ROUNDS = 10
const WRITERS = 8
const BATCH = 100
const PARTITIONS = 3
const TOPIC = 'chaos'

interface Sent {
  writer: number
  serial: number
}

interface Acknowledged extends Sent {
  partition: number
  offset: number
}

const textOf = ({ writer, serial }: Sent): string => `${writer}/${serial}`

test('ten times kill -9 under an idempotent producer: every acknowledged record is read once, in order, at its offset', async () => {
  const random = seededRandom()
  const { KafkaClient } = await librdkafka()
  const broker = await startTestBroker()
  onTestFinished(() => broker.stop())
  const admin = await rawClient(broker.port)
  const created = await admin.send(createTopics, 7, {
    topics: [{ name: TOPIC, numPartitions: PARTITIONS, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs: 10_000,
    validateOnly: false,
  })
  admin.close()
  expect(created.topics[0]!.errorCode).toBe(0)

  const kafka = new KafkaClient({ brokers: broker.address, clientId: 'chaos', logLevel: 'off' })
  const producer = kafka.createProducer({
    // How long a flush waits: a start takes longer on a busy machine.
    queueTimeout: 60_000,
    configuration: {
      'enable.idempotence': 'true',
      acks: 'all',
      'linger.ms': '2',
      'message.timeout.ms': '120000',
      'reconnect.backoff.ms': '20',
      'reconnect.backoff.max.ms': '100',
      'compression.codec': 'lz4',
    },
  })

  const acknowledged: Acknowledged[] = []
  const failures: unknown[] = []
  let writing = true
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let serial = 0; writing; serial += BATCH) {
      const batch = Array.from({ length: BATCH }, (_, i) => ({ writer, serial: serial + i }))
      try {
        const results = await producer.send({
          topic: TOPIC,
          messages: batch.map((sent) => ({ key: Buffer.from(`writer ${writer}`), payload: Buffer.from(textOf(sent)) })),
        })
        for (const [i, { partition, offset, error }] of results.entries())
          if (error) failures.push(error)
          else acknowledged.push({ ...batch[i]!, partition, offset })
      } catch (error) {
        // Unknown whether it was written: it may be read once.
        failures.push(error)
      }
    }
  })

  const group = await commitsWithoutEnd(broker.port)
  for (let round = 1; round <= ROUNDS; round++) {
    const before = acknowledged.length
    const commitsBefore = group.acknowledged
    await until(() => acknowledged.length > before && group.acknowledged > commitsBefore, `acknowledgements in round ${round}`, 30_000)
    const end = performance.now() + random() * 400
    await until(() => performance.now() > end, 'the moment of the kill')
    await broker.kill()
    const attempted = group.attempted
    const confirmed = group.acknowledged
    await broker.start()
    const found = await committedNow(broker.port)
    expect(found, `round ${round}: the group's commit went back`).toBeGreaterThanOrEqual(confirmed)
    expect(found, `round ${round}: a commit that nobody made`).toBeLessThanOrEqual(Math.max(attempted, group.attempted))
  }
  writing = false
  await Promise.all(writers)
  await group.stop()
  expect(failures, 'librdkafka gave up on records').toEqual([])

  const reader = kafka.createConsumer({ groupId: 'reads-all', enableAutoCommit: false, configuration: { 'auto.offset.reset': 'earliest' } })
  await reader.subscribe(TOPIC)
  // Records without an acknowledgement may be stored too: the topic is read to its end.
  const log = new Map<number, { offset: number; value: string }[]>()
  let count = 0
  await until(
    async () => {
      const batch = await reader.recvBatch(1000, 500)
      for (const { partition, offset, payload } of batch) {
        const records = log.get(partition) ?? []
        records.push({ offset, value: payload.toString() })
        log.set(partition, records)
        count++
      }
      return batch.length === 0 && count >= acknowledged.length
    },
    'all acknowledged records are read',
    30_000,
  )
  await reader.disconnect()
  console.log(`${acknowledged.length} records acknowledged over ${ROUNDS} kills`)
  judge(acknowledged, log)
})

/** The rules, each by its name in Jepsen's checker. */
function judge(acknowledged: readonly Acknowledged[], log: ReadonlyMap<number, { offset: number; value: string }[]>): void {
  const seen = new Map<string, string>()
  const last = new Map<string, number>()
  for (const [partition, records] of log) {
    let previous = -1
    for (const { offset, value } of records) {
      expect(offset, `nonmonotonic: offset ${offset} of partition ${partition} follows ${previous}`).toBe(previous + 1)
      previous = offset
      expect(seen.get(value), `duplicate: ${value}`).toBe(undefined)
      seen.set(value, `${partition}@${offset}`)
      const [writer, serial] = value.split('/')
      expect(Number(serial), `nonmonotonic: ${value} of partition ${partition} lies behind ${last.get(writer!)}`).toBe(
        (last.get(writer!) ?? -1) + 1,
      )
      last.set(writer!, Number(serial))
    }
  }
  for (const sent of acknowledged) {
    const found = seen.get(textOf(sent))
    expect(found, `lost-write: ${textOf(sent)} was acknowledged`).not.toBe(undefined)
    expect(found, `inconsistent-offsets: ${textOf(sent)}`).toBe(`${sent.partition}@${sent.offset}`)
  }
}

/** Commits 1, 2, 3 … for one group, on new connections as the old ones break. */
async function commitsWithoutEnd(port: number) {
  const state = { attempted: 0, acknowledged: 0, stop: async () => {} }
  let running = true
  const loop = (async () => {
    let connection: RawClient | null = null
    while (running) {
      try {
        connection ??= await rawClient(port)
        state.attempted++
        const { topics } = await connection.send(offsetCommit, 8, {
          groupId: 'counts',
          memberId: '',
          groupInstanceId: null,
          topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, committedOffset: state.attempted, committedMetadata: null }] }],
        })
        if (topics[0]!.partitions[0]!.errorCode === 0) state.acknowledged = state.attempted
      } catch {
        // The broker was killed: whether the commit was written is unknown, and the next one is higher.
        connection?.close()
        connection = null
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    connection?.close()
  })()
  state.stop = async () => {
    running = false
    await loop
  }
  return state
}

async function committedNow(port: number): Promise<number> {
  const connection = await rawClient(port)
  const { groups } = await connection.send(offsetFetch, 8, {
    groups: [{ groupId: 'counts', topics: [{ name: TOPIC, partitionIndexes: [0] }] }],
    requireStable: true,
  })
  connection.close()
  return groups[0]!.topics[0]!.partitions[0]!.committedOffset
}
