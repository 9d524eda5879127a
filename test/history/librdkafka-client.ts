/**
 * The actors' client librdkafka, through kafka-crab-js: the idempotent producer and consumers of both isolation levels. This binding has no
 * transactions, and it chooses the partition by the key.
 */
import { crc32 } from 'node:zlib'
import { librdkafka } from '../librdkafka.ts'
import { type ForeignProducer, type ForeignReader, type ReaderOptions, timings } from './foreign-client.ts'
import { keyOf, topics as partitionCounts, partitionsOf, type Topic } from './scene.ts'

/** How many records one poll takes at the most. */
const POLL_RECORDS = 500
const POLL_TIMEOUT_MS = 100

async function client(bootstrap: string) {
  const { KafkaClient } = await librdkafka()
  return new KafkaClient({
    brokers: bootstrap,
    clientId: 'librdkafka',
    logLevel: 'off',
    configuration: { 'reconnect.backoff.ms': '20', 'reconnect.backoff.max.ms': '200', 'socket.timeout.ms': `${timings.requestTimeoutMs}` },
  })
}

/** A key that librdkafka's default partitioner, CRC-32, sends to the partition. */
function keyFor(partition: number, count: number): Buffer {
  for (let i = 0; ; i++) {
    const key = Buffer.from(`${i}`)
    if (crc32(key) % count === partition) return key
  }
}

export async function librdkafkaProducer(bootstrap: string): Promise<ForeignProducer> {
  const producer = (await client(bootstrap)).createProducer({
    queueTimeout: 60_000,
    configuration: {
      'enable.idempotence': 'true',
      acks: 'all',
      'linger.ms': '1',
      'message.timeout.ms': '60000',
      'compression.codec': 'gzip',
    },
  })
  return {
    async send(topic, partition, values) {
      const key = keyFor(partition, partitionCounts[topic])
      const answers = await producer.send({ topic, messages: values.map((value) => ({ key, payload: Buffer.from(value) })) })
      const failed = answers.find(({ error }) => error)
      if (failed) throw new Error(`librdkafka: ${failed.error!.message}`)
      const [first] = answers
      if (first!.partition !== partition) throw new Error(`librdkafka sent to partition ${first!.partition} instead of ${partition}`)
      const inRow = answers.every(({ offset }, i) => offset === first!.offset + i)
      return inRow ? first!.offset : null
    },
    close: async () => void (await producer.flush()),
  }
}

export async function librdkafkaReader(
  bootstrap: string,
  { topics, isolation, group, onRecords, onAssigned, onStopped }: ReaderOptions,
): Promise<ForeignReader> {
  const consumer = (await client(bootstrap)).createConsumer({
    groupId: group ?? 'librdkafka',
    enableAutoCommit: false,
    configuration: {
      'isolation.level': isolation,
      // A position out of range would be an anomaly: the history shows it as one that goes back.
      'auto.offset.reset': 'earliest',
      'session.timeout.ms': `${timings.sessionTimeoutMs}`,
      'heartbeat.interval.ms': `${timings.heartbeatIntervalMs}`,
      'fetch.wait.max.ms': '100',
    },
  })
  if (group === null) await consumer.subscribe(topics.map((topic) => ({ topic, partitionOffset: fromTheBeginning(topic) })))
  else {
    consumer.onEvents((_, { name }) => {
      if (name === 'PostRebalance') onAssigned()
    })
    await consumer.subscribe(topics.map((topic) => ({ topic })))
  }
  let stopped = false
  const next = new Map<string, { topic: string; partition: number; offset: number }>()
  const reading = (async () => {
    while (!stopped)
      try {
        const messages = await consumer.recvBatch(POLL_RECORDS, POLL_TIMEOUT_MS)
        for (const { topic, partition, offset } of messages) next.set(keyOf(topic, partition), { topic, partition, offset: offset + 1 })
        await onRecords(
          messages.map(({ topic, partition, offset, payload }) => ({ key: keyOf(topic, partition), offset, value: payload.toString() })),
        )
      } catch {
        // The binding throws where no broker is reachable, and what it had received for this call is gone: the member of a group joins
        // again, an assigned reader asks again for the record behind its last one.
        try {
          if (group !== null) return onStopped()
          for (const { topic, partition, offset } of next.values()) consumer.seek(topic, partition, { offset })
        } catch {
          return onStopped()
        }
      }
  })()
  return {
    commit: (topic, partition, offset) => consumer.commit(topic, partition, offset, 'Sync'),
    async close() {
      stopped = true
      await reading
      await consumer.disconnect()
    },
  }
}

const fromTheBeginning = (topic: Topic) =>
  partitionsOf(topic).map((partition) => ({ partition, offset: { position: 'Beginning' as const } }))
