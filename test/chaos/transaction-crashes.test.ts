/**
 * Goal: kill -9 of the broker tears no transaction (Invariants 1 and 4): a committed one is in all of its partitions, an aborted one in
 * none, and one whose end was not acknowledged is in all or in none. Method: a transactional producer of raw requests writes one record
 * to each partition in each transaction, while the broker is killed at random moments; then everything is read back as a read-committed
 * consumer reads it. TRIBUTARY_TEST_SEED=n repeats the moments.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import produce from '../../core/apis/00-produce.ts'
import fetch from '../../core/apis/01-fetch.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import initProducerId from '../../core/apis/22-init-producer-id.ts'
import endTxn from '../../core/apis/26-end-txn.ts'
import describeTransactions from '../../core/apis/65-describe-transactions.ts'
import { attributes } from '../../core/wire/batch-header.ts'
import { batches, decodeRecords, encodeBatch } from '../../core/wire/record-batch.ts'
import { seededRandom } from '../random.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { startTestBroker, type TestBroker } from '../running-broker.ts'
import { until } from '../until.ts'

const ROUNDS = 8
const PARTITIONS = [0, 1, 2]
const TRANSACTIONAL_ID = 'chaos'
let topic = { name: 'chaos', topicId: '' }

type End = 'committed' | 'aborted' | 'unknown'

/** A transactional producer that begins anew after every error, as its application would. */
class Producer {
  readonly #broker: TestBroker
  readonly ends = new Map<number, End>()
  readonly #random: () => number
  #client: RawClient | null = null
  #identity = { producerId: -1, producerEpoch: -1 }
  #serial = 0

  constructor(broker: TestBroker, random: () => number) {
    this.#broker = broker
    this.#random = random
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#client ??= await this.#initialized(signal)
        await this.#transaction(this.#client)
      } catch {
        this.#client?.close()
        this.#client = null
        await pause(10)
      }
    }
    this.#client?.close()
  }

  async #initialized(signal: AbortSignal): Promise<RawClient> {
    const client = await rawClient(this.#broker.port)
    try {
      await client.send(findCoordinator, 4, { coordinatorKeys: [TRANSACTIONAL_ID], keyType: 1 })
      while (!signal.aborted) {
        const request = { transactionalId: TRANSACTIONAL_ID, transactionTimeoutMs: 60_000 }
        const { errorCode, producerId, producerEpoch } = await client.send(initProducerId, 5, request)
        if (errorCode === 0) {
          this.#identity = { producerId, producerEpoch }
          return client
        }
        await pause(5)
      }
      throw new Error('the test is over')
    } catch (error) {
      client.close()
      throw error
    }
  }

  async #transaction(client: RawClient): Promise<void> {
    const serial = this.#serial++
    this.ends.set(serial, 'unknown')
    const transactionalId = TRANSACTIONAL_ID
    const { producerId, producerEpoch } = this.#identity
    const record = { key: null, value: Buffer.from(String(serial)), timestamp: Date.now() }
    const partitionData = PARTITIONS.map((index) => ({
      index,
      records: encodeBatch([record], { producerId, producerEpoch, baseSequence: 0, transactional: true }),
    }))
    const { responses } = await client.send(produce, 13, {
      transactionalId,
      acks: -1,
      timeoutMs: 5000,
      topicData: [{ ...topic, partitionData }],
    })
    const failed = responses[0]!.partitionResponses.some(({ errorCode }) => errorCode !== 0)
    const committed = !failed && this.#random() < 0.7
    const ended = await client.send(endTxn, 5, { transactionalId, producerId, producerEpoch, committed })
    if (ended.errorCode !== 0) throw new Error(`EndTxn: ${ended.errorCode}`)
    this.ends.set(serial, committed ? 'committed' : 'aborted')
    this.#identity = { producerId: ended.producerId, producerEpoch: ended.producerEpoch }
  }
}

/** What a read-committed consumer sees of a partition. */
async function readCommitted(client: RawClient, partition: number): Promise<number[]> {
  const seen: number[] = []
  let offset = 0
  for (;;) {
    const partitions = [{ partition, fetchOffset: offset, partitionMaxBytes: 1_000_000 }]
    const request = { maxWaitMs: 0, minBytes: 1, maxBytes: 10_000_000, isolationLevel: 1, sessionId: 0, sessionEpoch: -1 }
    const { responses } = await client.send(fetch, 13, { ...request, topics: [{ ...topic, topic: topic.name, partitions }] })
    const { errorCode, lastStableOffset, highWatermark, abortedTransactions, records } = responses[0]!.partitions[0]!
    expect(errorCode).toBe(0)
    if (offset >= lastStableOffset) {
      expect(lastStableOffset, 'no transaction is open').toBe(highWatermark)
      return seen
    }
    const aborted = [...(abortedTransactions ?? [])].sort((a, b) => a.firstOffset - b.firstOffset)
    const open = new Set<number>()
    for (const { header, bytes } of batches(records ?? Buffer.alloc(0))) {
      while (aborted.length > 0 && aborted[0]!.firstOffset <= header.lastOffset) open.add(aborted.shift()!.producerId)
      if ((header.attributes & attributes.control) !== 0) open.delete(header.producerId)
      else if (!open.has(header.producerId)) for (const { value } of decodeRecords(bytes)) seen.push(Number(value))
      offset = header.lastOffset + 1
    }
  }
}

test('kill -9 under a transactional producer: each transaction is in all of its partitions, or in none', { timeout: 240_000 }, async () => {
  const random = seededRandom()
  const broker = await startTestBroker({ 'transaction.state.log.num.partitions': 3 })
  onTestFinished(() => broker.stop())
  const admin = await rawClient(broker.port)
  const created = await admin.send(createTopics, 7, {
    topics: [{ name: topic.name, numPartitions: PARTITIONS.length, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs: 10_000,
    validateOnly: false,
  })
  admin.close()
  topic = { ...topic, topicId: created.topics[0]!.topicId }

  const stop = new AbortController()
  const producer = new Producer(broker, random)
  const running = producer.run(stop.signal)
  for (let round = 0; round < ROUNDS; round++) {
    const before = producer.ends.size
    await until(() => producer.ends.size > before + 5 + random() * 30, 'the producer goes on', 60_000)
    await broker.kill()
    await broker.start()
  }
  stop.abort()
  await running

  // A transaction that the last kill left open is ended by the next producer.
  const client = await rawClient(broker.port)
  onTestFinished(() => client.close())
  await client.send(findCoordinator, 4, { coordinatorKeys: [TRANSACTIONAL_ID], keyType: 1 })
  await until(async () => {
    const request = { transactionalId: TRANSACTIONAL_ID, transactionTimeoutMs: 60_000 }
    return (await client.send(initProducerId, 5, request)).errorCode === 0
  }, 'the last transaction is ended')
  const { transactionStates } = await client.send(describeTransactions, 0, { transactionalIds: [TRANSACTIONAL_ID] })
  expect(transactionStates[0]).toMatchObject({ errorCode: 0, transactionState: 'Empty', topics: [] })

  const read: number[][] = []
  for (const partition of PARTITIONS) read.push(await readCommitted(client, partition))
  const [first, ...others] = read
  for (const other of others) expect(other).toEqual(first)
  expect(first).toEqual([...new Set(first)].sort((a, b) => a - b))
  const seen = new Set(first)
  for (const [serial, end] of producer.ends)
    if (end !== 'unknown') expect([serial, seen.has(serial)]).toEqual([serial, end === 'committed'])
  expect([...producer.ends.values()].filter((end) => end === 'committed').length).toBeGreaterThan(ROUNDS)
})
