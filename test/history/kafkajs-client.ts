/**
 * The actors' client kafkajs. It reads at read_uncommitted, or alone with one transactional writer: where several aborted transactions
 * overlap in what it fetches, it hands out records of one of them.
 */
import kafkajs from 'kafkajs'
import {
  type ForeignProducer,
  type ForeignReader,
  type ForeignTransactionalProducer,
  type ReaderOptions,
  type Sends,
  timings,
} from './foreign-client.ts'
import { keyOf } from './scene.ts'

const { Kafka, logLevel } = kafkajs

const kafkaOf = (bootstrap: string) =>
  new Kafka({
    brokers: [bootstrap],
    clientId: 'kafkajs',
    logLevel: logLevel.NOTHING,
    connectionTimeout: timings.connectionTimeoutMs,
    requestTimeout: timings.requestTimeoutMs,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 12 },
  })

type Sender = Pick<kafkajs.Producer, 'send'>

const sends = (sender: Sender): Sends => ({
  async send(topic, partition, values) {
    const [answer] = await sender.send({ topic, messages: values.map((value) => ({ key: null, value, partition })) })
    const offset = Number(answer!.baseOffset)
    return offset < 0 ? null : offset
  },
})

export async function kafkajsProducer(bootstrap: string): Promise<ForeignProducer> {
  const producer = kafkaOf(bootstrap).producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  return { ...sends(producer), close: () => producer.disconnect() }
}

export async function kafkajsTransactions(bootstrap: string, transactionalId: string): Promise<ForeignTransactionalProducer> {
  const producer = kafkaOf(bootstrap).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    transactionalId,
    transactionTimeout: timings.transactionTimeoutMs,
  })
  await producer.connect()
  return {
    async begin() {
      const transaction = await producer.transaction()
      return {
        ...sends(transaction),
        sendOffset: (consumerGroupId, topic, partition, offset) =>
          transaction.sendOffsets({ consumerGroupId, topics: [{ topic, partitions: [{ partition, offset: `${offset}` }] }] }),
        commit: () => transaction.commit(),
        abort: () => transaction.abort(),
      }
    },
    close: () => producer.disconnect(),
  }
}

/** Always a member of a group: kafkajs has no other consumers. */
export async function kafkajsReader(
  bootstrap: string,
  { topics, isolation, group, onRecords, onAssigned, onStopped }: ReaderOptions,
): Promise<ForeignReader> {
  const consumer = kafkaOf(bootstrap).consumer({
    groupId: group ?? 'kafkajs',
    readUncommitted: isolation === 'read_uncommitted',
    sessionTimeout: timings.sessionTimeoutMs,
    heartbeatInterval: timings.heartbeatIntervalMs,
    maxWaitTimeInMs: 100,
  })
  consumer.on(consumer.events.GROUP_JOIN, onAssigned)
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) onStopped()
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [...topics], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    async eachBatch({ batch, resolveOffset, isRunning, isStale }) {
      if (!isRunning() || isStale() || batch.messages.length === 0) return
      const key = keyOf(batch.topic, batch.partition)
      await onRecords(batch.messages.map(({ offset, value }) => ({ key, offset: Number(offset), value: value!.toString() })))
      resolveOffset(batch.lastOffset())
    },
  })
  return {
    commit: (topic, partition, offset) => consumer.commitOffsets([{ topic, partition, offset: `${offset}` }]),
    close: () => consumer.disconnect(),
  }
}
