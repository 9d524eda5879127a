/**
 * Goal: transactional appends, markers, offsets of transactions, and what read-committed readers see are those of Apache Kafka. Method: the
 * same raw requests to both, invalid ones included; the codes and offsets of the responses are compared.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import produceApi from '../../core/apis/00-produce.ts'
import listOffsets from '../../core/apis/02-list-offsets.ts'
import offsetCommit from '../../core/apis/08-offset-commit.ts'
import addOffsetsToTxn from '../../core/apis/25-add-offsets-to-txn.ts'
import endTxn from '../../core/apis/26-end-txn.ts'
import txnOffsetCommit from '../../core/apis/28-txn-offset-commit.ts'
import deleteGroups from '../../core/apis/42-delete-groups.ts'
import incrementalAlterConfigs from '../../core/apis/44-incremental-alter-configs.ts'
import describeProducers from '../../core/apis/61-describe-producers.ts'
import type { AnyApi } from '../../core/wire/api.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { rawClient } from '../raw-client.ts'
import { until } from '../until.ts'
import { type KafkaBroker, kafkaTool, startApacheKafka } from './apache-kafka.ts'
import { Peer } from './transaction-peer.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let kafka: KafkaBroker
let ours: BrokerInProcess
let peers: Peer[] = []
beforeAll(async () => {
  kafka = await startApacheKafka()
  ours = await brokerInProcess({ 'offsets.topic.num.partitions': '5', 'transaction.state.log.num.partitions': '5' })
  peers = [new Peer(await ours.client()), new Peer(await rawClient(kafka.port))]
  for (const peer of peers) {
    await peer.coordinator(0, 'g')
    await peer.coordinator(1, 'id')
  }
})
afterAll(async () => {
  for (const { client } of peers) client.close()
  await ours?.stop()
  await kafka?.stop()
})

/** Does the same with both; the results are the same. */
async function alike(what: (peer: Peer) => Promise<unknown[]>): Promise<void> {
  const [mine, theirs] = await Promise.all(peers.map(what))
  expect(mine).toEqual(theirs)
}

const versionsOf = ({ versions }: AnyApi, least: number, most = versions[1]): number[] =>
  Array.from({ length: Math.min(most, versions[1]) - least + 1 }, (_, index) => least + index)

describe('Produce', () => {
  test.each(versionsOf(produceApi, 3, 11))('v%i: only to partitions of the transaction', async (version) => {
    await alike(async (peer) => {
      const topic = `produce-${version}`
      await peer.createTopic(topic)
      const producer = await peer.init(topic)
      const produce = (sequence: number, over: object = {}) => peer.produce(producer, topic, sequence, { version, ...over })
      const results = [await produce(0), await produce(0, { id: null }), await produce(0, { batch: { transactional: false }, id: null })]
      await peer.add(producer, topic, 0)
      results.push(await produce(1), await produce(1), await produce(3), await produce(2, { batch: { transactional: false } }))
      results.push(await produce(2, { batch: { producerEpoch: 5 } }), await produce(0, { batch: { producerId: 987_654 } }))
      await peer.end(producer, true)
      results.push(await produce(2), await produce(1), await produce(2, { batch: { transactional: false } }))
      return results
    })
  })

  test('v12: the append adds its partition, and each transaction has an epoch', async () => {
    await alike(async (peer) => {
      const topic = 'produce-12'
      await peer.createTopic(topic)
      const producer = await peer.init(topic)
      const produce = (sequence: number, over: object = {}) => peer.produce(producer, topic, sequence, { version: 12, ...over })
      const results = [await produce(5), await produce(0), await produce(1), await produce(1), await produce(3)]
      const before = { ...producer }
      await peer.end(producer, true, 5)
      results.push(await peer.produce(before, topic, 2, { version: 12 }), await produce(2), await produce(0))
      results.push(await produce(1, { batch: { transactional: false } }))
      await peer.end(producer, false, 5)
      results.push(await peer.ask(describeProducers, 0, { topics: [{ name: topic, partitionIndexes: [0] }] }))
      return results
    })
  })

  test('batches of two producers', async () => {
    await alike(async (peer) => {
      await peer.createTopic('two', 2)
      const { transactionalId, producerId, producerEpoch } = await peer.init('two')
      const partition = (index: number, epoch: number) => ({
        index,
        records: encodeBatch([{ key: null, value: null, timestamp: Date.now() }], { producerId, producerEpoch: epoch, baseSequence: 0, transactional: true }), // biome-ignore format: one line
      })
      const topicData = [{ name: 'two', topicId: '', partitionData: [partition(0, producerEpoch), partition(1, producerEpoch + 1)] }]
      return [await peer.ask(produceApi, 11, { transactionalId, acks: -1, timeoutMs: 5000, topicData })]
    })
  })
})

test('read-committed fetches and offsets', async () => {
  await alike(async (peer) => {
    const topic = 'isolated'
    await peer.createTopic(topic)
    const [a, b] = [await peer.init('isolated-a'), await peer.init('isolated-b')]
    const results: unknown[] = []
    const look = async () => {
      for (const isolationLevel of [0, 1]) {
        for (const timestamp of [-1, -2, -3, 0, Date.now() + 60_000]) {
          const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }]
          results.push(await peer.ask(listOffsets, 7, { replicaId: -1, isolationLevel, topics }))
        }
        for (const offset of [0, 1, 2, 3, 4, 5]) results.push(await peer.fetch(topic, offset, isolationLevel))
        results.push(await peer.fetch(topic, 0, isolationLevel, 1))
      }
    }
    await peer.add(a, topic, 0)
    await peer.add(b, topic, 0)
    await peer.produce(a, topic, 0)
    await look()
    await peer.produce(b, topic, 0)
    await peer.produce(a, topic, 1)
    await peer.end(a, false)
    await look()
    await peer.end(b, true)
    await look()
    await peer.add(a, topic, 0)
    await peer.produce(a, topic, 2)
    await look()
    await peer.end(a, false)
    await look()
    return results
  })
})

test('WriteTxnMarkers', async () => {
  await alike(async (peer) => {
    const topic = 'marked'
    await peer.createTopic(topic)
    const producer = await peer.init('marked')
    const here = [{ name: topic, partitionIndexes: [0] }]
    const results = [await peer.marker(producer, here)]
    await peer.add(producer, topic, 0)
    await peer.produce(producer, topic, 0)
    const describe = async () => results.push(await peer.ask(describeProducers, 0, { topics: [{ name: topic, partitionIndexes: [0, 4] }, { name: 'nope', partitionIndexes: [0] }] })) // biome-ignore format: one line
    await describe()
    results.push(await peer.marker(producer, here, { transactionVersion: 2 }), await peer.marker(producer, here, { coordinatorEpoch: 5 }))
    await describe()
    results.push(await peer.marker(producer, here, { coordinatorEpoch: 4 }))
    const next = { coordinatorEpoch: 6, producerEpoch: producer.producerEpoch + 1 }
    results.push(await peer.marker(producer, here, { ...next, transactionVersion: 2 }))
    results.push(
      await peer.marker(producer, here, { ...next, transactionVersion: 2 }),
      await peer.marker(producer, here, { coordinatorEpoch: 6 }),
    )
    results.push(await peer.marker(producer, [{ name: topic, partitionIndexes: [0, 9] }, { name: 'nope', partitionIndexes: [0] }], next)) // biome-ignore format: one line
    results.push(await peer.marker(producer, [{ name: '__consumer_offsets', partitionIndexes: [0, 77] }], next))
    await describe()
    return results
  })
})

test('kafka-transactions finds and aborts a transaction that no coordinator knows', async () => {
  const peer = peers[0]!
  await peer.createTopic('hanging')
  const verification = (value: string) => {
    const configs = [{ name: 'transaction.partition.verification.enable', configOperation: 0, value }]
    const resources = [{ resourceType: 4, resourceName: '1', configs }]
    return peer.client.send(incrementalAlterConfigs, 1, { resources, validateOnly: false })
  }
  await verification('false')
  await peer.produce({ transactionalId: 'nobody', producerId: 777, producerEpoch: 3 }, 'hanging', 0)
  await verification('true')
  expect([await peer.latest('hanging'), await peer.latest('hanging', 1)]).toEqual([1, 0])
  const transactions = (...args: string[]) => kafkaTool(['kafka-transactions', '--bootstrap-server', `127.0.0.1:${ours.port}`, ...args])
  const found = await transactions('find-hanging', '--topic', 'hanging', '--max-transaction-timeout', '0')
  expect(found).toMatch(/hanging\s+0\s+777\s+3\s+-1\s+0\s/)
  await transactions('abort', '--topic', 'hanging', '--partition', '0', '--start-offset', '0')
  expect([await peer.latest('hanging'), await peer.latest('hanging', 1)]).toEqual([2, 2])
  expect(await transactions('describe-producers', '--topic', 'hanging', '--partition', '0')).toMatch(/777\s+3\s+0\s+0\s+\d+\s+None/)
})

test("Kafka's transactional copier, whose transactions have records and offsets, copies each record once", async () => {
  const peer = peers[0]!
  const values = Array.from({ length: 100 }, (_, index) => `${index}`)
  await peer.createTopic('from')
  await peer.createTopic('to')
  const records = encodeBatch(values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: Date.now() })))
  const topicData = [{ name: 'from', topicId: '', partitionData: [{ index: 0, records }] }]
  await peer.ask(produceApi, 9, { transactionalId: null, acks: -1, timeoutMs: 5000, topicData })
  const options = {
    ...{ 'input-topic': 'from', 'input-partition': '0', 'output-topic': 'to', 'broker-list': `127.0.0.1:${ours.port}` },
    ...{ 'transaction-size': '9', 'transactional-id': 'copier', 'consumer-group': 'copiers' },
  }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  await kafkaTool(['transactional-message-copier', ...args, '--enable-random-aborts'])
  expect(await peer.readCommitted('to')).toEqual(values)
  expect(await peer.fetchOffset('copiers', true, [{ name: 'from', topicId: '', partitionIndexes: [0] }])).toMatchObject({
    groups: [{ topics: [{ partitions: [{ committedOffset: 100 }] }] }],
  })
})

describe('TxnOffsetCommit', () => {
  test.each(versionsOf(txnOffsetCommit, 0))('v%i', async (version) => {
    await alike(async (peer) => {
      await peer.createTopic('offsets', 2)
      const producer = await peer.init(`offsets-${version}`)
      const group = `g${version}`
      const commit = (over: object = {}, partition: object = {}) =>
        peer.commitOffset(producer, version, { groupId: group, ...over }, partition)
      const results: unknown[] = []
      if (version < 5) {
        results.push(await commit())
        await until(async () => {
          const { transactionalId, producerId, producerEpoch } = producer
          const { errorCode } = await peer.client.send(addOffsetsToTxn, 3, { transactionalId, producerId, producerEpoch, groupId: group })
          return errorCode === 0
        }, 'the group is added')
      }
      results.push(await commit(), await commit({}, { partitionIndex: 9 }), await commit({}, { committedMetadata: 'x'.repeat(5000) }))
      results.push(await commit({ groupId: '' }), await commit({ producerEpoch: producer.producerEpoch + 3 }))
      if (version >= 3) {
        results.push(await commit({ generationId: 3, memberId: 'nobody' }), await commit({ memberId: 'nobody' }))
        results.push(await commit({ generationId: 3 }))
      }
      results.push(await peer.fetchOffset(group, true), await peer.fetchOffset(group, false), await peer.fetchOffset(group, true, null))
      // A later commit outside of the transaction stays.
      const partitions = [{ partitionIndex: 1, committedOffset: 3, committedMetadata: '' }]
      await commit({}, { partitionIndex: 1, committedOffset: 2 })
      results.push(await peer.ask(offsetCommit, 8, { groupId: group, generationIdOrMemberEpoch: -1, memberId: '', topics: [{ name: 'offsets', topicId: '', partitions }] })) // biome-ignore format: one line
      results.push(await peer.fetchOffset(group, true), await peer.fetchOffset(group, true, null))
      const { transactionalId, producerId, producerEpoch } = producer
      await peer.client.send(endTxn, version >= 5 ? 5 : 3, { transactionalId, producerId, producerEpoch, committed: true })
      const isStable = async () => !JSON.stringify(await peer.fetchOffset(group, true)).includes('"errorCode":88')
      await until(isStable, 'the marker')
      results.push(await peer.fetchOffset(group, false))
      return results
    })
  })

  test('an aborted one, and one of a deleted group', async () => {
    await alike(async (peer) => {
      await peer.createTopic('offsets', 2)
      const results: unknown[] = []
      for (const [group, committed] of [
        ['aborted', false],
        ['deleted', true],
      ] as const) {
        const producer = await peer.init(group)
        results.push(await peer.commitOffset(producer, 5, { groupId: group }))
        if (group === 'deleted') results.push(await peer.ask(deleteGroups, 2, { groupsNames: [group] }))
        results.push(await peer.fetchOffset(group, true))
        await peer.client.send(endTxn, 5, { ...producer, committed })
        const isStable = async () => !JSON.stringify(await peer.fetchOffset(group, true)).includes('"errorCode":88')
        await until(isStable, 'the marker')
        results.push(await peer.fetchOffset(group, false))
      }
      return results
    })
  })
})
