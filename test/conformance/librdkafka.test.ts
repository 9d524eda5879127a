/**
 * Goal: librdkafka works unchanged, in its newest release (kafka-crab-js).
 * Method: the scenario, with the idempotent producer.
 */
import type { KafkaConsumer } from 'kafka-crab-js'
import { librdkafka } from '../librdkafka.ts'
import { until } from '../until.ts'
import { conforms, type ForeignClient, type ForeignMember, type Row } from './scenario.ts'

async function open(address: string): Promise<ForeignClient> {
  const { KafkaClient } = await librdkafka()
  const kafka = new KafkaClient({ brokers: address, clientId: 'librdkafka', logLevel: 'error' })
  const open = new Set<ForeignMember>()
  const consumerOf = (groupId: string): KafkaConsumer =>
    kafka.createConsumer({
      groupId,
      enableAutoCommit: false,
      configuration: {
        'auto.offset.reset': 'earliest',
        'session.timeout.ms': '10000',
        'heartbeat.interval.ms': '300',
        'fetch.wait.max.ms': '100',
        'topic.metadata.refresh.interval.ms': '1000',
      },
    })

  async function consume(groupId: string, topic: string) {
    const consumer = consumerOf(groupId)
    const received: Row[] = []
    const next = new Map<number, number>()
    await consumer.subscribe(topic)
    let stopped = false
    const reading = (async () => {
      while (!stopped)
        for (const message of await consumer.recvBatch(100, 50)) {
          received.push({ key: message.key!.toString(), value: message.payload.toString(), origin: message.headers!.origin!.toString() })
          next.set(message.partition, message.offset + 1)
        }
    })()
    const owned = () => consumer.assignment().flatMap(({ partitionOffset }) => partitionOffset.map(({ partition }) => partition))
    const member: ForeignMember = {
      received,
      partitions: () => (stopped ? [] : owned()),
      async commit() {
        for (const partition of owned()) if (next.has(partition)) await consumer.commit(topic, partition, next.get(partition)!, 'Sync')
      },
      async leave() {
        open.delete(member)
        // Disconnecting alone leaves the membership to its session: librdkafka leaves while it is polled.
        consumer.unsubscribe()
        await until(() => owned().length === 0, 'the partitions are revoked')
        stopped = true
        await reading
        await consumer.disconnect()
      },
    }
    open.add(member)
    return member
  }

  return {
    // This build of librdkafka has no zstd; kcat's has.
    codecs: ['none', 'gzip', 'snappy', 'lz4'],
    async createTopic(topic, numPartitions) {
      const consumer = consumerOf(`creates-${topic}`)
      await consumer.subscribe([{ topic, createTopic: true, numPartitions, replicas: 1 }])
      await consumer.disconnect()
    },
    async produce(topic, codec, rows) {
      const producer = kafka.createProducer({
        configuration: { 'compression.codec': codec, 'enable.idempotence': 'true', 'linger.ms': '5' },
      })
      const sent = await producer.send({
        topic,
        messages: rows.map(({ key, value, origin }) => ({
          key: Buffer.from(key),
          payload: Buffer.from(value),
          headers: { origin: Buffer.from(origin) },
        })),
      })
      const failed = sent.find(({ error }) => error)
      if (failed) throw new Error(`librdkafka: ${failed.error!.message}`)
    },
    join: consume,
    async close() {
      await Promise.all([...open].map((member) => member.leave()))
    },
  }
}

conforms('librdkafka', open)
