/**
 * Goal: the offsets of a transaction survive a restart as what they are, pending, committed or aborted. Method: a broker, its protocol, and
 * the records of `__consumer_offsets` that it leaves.
 */
import { expect, onTestFinished, test } from 'vitest'
import offsetFetch from '../../core/apis/09-offset-fetch.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import initProducerId from '../../core/apis/22-init-producer-id.ts'
import endTxn from '../../core/apis/26-end-txn.ts'
import txnOffsetCommit from '../../core/apis/28-txn-offset-commit.ts'
import { errorName } from '../../core/errors.ts'
import { attributes } from '../../core/wire/batch-header.ts'
import { batches } from '../../core/wire/record-batch.ts'
import { brokerInProcess } from '../broker-in-process.ts'
import { until } from '../until.ts'

test('a restart keeps the pending offsets of a transaction until its marker', async () => {
  const server = await brokerInProcess({ 'offsets.topic.num.partitions': '1' })
  onTestFinished(() => server.stop())
  let client = await server.client()
  const topics = [{ name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }]
  await client.send(createTopics, 7, { topics, validateOnly: false })
  await client.send(findCoordinator, 4, { keyType: 0, coordinatorKeys: ['g'] })
  await client.send(findCoordinator, 4, { keyType: 1, coordinatorKeys: ['id'] })
  let producer = { transactionalId: 'id', producerId: -1, producerEpoch: -1 }
  await until(async () => {
    const { errorCode, ...rest } = await client.send(initProducerId, 4, { transactionalId: 'id', transactionTimeoutMs: 60_000 })
    producer = { transactionalId: 'id', producerId: rest.producerId, producerEpoch: rest.producerEpoch }
    return errorCode === 0
  }, 'a producer id')

  const commit = async (committedOffset: number) => {
    const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: '' }]
    const request = { ...producer, groupId: 'g', memberId: '', topics: [{ name: 't', partitions }] }
    return errorName((await client.send(txnOffsetCommit, 5, request)).topics[0]!.partitions[0]!.errorCode)
  }
  const end = async (committed: boolean) => {
    const response = await client.send(endTxn, 5, { ...producer, committed })
    expect(response.errorCode).toBe(0)
    producer = { ...producer, producerId: response.producerId, producerEpoch: response.producerEpoch }
    await until(async () => (await fetched()) !== 'UNSTABLE_OFFSET_COMMIT', 'the marker')
  }
  const fetched = async (): Promise<number | string> => {
    const groups = [{ groupId: 'g', memberId: null, memberEpoch: -1, topics: [{ name: 't', topicId: '', partitionIndexes: [0] }] }]
    const response = await client.send(offsetFetch, 8, { topics: null, groups, requireStable: true })
    const { errorCode, committedOffset } = response.groups[0]!.topics[0]!.partitions[0]!
    return errorCode === 0 ? committedOffset : errorName(errorCode)
  }
  const restart = async () => {
    await server.restart()
    client = await server.client()
  }

  expect([await commit(5), await fetched()]).toEqual(['NONE', 'UNSTABLE_OFFSET_COMMIT'])
  await restart()
  expect(await fetched()).toBe('UNSTABLE_OFFSET_COMMIT')
  await end(true)
  expect(await fetched()).toBe(5)
  await until(async () => (await commit(6)) === 'NONE', 'the next transaction')
  await restart()
  await end(false)
  await restart()
  expect(await fetched()).toBe(5)

  const log = server.broker.logs.get('__consumer_offsets', 0)!
  const { chunks, release } = await log.read(0, 1_000_000, true)
  const written = [...batches(Buffer.concat(chunks))].map(({ header }) => [header.baseSequence, header.attributes & ~attributes.codecMask])
  release()
  const [record, marker] = [attributes.transactional, attributes.transactional | attributes.control]
  expect(written).toEqual([
    [0, record],
    [-1, marker],
    [0, record],
    [-1, marker],
  ])
})
