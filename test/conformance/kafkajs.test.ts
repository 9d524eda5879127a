/**
 * Goal: kafkajs works unchanged.
 * Method: the scenario, with the gzip codec of kafkajs and the other codecs plugged in as its users do.
 */
import kafkajs from 'kafkajs'
import { compress, decompress } from '../../core/wire/compression/index.ts'
import { conforms, type ForeignClient, type ForeignMember, type Row } from './scenario.ts'

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs

const types = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const
type Codec = keyof typeof types

for (const name of ['snappy', 'lz4', 'zstd'] as const)
  CompressionCodecs[types[name]] = () => ({
    compress: async (encoder: { buffer: Buffer }) => compress(name, encoder.buffer),
    decompress: async (bytes: Buffer) => decompress(name, bytes),
  })

async function open(address: string): Promise<ForeignClient> {
  const kafka = new Kafka({ brokers: [address], clientId: 'kafkajs', logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  const producer = kafka.producer()
  await Promise.all([admin.connect(), producer.connect()])
  const open = new Set<ForeignMember>()

  async function consume(groupId: string, topic: string) {
    const consumer = kafka.consumer({
      groupId,
      sessionTimeout: 10_000,
      heartbeatInterval: 300,
      rebalanceTimeout: 20_000,
      maxWaitTimeInMs: 100,
    })
    const received: Row[] = []
    const next = new Map<number, string>()
    let owned: readonly number[] = []
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      owned = payload.memberAssignment[topic] ?? []
      next.clear()
    })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        received.push({
          key: message.key!.toString(),
          value: message.value!.toString(),
          origin: message.headers!.origin!.toString(),
        })
        next.set(partition, String(BigInt(message.offset) + 1n))
      },
    })
    const member: ForeignMember = {
      received,
      partitions: () => owned,
      commit: () => consumer.commitOffsets([...next].map(([partition, offset]) => ({ topic, partition, offset }))),
      async leave() {
        open.delete(member)
        owned = []
        await consumer.disconnect()
      },
    }
    open.add(member)
    return member
  }

  return {
    codecs: Object.keys(types),
    async createTopic(topic, numPartitions) {
      await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true })
    },
    async produce(topic, codec, rows) {
      await producer.send({
        topic,
        compression: types[codec as Codec],
        messages: rows.map(({ key, value, origin }) => ({ key, value, headers: { origin } })),
      })
    },
    join: consume,
    async close() {
      await Promise.all([...open].map((member) => member.leave()))
      await Promise.all([producer.disconnect(), admin.disconnect()])
    },
  }
}

conforms('kafkajs', open)
