/** The actors' client @platformatic/kafka. It does not leave out aborted records, so it reads at read_uncommitted only. */
import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { type ForeignReader, type ForeignTransactionalProducer, type ReaderOptions, type Sends, timings } from './foreign-client.ts'
import type { PlacedRecord } from './history.ts'
import { keyOf } from './scene.ts'

const clientOptions = (bootstrap: string) => ({
  clientId: 'platformatic',
  bootstrapBrokers: [bootstrap],
  connectTimeout: timings.connectionTimeoutMs,
  requestTimeout: timings.requestTimeoutMs,
  retries: 40,
  retryDelay: 100,
})

type Sender = Pick<Producer<string, string, string, string>, 'send'>

const sends = (sender: Sender): Sends => ({
  async send(topic, partition, values) {
    const { offsets } = await sender.send({ messages: values.map((value) => ({ topic, partition, value })) })
    const offset = Number(offsets?.find((at) => at.topic === topic && at.partition === partition)?.offset ?? -1)
    return offset < 0 ? null : offset
  },
})

/** The timeout of its transactions is that of its requests. */
export async function platformaticTransactions(bootstrap: string, transactionalId: string): Promise<ForeignTransactionalProducer> {
  const producer = new Producer({
    ...clientOptions(bootstrap),
    timeout: timings.transactionTimeoutMs,
    idempotent: true,
    transactionalId,
    serializers: stringSerializers,
  })
  return {
    async begin() {
      const transaction = await producer.beginTransaction()
      return {
        ...sends(transaction),
        sendOffset() {
          throw new Error('@platformatic/kafka commits positions of its own messages only')
        },
        commit: () => transaction.commit(),
        abort: () => transaction.abort(),
      }
    },
    close: () => producer.close(true),
  }
}

export async function platformaticReader(
  bootstrap: string,
  { topics, isolation, group, onRecords, onAssigned, onStopped }: ReaderOptions,
): Promise<ForeignReader> {
  if (isolation !== 'read_uncommitted') throw new Error('@platformatic/kafka hands out aborted records')
  const consumer = new Consumer({
    ...clientOptions(bootstrap),
    groupId: group ?? 'platformatic',
    deserializers: stringDeserializers,
    isolationLevel: 0,
    sessionTimeout: timings.sessionTimeoutMs,
    heartbeatInterval: timings.heartbeatIntervalMs,
    maxWaitTime: 100,
  })
  const last = new Map<string, number>()
  /** Keys that have not gone back since the last rebalance. */
  const mayGoBack = new Set<string>()
  consumer.on('consumer:group:join', () => {
    for (const key of last.keys()) mayGoBack.add(key)
  })
  const stream = await consumer.consume({ topics: [...topics], autocommit: false, mode: 'committed', fallbackMode: 'earliest' })
  stream.on('error', onStopped)
  /** What arrives until the poll before it is handed over. */
  let waiting: PlacedRecord[] | null = null
  let delivery = Promise.resolve()
  stream.on('data', ({ topic, partition, offset, value }) => {
    const record = { key: keyOf(topic, partition), offset: Number(offset), value: value! }
    // After a rebalance what it had buffered comes first, and then it goes back to the committed position.
    if (record.offset <= (last.get(record.key) ?? -1) && mayGoBack.delete(record.key)) {
      waiting = null
      delivery = delivery.then(onAssigned)
    }
    last.set(record.key, record.offset)
    if (waiting !== null) return void waiting.push(record)
    const records = [record]
    waiting = records
    delivery = delivery.then(() => {
      if (waiting === records) waiting = null
      return onRecords(records)
    })
  })
  return {
    commit: (topic, partition, offset) => consumer.commit({ offsets: [{ topic, partition, offset: BigInt(offset), leaderEpoch: -1 }] }),
    async close() {
      await stream.close()
      await delivery
      await consumer.close(true)
    },
  }
}
