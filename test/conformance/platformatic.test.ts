/**
 * Goal: @platformatic/kafka works unchanged: it supports only newer API versions, and has no fallback to older ones.
 * Method: the scenario.
 */
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { conforms, type ForeignClient, type ForeignMember, type Row } from './scenario.ts'

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
type Codec = (typeof codecs)[number]

async function open(address: string): Promise<ForeignClient> {
  const base = { clientId: 'platformatic', bootstrapBrokers: [address] }
  const admin = new Admin(base)
  const producer = new Producer({ ...base, serializers: stringSerializers })
  const open = new Set<ForeignMember>()

  async function consume(groupId: string, topic: string) {
    const consumer = new Consumer({
      ...base,
      groupId,
      deserializers: stringDeserializers,
      sessionTimeout: 10_000,
      rebalanceTimeout: 20_000,
      heartbeatInterval: 300,
      maxWaitTime: 100,
    })
    const received: Row[] = []
    const next = new Map<number, bigint>()
    consumer.on('consumer:group:join', () => next.clear())
    const stream = await consumer.consume({ topics: [topic], autocommit: false, mode: 'committed', fallbackMode: 'earliest' })
    stream.on('data', (message) => {
      received.push({ key: message.key!, value: message.value!, origin: message.headers.get('origin')! })
      next.set(message.partition, message.offset + 1n)
    })
    const member: ForeignMember = {
      received,
      partitions: () =>
        consumer.isActive() ? (consumer.assignments?.find((assignment) => assignment.topic === topic)?.partitions ?? []) : [],
      commit: () => consumer.commit({ offsets: [...next].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: -1 })) }),
      async leave() {
        open.delete(member)
        await stream.close()
        await consumer.close(true)
      },
    }
    open.add(member)
    return member
  }

  return {
    codecs,
    async createTopic(topic, partitions) {
      await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
    },
    async produce(topic, codec, rows) {
      await producer.send({
        acks: -1,
        compression: codec as Codec,
        messages: rows.map(({ key, value, origin }) => ({ topic, key, value, headers: { origin } })),
      })
    },
    join: consume,
    async close() {
      await Promise.all([...open].map((member) => member.leave()))
      await Promise.all([producer.close(), admin.close()])
    },
  }
}

conforms('platformatic', open)
