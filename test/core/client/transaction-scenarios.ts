/**
 * What the transactional producer must do on any cluster: the same tests run against our broker and against Apache Kafka
 * (test/peers/transactions.test.ts), with and without transaction.version 2. `server` can be killed and started again on its port and data;
 * it aborts transactions that have timed out every second or more often.
 */
import { expect, it, onTestFinished } from 'vitest'
import produce from '../../../core/apis/00-produce.ts'
import apiVersions from '../../../core/apis/18-api-versions.ts'
import initProducerId from '../../../core/apis/22-init-producer-id.ts'
import addPartitionsToTxn from '../../../core/apis/24-add-partitions-to-txn.ts'
import addOffsetsToTxn from '../../../core/apis/25-add-offsets-to-txn.ts'
import endTxn from '../../../core/apis/26-end-txn.ts'
import txnOffsetCommit from '../../../core/apis/28-txn-offset-commit.ts'
import {
  type Client,
  type Consumer,
  createClient,
  isAbortable,
  isFatal,
  isFenced,
  type TopicPartition,
  type TransactionalProducer,
} from '../../../core/client/index.ts'
import { connectTcp } from '../../../core/client/transport/connection.ts'
import type { KafkaError } from '../../../core/errors.ts'
import type { Api, ResponseOf } from '../../../core/wire/api.ts'
import { attributes, type BatchHeader } from '../../../core/wire/batch-header.ts'
import { batches } from '../../../core/wire/record-batch.ts'
import { faultProxy } from '../../fault-proxy.ts'
import { seededRandom } from '../../random.ts'
import { responseProxy } from '../../response-proxy.ts'
import { until } from '../../until.ts'
import { clientOf, record, type Server, system, topicOf, unique } from './scenarios.ts'

const range = (count: number) => Array.from({ length: count }, (_, index) => index)
const partitionsOf = (topic: string, count: number): TopicPartition[] => range(count).map((partition) => ({ topic, partition }))
const nobody = (groupId: string) => ({ groupId, generationId: -1, memberId: '' })

export const failureOf = (promise: Promise<unknown>): Promise<KafkaError | null> =>
  promise.then(
    () => null,
    (error) => error,
  )

/** All values that a consumer sees up to the end of the partitions, by partition. */
export async function readAll(client: Client, topic: string, partitions = 1, isolationLevel?: 'read_uncommitted'): Promise<string[][]> {
  const consumer = client.consumer({ isolationLevel: isolationLevel ?? 'read_committed', fetchMaxWaitMs: 50 })
  const read: string[][] = range(partitions).map(() => [])
  try {
    const ends = await client.admin.listOffsets(partitionsOf(topic, partitions).map((entry) => ({ ...entry, spec: 'latest' as const })))
    consumer.assign(partitionsOf(topic, partitions).map((entry) => ({ ...entry, offset: 'earliest' as const })))
    await until(async () => {
      for (const batch of await consumer.poll(100)) read[batch.partition]!.push(...batch.records.map(({ value }) => value!.toString()))
      return ends.every(({ partition, offset }) => (consumer.position({ topic, partition }) ?? 0) >= offset)
    }, `all records of ${topic} are read, and none of them belongs to an open transaction`)
    return read
  } finally {
    await consumer.close()
  }
}

/** Of partition 0. Waits for the markers of a transaction that has been committed or aborted; 0 where there is no offset. */
async function committedOffset(client: Client, groupId: string, topic: string): Promise<number> {
  const consumer = client.consumer({ groupId })
  try {
    return (await consumer.committed([{ topic, partition: 0 }])).get(`${topic}-0`) ?? 0
  } finally {
    await consumer.close()
  }
}

/** The headers of the batches with records in partition 0. */
export async function dataBatches(client: Client, topic: string): Promise<BatchHeader[]> {
  const { id, partitions } = (await client.topic(topic))!
  const place = { topic, topicId: id, partition: 0, offset: 0, leaderEpoch: -1 }
  const limits = { maxWaitMs: 0, minBytes: 0, maxBytes: 1e6, partitionMaxBytes: 1e6, isolationLevel: 1 as const }
  const [fetched] = await client.raw().fetch(partitions[0]!.leader, [place], limits)
  return [...batches(fetched!.records)].map(({ header }) => header).filter((header) => (header.attributes & attributes.control) === 0)
}

/** Aborts and begins again until the transaction is committed, as an application does. */
export async function untilCommitted(producer: TransactionalProducer, work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    producer.beginTransaction()
    try {
      await work()
      await producer.commitTransaction()
      return
    } catch (error) {
      if (!isAbortable(error) || attempt > 20) throw error
      await producer.abortTransaction()
    }
  }
}

interface Round {
  topic: string
  groupId: string
  round: number
  /** Records in both partitions. */
  count: number
  /** For the records, before the end of the transaction. */
  waits: boolean
  isAborted: boolean
}

/** A transaction of records and an offset. What it commits is added to `expected`, by partition. */
async function transactRound(
  producer: TransactionalProducer,
  { topic, groupId, round, count, waits, isAborted }: Round,
  expected: string[][],
): Promise<void> {
  const values = range(count).map((index) => ({ value: `${round}/${index}`, partition: index % 2 }))
  const work = async () => {
    const sent = producer.send(values.map(({ value, partition }) => record(topic, value, { partition })))
    sent.catch(() => {})
    await producer.sendOffsets([{ topic, partition: 0, offset: round + 1 }], nobody(groupId))
    if (waits) await sent
  }
  if (isAborted) {
    producer.beginTransaction()
    await work()
    await producer.abortTransaction()
    return
  }
  await untilCommitted(producer, work)
  for (const { value, partition } of values) expected[partition]!.push(value)
}

/** A client whose connections all lead to `port`. */
export function clientThrough(port: number, settings: Partial<Parameters<typeof createClient>[0]> = {}): Client {
  const client = createClient({ bootstrapServers: `127.0.0.1:${port}`, clientId: 'test', ...settings }, system, {
    connect: (_, signal) => connectTcp({ host: '127.0.0.1', port }, signal),
  })
  onTestFinished(() => client.close())
  return client
}

const portOf = (server: Server) => Number(server.address.split(':')[1])

/** A client that supports lower versions of some APIs, as an older broker would. */
async function cappedClient(server: Server, caps: Readonly<Record<number, number>>): Promise<Client> {
  const proxy = await responseProxy(portOf(server), apiVersions, (response) => ({
    ...response,
    apiKeys: response.apiKeys.map((range) => ({ ...range, maxVersion: Math.min(range.maxVersion, caps[range.apiKey] ?? 99) })),
  }))
  onTestFinished(() => proxy.close())
  return clientThrough(proxy.port)
}

/** `version` is the cluster's transaction.version. */
export function transactionScenarios(server: () => Server, version: 0 | 1 | 2): void {
  it('commits records and offsets together, and aborts them together', async () => {
    const client = clientOf(server())
    const topic = await topicOf(client, 3)
    const groupId = unique('group')
    const producer = client.producer({ transactionalId: unique('tx'), batchSize: 100 })
    await producer.initTransactions()
    const committed: string[][] = [[], [], []]
    for (const round of range(12)) {
      producer.beginTransaction()
      const values = range(30).map((index) => ({ value: `${round}/${index}`, partition: (round + index) % 3 }))
      const sent = producer.send(values.map(({ value, partition }) => record(topic, value, { partition })))
      sent.catch(() => {})
      await producer.sendOffsets([{ topic, partition: 0, offset: round + 1, metadata: `round ${round}` }], nobody(groupId))
      if (round % 3 === 1) {
        if (round % 2 === 0) await sent
        await producer.abortTransaction()
      } else {
        await producer.commitTransaction()
        expect((await sent).failures).toBe(null)
        for (const { value, partition } of values) committed[partition]!.push(value)
      }
      expect(await committedOffset(client, groupId, topic)).toBe(round % 3 === 1 ? round : round + 1)
    }
    expect(await readAll(client, topic, 3)).toEqual(committed)
  })

  it('uses the protocol of the cluster', async () => {
    const client = clientOf(server())
    const topic = await topicOf(client)
    const producer = client.producer({ transactionalId: unique('tx') })
    await producer.initTransactions()
    for (const value of ['a', 'b', 'c']) await untilCommitted(producer, () => producer.send([record(topic, value)]))
    await until(async () => (await dataBatches(client, topic)).length === 3, 'the last transaction is committed')
    const data = await dataBatches(client, topic)
    const epochs = data.map(({ producerEpoch }) => producerEpoch)
    const sequences = data.map(({ baseSequence }) => baseSequence)
    if (version === 2) {
      expect(epochs).toEqual([epochs[0], epochs[0]! + 1, epochs[0]! + 2])
      expect(sequences).toEqual([0, 0, 0])
    } else {
      expect(epochs).toEqual([epochs[0], epochs[0], epochs[0]])
      expect(sequences).toEqual([0, 1, 2])
    }
  })

  it('ends transactions of nothing, and of offsets alone', async () => {
    const client = clientOf(server())
    const topic = await topicOf(client)
    const groupId = unique('group')
    const producer = client.producer({ transactionalId: unique('tx') })
    await producer.initTransactions()
    for (const end of ['commitTransaction', 'abortTransaction'] as const) {
      producer.beginTransaction()
      await producer.sendOffsets([], nobody(groupId))
      await producer[end]()
    }
    await untilCommitted(producer, () => producer.sendOffsets([{ topic, partition: 0, offset: 5 }], nobody(groupId)))
    expect(await committedOffset(client, groupId, topic)).toBe(5)
    producer.beginTransaction()
    await producer.sendOffsets([{ topic, partition: 0, offset: 9 }], nobody(groupId))
    await producer.abortTransaction()
    expect(await committedOffset(client, groupId, topic)).toBe(5)
  })

  it('refuses calls out of order, and says what to call first', async () => {
    const client = clientOf(server())
    const topic = await topicOf(client)
    const producer = client.producer({ transactionalId: unique('tx') })
    expect(() => producer.beginTransaction()).toThrow('call initTransactions() first')
    await expect(producer.send([record(topic, 'a')])).rejects.toMatchObject({ error: 'INVALID_TXN_STATE' })
    await producer.initTransactions()
    await expect(producer.initTransactions()).rejects.toThrow('call beginTransaction() first')
    await expect(producer.send([record(topic, 'a')])).rejects.toThrow('call beginTransaction() first')
    await expect(producer.commitTransaction()).rejects.toThrow('call beginTransaction() first')
    producer.beginTransaction()
    expect(() => producer.beginTransaction()).toThrow('commit or abort the transaction first')
    const committing = producer.commitTransaction()
    await expect(producer.send([record(topic, 'a')])).rejects.toThrow('commitTransaction() has not returned its result yet')
    await committing
    expect(() => client.producer({ transactionalId: 'x', acks: 1 })).toThrow('acks=all')
    expect(() => client.producer({ transactionalId: '' })).toThrow('transactional.id is empty')
  })

  it('fences the producer that had the transactional id before, and aborts its transaction', async () => {
    const client = clientOf(server())
    const topic = await topicOf(client)
    const transactionalId = unique('tx')
    const producers = range(4).map(() => client.producer({ transactionalId }))
    const calls = [
      (producer: TransactionalProducer) => producer.commitTransaction(),
      (producer: TransactionalProducer) => producer.sendOffsets([{ topic, partition: 0, offset: 1 }], nobody(unique('group'))),
      (producer: TransactionalProducer) => producer.send([record(topic, 'late')]).then(() => producer.commitTransaction()),
    ]
    for (const [index, call] of calls.entries()) {
      const [old, twin] = [producers[index]!, producers[index + 1]!]
      if (index === 0) await old.initTransactions()
      old.beginTransaction()
      await old.send([record(topic, `of the old one ${index}`)])
      await twin.initTransactions()
      let failure = await failureOf(call(old))
      // A batch with an old epoch may also be one of a transaction that has timed out: the abort shows what it is.
      if (isAbortable(failure)) failure = await failureOf(old.abortTransaction())
      expect(isFenced(failure) && failure).toMatchObject({ error: 'PRODUCER_FENCED', message: expect.stringContaining('close this one') })
      // All later calls fail in the same way, at once.
      expect(isFenced(await failureOf(old.abortTransaction()))).toBe(true)
      expect(isFenced(await failureOf(old.send([record(topic, 'later')])))).toBe(true)
      expect(() => old.beginTransaction()).toThrow('close this one')
      await old.close()
    }
    const last = producers.at(-1)!
    await untilCommitted(last, () => last.send([record(topic, 'of the last one')]))
    expect(await readAll(client, topic)).toEqual([['of the last one']])
  })

  it('is fenced by the admin client, which aborts its transaction', async () => {
    const client = clientOf(server())
    const topic = await topicOf(client)
    const ids = [unique('tx'), unique('tx'), unique('never used')]
    const producers = ids.slice(0, 2).map((transactionalId) => client.producer({ transactionalId }))
    for (const producer of producers) {
      await producer.initTransactions()
      producer.beginTransaction()
      await producer.send([record(topic, 'open')])
    }
    expect([...(await client.admin.fenceProducers([...ids, '']))]).toEqual([
      ...ids.map((id) => [id, null]),
      ['', expect.objectContaining({ error: 'INVALID_REQUEST' })],
    ])
    for (const producer of producers) expect(isFenced(await failureOf(producer.commitTransaction()))).toBe(true)
    expect(await readAll(client, topic)).toEqual([[]])
  })

  it('goes on after the abort of a transaction with a record that cannot be stored', async () => {
    const client = clientOf(server())
    const [topic, compacted] = [await topicOf(client, 2), await topicOf(client, 1, { 'cleanup.policy': 'compact' })]
    const groupId = unique('group')
    const producer = client.producer({ transactionalId: unique('tx'), maxRequestSize: 10_000 })
    await producer.initTransactions()
    const bad = [record(compacted, 'no key'), record(topic, 'x'.repeat(20_000)), record(topic, 'y', { partition: 17 })]
    for (const [index, refused] of bad.entries()) {
      producer.beginTransaction()
      await producer.send([record(topic, `before ${index}`, { partition: 0 })])
      await producer.sendOffsets([{ topic, partition: 0, offset: 7 }], nobody(groupId))
      const failure = await failureOf(producer.send([refused]))
      expect(isAbortable(failure)).toBe(true)
      // The cause is told at once, by every call but the abort.
      const again = await failureOf(producer.send([record(topic, 'after')]))
      expect(isAbortable(again) && again!.error).toBe(failure!.error)
      expect(isAbortable(await failureOf(producer.commitTransaction()))).toBe(true)
      expect(isAbortable(await failureOf(producer.sendOffsets([{ topic, partition: 0, offset: 8 }], nobody(groupId))))).toBe(true)
      expect(() => producer.beginTransaction()).toThrow('call abortTransaction()')
      await producer.abortTransaction()
      await untilCommitted(producer, () => producer.send([record(topic, `good ${index}`, { partition: 0 })]))
    }
    // The failure is also that of a commit which finds it while it flushes.
    producer.beginTransaction()
    const unflushed = failureOf(producer.send([record(compacted, 'no key')]))
    expect(isAbortable(await failureOf(producer.commitTransaction()))).toBe(true)
    expect(isAbortable(await unflushed)).toBe(true)
    await producer.abortTransaction()
    await untilCommitted(producer, () => producer.send([record(topic, 'last', { partition: 1 })]))
    expect(await readAll(client, topic, 2)).toEqual([['good 0', 'good 1', 'good 2'], ['last']])
    expect(await readAll(client, compacted)).toEqual([[]])
    expect(await committedOffset(client, groupId, topic)).toBe(0)
  })

  const requests: [name: string, lost: Api, repeats: number][] = [
    ['InitProducerId', initProducerId as Api, 2],
    ['AddPartitionsToTxn', addPartitionsToTxn as Api, 3],
    ['AddOffsetsToTxn', addOffsetsToTxn as Api, 3],
    ['TxnOffsetCommit', txnOffsetCommit as Api, 3],
    ['Produce', produce as Api, 3],
    ['EndTxn', endTxn as Api, 3],
  ]
  const used = requests.filter(([name]) => version < 2 || !name.startsWith('Add'))
  it.each(used)('loses and doubles nothing where responses of %s are lost', async (name, api, every) => {
    let seen = 0
    let lost = 0
    const proxy = await responseProxy(portOf(server()), api, (response: ResponseOf<Api>) => {
      if (seen++ % every !== 0) return response as never
      lost++
      return null
    })
    onTestFinished(() => proxy.close())
    const client = clientThrough(proxy.port, { retryBackoffMs: 5, reconnectBackoffMs: 5 })
    const direct = clientOf(server())
    const topic = await topicOf(direct, 2)
    const groupId = unique('group')
    const producer = client.producer({ transactionalId: unique('tx'), batchSize: 200 })
    await producer.initTransactions()
    const expected: string[][] = [[], []]
    for (const round of range(9)) {
      await transactRound(producer, { topic, groupId, round, count: 20, waits: round % 3 === 2, isAborted: round % 3 === 1 }, expected)
      expect(await committedOffset(direct, groupId, topic)).toBe(round % 3 === 1 ? round : round + 1)
    }
    expect(lost, `lost responses of ${name}`).toBeGreaterThan(0)
    expect(await readAll(direct, topic, 2)).toEqual(expected)
  })

  it.each(range(3))('loses and doubles nothing through faults, run %i', () => throughFaults(server(), seededRandom()), 120_000)

  it('fails what cannot be delivered in time, aborts, and goes on', async () => {
    let drop = false
    const proxy = await responseProxy(portOf(server()), produce, (response) => (drop ? null : (response as never)))
    onTestFinished(() => proxy.close())
    const client = clientThrough(proxy.port, { retryBackoffMs: 5, reconnectBackoffMs: 5 })
    const topic = await topicOf(client)
    const producer = client.producer({ transactionalId: unique('tx'), deliveryTimeoutMs: 300, requestTimeoutMs: 200 })
    await producer.initTransactions()
    for (const round of range(3)) {
      await untilCommitted(producer, () => producer.send([record(topic, `good ${round}`)]))
      producer.beginTransaction()
      drop = true
      const failure = await failureOf(producer.send([record(topic, `bad ${round}`)]))
      drop = false
      expect(isAbortable(failure) && failure).toMatchObject({
        error: 'TRANSACTION_ABORTABLE',
        retriable: false,
        message: expect.stringContaining('delivery.timeout.ms'),
      })
      await producer.abortTransaction()
    }
    await untilCommitted(producer, () => producer.send([record(topic, 'last')]))
    expect(await readAll(client, topic)).toEqual([['good 0', 'good 1', 'good 2', 'last']])
  })

  it('is fenced by the coordinator when the transaction takes longer than transaction.timeout.ms', async () => {
    const client = clientOf(server())
    const topic = await topicOf(client)
    const producer = client.producer({ transactionalId: unique('tx'), transactionTimeoutMs: 500 })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send([record(topic, 'too late')])
    await client.producer().send([record(topic, 'behind it')])
    expect(await readAll(client, topic)).toEqual([['behind it']])
    expect(isFatal(await failureOf(producer.commitTransaction()))).toBe(true)
    await producer.close()
  })

  it('aborts on close what was not committed', async () => {
    const client = clientOf(server())
    const topic = await topicOf(client)
    const producer = client.producer({ transactionalId: unique('tx') })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send([record(topic, 'open')])
    await producer.close()
    await client.producer().send([record(topic, 'behind it')])
    expect(await readAll(client, topic)).toEqual([['behind it']])
    await expect(producer.initTransactions()).rejects.toThrow()
  })

  it('gets the result of a commit that outlasts max.block.ms by repeating it', async () => {
    const client = clientOf(server(), { requestTimeoutMs: 5_000 })
    const topic = await topicOf(client)
    const producer = client.producer({ transactionalId: unique('tx'), maxBlockMs: 300 })
    // The coordinator may be loading.
    await until(() => producer.initTransactions().then(() => true), 'the producer is initialized')
    producer.beginTransaction()
    await producer.send([record(topic, 'a')])
    await server().kill()
    expect(await failureOf(producer.commitTransaction())).toMatchObject({
      error: 'REQUEST_TIMED_OUT',
      message: expect.stringContaining('call it again'),
    })
    await expect(producer.abortTransaction()).rejects.toThrow('commitTransaction() has not returned its result yet')
    expect(() => producer.beginTransaction()).toThrow('commitTransaction() has not returned its result yet')
    await server().start()
    await until(() => producer.commitTransaction().then(() => true), 'the commit', 100_000)
    producer.beginTransaction()
    await producer.abortTransaction()
    expect(await readAll(client, topic)).toEqual([['a']])
  }, 240_000)

  it('commits each record once over the death and restart of the broker', async () => {
    const client = clientOf(server(), { requestTimeoutMs: 5_000 })
    const topic = await topicOf(client, 2)
    const groupId = unique('group')
    const producer = client.producer({ transactionalId: unique('tx'), batchSize: 500, maxBlockMs: 100_000 })
    await producer.initTransactions()
    const expected: string[][] = [[], []]
    let round = 0
    let going = true
    const loop = (async () => {
      for (; going; round++) {
        await transactRound(producer, { topic, groupId, round, count: 40, waits: round % 2 === 0, isAborted: round % 4 === 3 }, expected)
      }
    })()
    for (const kills of range(2)) {
      const before = round
      await until(() => round > before + 3 + kills, 'some transactions', 60_000)
      await server().kill()
      await server().start()
    }
    const before = round
    await until(() => round > before + 4, 'some more transactions', 60_000)
    going = false
    await loop
    expect(await readAll(client, topic, 2)).toEqual(expected)
    const last = (round - 1) % 4 === 3 ? round - 1 : round
    expect(await committedOffset(client, groupId, topic)).toBe(last)
  }, 180_000)

  it('refuses the offsets of a consumer that its group has removed', async () => {
    const client = clientOf(server())
    const topic = await topicOf(client)
    const groupId = unique('group')
    const producer = client.producer({ transactionalId: unique('tx') })
    await producer.initTransactions()
    const consumer = client.consumer({ groupId, heartbeatIntervalMs: 100 })
    consumer.subscribe([topic])
    await until(async () => {
      await consumer.poll(50)
      return consumer.assignment.length === 1
    }, 'the assignment')
    const group = consumer.groupMetadata()
    expect(group).toMatchObject({ groupId, generationId: 1, memberId: expect.stringMatching(/.+/) })
    await untilCommitted(producer, () => producer.sendOffsets([{ topic, partition: 0, offset: 1 }], group))
    for (const wrong of [{ generationId: group.generationId + 1 }, { memberId: 'nobody' }]) {
      producer.beginTransaction()
      expect(isAbortable(await failureOf(producer.sendOffsets([{ topic, partition: 0, offset: 2 }], { ...group, ...wrong })))).toBe(true)
      await producer.abortTransaction()
    }
    await consumer.close()
    producer.beginTransaction()
    expect(isAbortable(await failureOf(producer.sendOffsets([{ topic, partition: 0, offset: 3 }], group)))).toBe(true)
    await producer.abortTransaction()
    expect(await committedOffset(client, groupId, topic)).toBe(1)
  })

  it('reads, processes and writes each record exactly once while members come and go', async () => {
    const client = clientOf(server())
    const [from, to] = [await topicOf(client, 4), await topicOf(client, 2)]
    const groupId = unique('group')
    const total = 600
    const input = client.producer()
    await input.send(range(total).map((index) => record(from, `${index}`, { partition: index % 4 })))
    let id = 0
    /** A member with a producer of its own; `die` leaves its transaction open. */
    const member = () => {
      const own = clientOf(server())
      const consumer = own.consumer({
        groupId,
        autoOffsetReset: 'earliest',
        isolationLevel: 'read_committed',
        heartbeatIntervalMs: 50,
        maxPollRecords: 7,
        fetchMaxWaitMs: 50,
      })
      const producer = own.producer({ transactionalId: `${groupId}-${id++}`, transactionTimeoutMs: 2_000 })
      consumer.subscribe([from])
      let going = true
      let processed = 0
      const loop = (async () => {
        await producer.initTransactions()
        while (going) processed += await processOnce(consumer, producer, to)
      })()
      return {
        get processed() {
          return processed
        },
        loop,
        async stop(how: 'close' | 'die') {
          going = false
          await loop
          if (how === 'die') {
            producer.beginTransaction()
            await producer.send([record(to, 'of a dead producer')])
          } else await producer.close()
          await consumer.close()
        },
      }
    }
    const first = member()
    await until(() => first.processed > 30, 'the first member')
    const second = member()
    await until(() => second.processed > 30, 'the second member', 60_000)
    await first.stop('close')
    const third = member()
    await until(() => third.processed > 30, 'the third member', 60_000)
    await second.stop('die')
    await until(
      async () => {
        const offsets = await client.admin.groupOffsets(groupId)
        return offsets.reduce((sum, { offset }) => sum + offset, 0) >= total
      },
      'all records are processed',
      60_000,
    )
    await third.stop('close')
    const written = (await readAll(client, to, 2)).flat()
    expect(written.sort((a, b) => Number(a) - Number(b))).toEqual(range(total).map(String))
  }, 180_000)

  it('speaks the protocol of an older broker', async () => {
    // Kafka 2.5 to 3.9: no EndTxn v5. Kafka 2.4: the epoch cannot be raised.
    const older = await cappedClient(server(), { [endTxn.key]: 4, [produce.key]: 11, [txnOffsetCommit.key]: 4 })
    const oldest = await cappedClient(server(), { [endTxn.key]: 1, [produce.key]: 8, [txnOffsetCommit.key]: 2, [initProducerId.key]: 2 })
    for (const client of [older, oldest]) {
      const [topic, compacted] = [await topicOf(client), await topicOf(client, 1, { 'cleanup.policy': 'compact' })]
      const groupId = unique('group')
      const producer = client.producer({ transactionalId: unique('tx') })
      await producer.initTransactions()
      for (const round of range(4)) {
        producer.beginTransaction()
        await producer.send([record(topic, `${round}`)])
        await producer.sendOffsets([{ topic, partition: 0, offset: round + 1 }], nobody(groupId))
        await (round % 2 === 0 ? producer.commitTransaction() : producer.abortTransaction())
      }
      expect(await readAll(client, topic)).toEqual([['0', '2']])
      expect(await committedOffset(client, groupId, topic)).toBe(3)
      producer.beginTransaction()
      const failure = await failureOf(producer.send([record(compacted, 'no key')]))
      expect([isAbortable(failure), isFatal(failure)]).toEqual(client === older ? [true, false] : [false, true])
      if (client === oldest) continue
      await producer.abortTransaction()
      await untilCommitted(producer, () => producer.send([record(topic, 'last')]))
      expect(await readAll(client, topic)).toEqual([['0', '2', 'last']])
    }
  })
}

/** Transactions through a proxy that cuts and refuses connections, swallows requests and truncates responses, by a seeded plan. */
async function throughFaults(server: Server, random: () => number): Promise<void> {
  const below = (limit: number) => Math.floor(random() * limit)
  const proxy = await faultProxy(portOf(server))
  onTestFinished(() => proxy.close())
  const waits = { retryBackoffMs: 5, retryBackoffMaxMs: 50, reconnectBackoffMs: 5, reconnectBackoffMaxMs: 50 }
  const client = clientThrough(proxy.port, { ...waits, requestTimeoutMs: 2_000 })
  const direct = clientOf(server)
  const partitions = 1 + below(3)
  const topic = await topicOf(direct, partitions)
  const groupId = unique('group')
  const producer = client.producer({
    transactionalId: unique('tx'),
    batchSize: [100, 400, 5_000][below(3)]!,
    lingerMs: below(3),
    maxInFlight: 1 + below(5),
    maxBlockMs: 60_000,
    deliveryTimeoutMs: [1_000, 30_000][below(2)]!,
  })
  await producer.initTransactions()
  const expected: string[][] = range(partitions).map(() => [])
  let offset = 0
  let going = true
  const loop = (async () => {
    for (let round = 0; going; round++) {
      const values = range(1 + below(60)).map((index) => ({ value: `${round}/${index}`, partition: (round + index) % partitions }))
      const work = async () => {
        const parts = [values.slice(0, values.length / 2), values.slice(values.length / 2)].map((part) =>
          producer.send(part.map(({ value, partition }) => record(topic, value, { partition }))),
        )
        for (const part of parts) part.catch(() => {})
        if (below(2) === 0) await producer.sendOffsets([{ topic, partition: 0, offset: round + 1 }], nobody(groupId))
        if (below(3) === 0) await Promise.all(parts)
        await producer.sendOffsets([{ topic, partition: 0, offset: round + 1 }], nobody(groupId))
      }
      if (below(4) === 0) {
        producer.beginTransaction()
        await work().catch((error: unknown) => {
          if (!isAbortable(error)) throw error
        })
        await producer.abortTransaction()
      } else {
        await untilCommitted(producer, work)
        for (const { value, partition } of values) expected[partition]!.push(value)
        offset = round + 1
      }
    }
  })()
  let failure: unknown
  loop.catch((error: unknown) => {
    failure = error
  })
  const faults: (() => Promise<unknown>)[] = [
    async () => proxy.cut(),
    async () => {
      let whole = below(6)
      proxy.onResponse = (chunk) => (whole-- > 0 ? { pass: chunk.length, cut: false } : { pass: below(chunk.length), cut: true })
      await system.clock.sleep(below(60))
      proxy.onResponse = null
    },
    async () => {
      proxy.mode = 'refuse'
      proxy.cut()
      await system.clock.sleep(below(150))
      proxy.mode = 'pass'
    },
    async () => {
      proxy.mode = 'swallow'
      await system.clock.sleep(below(300))
      proxy.cut()
      proxy.mode = 'pass'
    },
    () => system.clock.sleep(below(200)),
  ]
  for (let step = 0; step < 40 && !failure; step++) await faults[below(faults.length)]!()
  going = false
  await loop
  expect(expected.flat().length, 'committed records').toBeGreaterThan(0)
  expect(await readAll(direct, topic, partitions)).toEqual(expected)
  expect(await committedOffset(direct, groupId, topic)).toBe(offset)
}

/** One transaction of a read-process-write loop; returns the number of records in it, 0 where it was aborted. */
async function processOnce(consumer: Consumer, producer: TransactionalProducer, to: string): Promise<number> {
  const polled = await consumer.poll(100)
  if (polled.length === 0) return 0
  producer.beginTransaction()
  try {
    const values = polled.flatMap((batch) => batch.records.map((entry) => entry.value!.toString()))
    const sent = producer.send(values.map((value) => record(to, value, { partition: Number(value) % 2 })))
    sent.catch(() => {})
    await producer.sendOffsets(
      polled.map(({ topic, partition, nextOffset }) => ({ topic, partition, offset: nextOffset })),
      consumer.groupMetadata(),
    )
    await producer.commitTransaction()
    return values.length
  } catch (error) {
    if (!isAbortable(error)) throw error
    await producer.abortTransaction()
    // As an application does: what was not committed is read again.
    const committed = await consumer.committed(consumer.assignment)
    for (const partition of consumer.assignment) consumer.seek(partition, committed.get(`${partition.topic}-${partition.partition}`) ?? 0)
    return 0
  }
}
