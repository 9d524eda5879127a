/**
 * How long does a transaction of one record take? A client on one connection runs them one after the other, as transaction.version 2 has
 * them (Produce, EndTxn) and as version 1 has (AddPartitionsToTxn, Produce, EndTxn); then sixteen clients at a time. Compared with Apache
 * Kafka, which does not sync to the disk: ours once as it is and once with log.flush=os.
 */
import produce from '../core/apis/00-produce.ts'
import findCoordinator from '../core/apis/10-find-coordinator.ts'
import initProducerId from '../core/apis/22-init-producer-id.ts'
import addPartitionsToTxn from '../core/apis/24-add-partitions-to-txn.ts'
import endTxn from '../core/apis/26-end-txn.ts'
import { errorCode, errorName } from '../core/errors.ts'
import { encodeBatch } from '../core/wire/record-batch.ts'
import { type Comparison, KAFKA, type Side, startContender, TRIBUTARY, turnAbout } from './contenders.ts'
import { createTopic } from './produce.ts'
import { RawConnection } from './raw-connection.ts'
import { quantile, show } from './table.ts'

const WARM_UP = 300
const TRANSACTIONS = 1_500
const CLIENTS = 16
const PER_CLIENT = 200
const RECORD_BYTES = 100
const TOPIC = 'transactions'
const READY_MS = 30_000

type TransactionVersion = 1 | 2
const apiVersions = { 1: { produce: 11, end: 4 }, 2: { produce: 12, end: 5 } } as const

/** The broker may still be writing the markers of the transaction before; a client asks again. */
const retried = new Set(
  ['CONCURRENT_TRANSACTIONS', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR'].map(codeOf),
)

function codeOf(name: string): number {
  return errorCode(name as Parameters<typeof errorCode>[0])
}

/** Repeats `request` while its error says so, and fails on any other. */
async function accepted<T>(what: string, request: () => Promise<T>, codeIn: (answer: T) => number): Promise<T> {
  const deadline = performance.now() + READY_MS
  for (;;) {
    const answer = await request()
    const code = codeIn(answer)
    if (code === 0) return answer
    if (!retried.has(code) || performance.now() > deadline) throw new Error(`${what}: ${errorName(code)}`)
  }
}

class TransactionalConnection {
  readonly #connection: RawConnection
  readonly #transactionalId: string
  readonly #version: TransactionVersion
  readonly #partition: number
  #producerId = -1
  #producerEpoch = -1
  #sequence = 0

  private constructor(connection: RawConnection, transactionalId: string, version: TransactionVersion, partition: number) {
    this.#connection = connection
    this.#transactionalId = transactionalId
    this.#version = version
    this.#partition = partition
  }

  static async open(address: string, transactionalId: string, version: TransactionVersion, partition: number) {
    const connection = await RawConnection.open(address)
    const opened = new TransactionalConnection(connection, transactionalId, version, partition)
    await accepted(
      'FindCoordinator',
      () => connection.request(findCoordinator, 2, { key: transactionalId, keyType: 1 }),
      (answer) => answer.errorCode ?? 0,
    )
    const init = { transactionalId, transactionTimeoutMs: 60_000 }
    const { producerId, producerEpoch } = await accepted(
      'InitProducerId',
      () => connection.request(initProducerId, 4, init),
      (answer) => answer.errorCode,
    )
    opened.#producerId = producerId
    opened.#producerEpoch = producerEpoch
    return opened
  }

  /** One record, committed; resolves with the milliseconds. */
  async transact(value: Buffer): Promise<number> {
    const startedMs = performance.now()
    const identity = { producerId: this.#producerId, producerEpoch: this.#producerEpoch }
    const [partition, transactionalId] = [this.#partition, this.#transactionalId]
    if (this.#version === 1) {
      await accepted(
        'AddPartitionsToTxn',
        () =>
          this.#connection.request(addPartitionsToTxn, 3, {
            v3AndBelowTransactionalId: transactionalId,
            v3AndBelowProducerId: identity.producerId,
            v3AndBelowProducerEpoch: identity.producerEpoch,
            v3AndBelowTopics: [{ name: TOPIC, partitions: [partition] }],
          }),
        (answer) => answer.resultsByTopicV3AndBelow![0]!.resultsByPartition[0]!.partitionErrorCode,
      )
    }
    const batch = { ...identity, baseSequence: this.#sequence, transactional: true }
    const records = encodeBatch([{ key: null, value, timestamp: Date.now() }], batch)
    const topicData = [{ name: TOPIC, partitionData: [{ index: partition, records }] }]
    await accepted(
      'Produce',
      () =>
        this.#connection.request(produce, apiVersions[this.#version].produce, { transactionalId, acks: -1, timeoutMs: 30_000, topicData }),
      (answer) => answer.responses[0]!.partitionResponses[0]!.errorCode,
    )
    const end = { transactionalId, ...identity, committed: true }
    const ended = await accepted(
      'EndTxn',
      () => this.#connection.request(endTxn, apiVersions[this.#version].end, end),
      (answer) => answer.errorCode,
    )
    this.#sequence++
    if (this.#version === 2) {
      this.#producerId = ended.producerId!
      this.#producerEpoch = ended.producerEpoch!
      this.#sequence = 0
    }
    return performance.now() - startedMs
  }

  close(): void {
    this.#connection.close()
  }
}

async function oneAfterAnother(address: string, version: TransactionVersion): Promise<number[]> {
  const value = Buffer.alloc(RECORD_BYTES, 'calm rising ')
  const client = await TransactionalConnection.open(address, `alone-${version}`, version, 0)
  for (let done = 0; done < WARM_UP; done++) await client.transact(value)
  const latencies: number[] = []
  for (let done = 0; done < TRANSACTIONS; done++) latencies.push(await client.transact(value))
  client.close()
  return latencies
}

/** Transactions per second of clients that each write to their own partition. */
async function atOnce(address: string): Promise<number> {
  const value = Buffer.alloc(RECORD_BYTES, 'calm rising ')
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, (_, index) => TransactionalConnection.open(address, `together-${index}`, 2, index)),
  )
  const each = (count: number) =>
    Promise.all(
      clients.map(async (client) => {
        for (let done = 0; done < count; done++) await client.transact(value)
      }),
    )
  await each(PER_CLIENT / 10)
  const startedMs = performance.now()
  await each(PER_CLIENT)
  const seconds = (performance.now() - startedMs) / 1000
  for (const client of clients) client.close()
  return (CLIENTS * PER_CLIENT) / seconds
}

async function measure(side: Side, flush: string | null, comparison: Comparison): Promise<void> {
  const broker = await startContender(side, flush === null ? {} : { 'log.flush': flush })
  // Kafka has one way to flush: its figures stand beside both of ours.
  const ways = flush === null ? ['log.flush=commit', 'log.flush=os'] : [`log.flush=${flush}`]
  const add = (figure: string, value: number) => {
    for (const way of ways) comparison.add(side, `${figure}, ${way}`, value)
  }
  try {
    await createTopic(broker.address, TOPIC, CLIENTS)
    for (const version of [2, 1] as const) {
      const latencies = await oneAfterAnother(broker.address, version)
      add(`version ${version}: p50 ms`, quantile(latencies, 0.5))
      add(`version ${version}: p99 ms`, quantile(latencies, 0.99))
    }
    add(`${CLIENTS} clients: transactions/s`, await atOnce(broker.address))
  } finally {
    await broker.stop()
  }
}

async function main(): Promise<void> {
  const rows = await turnAbout(async (side, comparison) => {
    for (const flush of side === TRIBUTARY ? ['commit', 'os'] : [null]) await measure(side, flush, comparison)
  })
  show(`How long does a transaction of one record take? ${KAFKA} does not sync to the disk.`, rows)
}

if (import.meta.main) await main()
