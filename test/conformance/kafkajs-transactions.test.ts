/**
 * Goal: transactions of kafkajs work unchanged: it speaks the protocol of transaction.version 0 and 1 only. Method: the scenario.
 */
import kafkajs, { type Producer, type Transaction } from 'kafkajs'
import {
  conformsInTransactions,
  type TransactionalClient,
  type TransactionalProducer,
  type TransactionReader,
} from './transaction-scenario.ts'

const { Kafka, logLevel, Partitioners } = kafkajs

interface Member extends TransactionReader {
  readonly group: string
  readonly topic: string
  readonly next: ReadonlyMap<number, string>
}

async function open(address: string): Promise<TransactionalClient> {
  const kafka = new Kafka({ brokers: [address], clientId: 'kafkajs', logLevel: logLevel.NOTHING })

  function transactional(producer: Producer): TransactionalProducer {
    let transaction: Transaction | undefined
    const current = (): Transaction => {
      if (!transaction) throw new Error('begin a transaction first')
      return transaction
    }
    return {
      async begin() {
        transaction = await producer.transaction()
      },
      async send(topic, partition, values) {
        const messages = values.map((value) => ({ value, partition }))
        // The broker may still be writing the markers of the transaction before; kafkajs leaves the retry to its user.
        for (;;) {
          const refused = await current()
            .send({ topic, messages })
            .then(
              () => undefined,
              (error: { type?: string }) => error,
            )
          if (!refused) return
          if (refused.type !== 'CONCURRENT_TRANSACTIONS') throw refused
        }
      },
      async sendOffsets(reader) {
        const { group, topic, next } = reader as Member
        const partitions = [...next].map(([partition, offset]) => ({ partition, offset }))
        await current().sendOffsets({ consumerGroupId: group, topics: [{ topic, partitions }] })
      },
      commit: () => current().commit(),
      abort: () => current().abort(),
      close: () => producer.disconnect(),
    }
  }

  return {
    async producer(transactionalId, transactionTimeout) {
      const producer = kafka.producer({
        transactionalId,
        transactionTimeout,
        maxInFlightRequests: 1,
        createPartitioner: Partitioners.DefaultPartitioner,
      })
      await producer.connect()
      return transactional(producer)
    },
    async reader(topic, isolation, group = `reads-${isolation}-${topic}`) {
      const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 100, readUncommitted: isolation === 'read_uncommitted' })
      const values: string[] = []
      const next = new Map<number, string>()
      await consumer.connect()
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachMessage: async ({ partition, message }) => {
          values.push(message.value!.toString())
          next.set(partition, String(BigInt(message.offset) + 1n))
        },
      })
      const member: Member = { values, group, topic, next, close: () => consumer.disconnect() }
      return member
    },
    isFenced: (error) => ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'].includes(String((error as { type?: string }).type)),
    close: async () => {},
  }
}

// With each record kafkajs begins to leave out one more of the aborted transactions of a response: of several open ones it shows records.
// From Apache Kafka, whose responses end with a segment, it does not get past a batch that compaction has emptied and that comes alone.
conformsInTransactions('kafkajs', open, { leaks: 'of overlapping transactions' })
