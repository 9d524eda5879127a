/**
 * Goal: transactions of @platformatic/kafka work unchanged: newer versions of the APIs than kafkajs has, of transaction.version 1.
 * Method: the scenario.
 */
import { randomUUID } from 'node:crypto'
import { Consumer, type Message, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import {
  conformsInTransactions,
  FENCED_CODES,
  type TransactionalClient,
  type TransactionalProducer,
  type TransactionReader,
} from './transaction-scenario.ts'

type Received = Message<string, string, string, string>

interface Member extends TransactionReader {
  readonly consumer: Consumer<string, string, string, string>
  readonly last: ReadonlyMap<number, Received>
}

/** The client gives up a request that the broker cannot serve yet after few attempts, unless told otherwise. */
const retrying = { retries: 20, retryDelay: 100 }

async function open(address: string): Promise<TransactionalClient> {
  const base = { clientId: 'platformatic', bootstrapBrokers: [address], ...retrying }

  function transactional(producer: Producer<string, string, string, string>): TransactionalProducer {
    const current = () => {
      if (!producer.transaction) throw new Error('begin a transaction first')
      return producer.transaction
    }
    return {
      async begin() {
        await producer.beginTransaction()
      },
      async send(topic, partition, values) {
        await current().send({ acks: -1, messages: values.map((value) => ({ topic, partition, value })) })
      },
      async sendOffsets(reader) {
        const { consumer, last } = reader as Member
        await current().addConsumer(consumer)
        for (const message of last.values()) await current().addOffset(message)
      },
      commit: () => current().commit(),
      abort: () => current().abort(),
      close: () => producer.close(),
    }
  }

  return {
    async producer(transactionalId, timeout) {
      const options = { ...base, transactionalId, timeout, idempotent: true, serializers: stringSerializers }
      // Without a producer id: by default the client names 0, which the broker takes for a producer that knows its id.
      const producer = new Producer({ ...options, producerId: -1n, producerEpoch: -1 })
      // Fences the twin at once, as initTransactions does; the client has no other call for it.
      await (await producer.beginTransaction()).cancel()
      return transactional(producer)
    },
    async reader(topic, isolation, group = `reads-${randomUUID()}`) {
      const consumer = new Consumer({
        ...base,
        groupId: group,
        deserializers: stringDeserializers,
        maxWaitTime: 100,
        isolationLevel: isolation === 'read_committed' ? 1 : 0,
      })
      const values: string[] = []
      const last = new Map<number, Received>()
      const stream = await consumer.consume({ topics: [topic], autocommit: false, mode: 'committed', fallbackMode: 'earliest' })
      stream.on('data', (message) => {
        values.push(message.value!)
        last.set(message.partition, message)
      })
      const member: Member = {
        values,
        consumer,
        last,
        async close() {
          await stream.close()
          await consumer.close(true)
        },
      }
      return member
    },
    isFenced: (error) => fencedCode(error),
    close: async () => {},
  }
}

/** The code is in the error of the protocol, which lies in others. */
function fencedCode(error: unknown): boolean {
  const { apiCode, errors, cause } = error as { apiCode?: number; errors?: unknown[]; cause?: unknown }
  if (apiCode !== undefined && FENCED_CODES.includes(apiCode)) return true
  return [...(errors ?? []), ...(cause ? [cause] : [])].some(fencedCode)
}

// The client leaves out only the last aborted transaction of each producer in a response.
conformsInTransactions('platformatic', open, { leaks: 'of any transaction' })
