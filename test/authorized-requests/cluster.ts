/**
 * The cluster that the requests ask about, the same on every broker: `prepareCluster` makes it. And the parts that several requests have.
 */
import produce from '../../core/apis/00-produce.ts'
import listOffsets from '../../core/apis/02-list-offsets.ts'
import offsetCommit from '../../core/apis/08-offset-commit.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import initProducerId from '../../core/apis/22-init-producer-id.ts'
import addPartitionsToTxn from '../../core/apis/24-add-partitions-to-txn.ts'
import type { Requirement } from '../../core/apis/access.ts'
import { type BatchOptions, encodeBatch } from '../../core/wire/record-batch.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import type { RawClient } from '../raw-client.ts'
import { until } from '../until.ts'
import type { Cluster, Need } from './types.ts'

/** No topic has this id. */
export const NOBODYS_ID = 'AAAAAAAAAAAAAAAAAAAABQ'
export const topics = ['data-a', 'data-b'] as const
export const MISSING = 'data-missing'
export const names = [...topics, MISSING]
const now = 1_700_000_000_000

export const records = (count: number, over: BatchOptions = {}) =>
  encodeBatch(
    Array.from({ length: count }, (_, index) => ({ key: null, value: Buffer.from(`v${index}`), timestamp: now + index })),
    over,
  )

export const idOf = ({ topicIds }: Cluster, name: string) => topicIds.get(name) ?? NOBODYS_ID
export const errors = {
  TOPIC: 'TOPIC_AUTHORIZATION_FAILED',
  GROUP: 'GROUP_AUTHORIZATION_FAILED',
  CLUSTER: 'CLUSTER_AUTHORIZATION_FAILED',
  TRANSACTION: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
} as const
/** For each of the topics, the one that does not exist included: its name tells nobody that it does not. */
export const ofTopics = (requirement: Requirement, denied = `${errors.TOPIC} 1`, which: readonly string[] = names): Need[] =>
  which.map((name) => [requirement, name, denied])

export const unknownProducer = { producerId: 4242, producerEpoch: 0 }
export const transactional = { transactional: true, ...unknownProducer, baseSequence: 0 }

export function produced(cluster: Cluster, batch: () => Buffer, which: readonly string[] = names) {
  const partitionData = () => [{ index: 0, records: batch() }]
  return { timeoutMs: 5000, topicData: which.map((name) => ({ name, topicId: idOf(cluster, name), partitionData: partitionData() })) }
}

export const fetched = (cluster: Cluster) => ({
  maxWaitMs: 0,
  minBytes: 1,
  isolationLevel: 0,
  sessionEpoch: -1,
  topics: names.map((topic) => ({
    topic,
    topicId: idOf(cluster, topic),
    partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }],
  })),
})

export const committed = (cluster: Cluster) =>
  names.map((name) => ({
    name,
    topicId: idOf(cluster, name),
    partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: 'm' }],
  }))

export const offsetsOf = (cluster: Cluster) => names.map((name) => ({ name, topicId: idOf(cluster, name), partitionIndexes: [0, 1] }))
export const named = (name: string) => ({ name, topicId: ZERO_UUID })
export const everything = { includeTopicAuthorizedOperations: true, includeClusterAuthorizedOperations: true }

/** Creates all that the requests ask about, as a client that may do everything. */
export async function prepareCluster(client: RawClient): Promise<Cluster> {
  const created = topics.map((name) => ({ name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }))
  const response = await client.send(createTopics, 7, { topics: created, timeoutMs: 10_000, validateOnly: false })
  const topicIds = new Map(response.topics.map(({ name, topicId }) => [name!, topicId]))
  const cluster = { topicIds }
  const partitions = [0, 1].map((partitionIndex) => ({ partitionIndex, timestamp: -1 }))
  await until(async () => {
    const request = { replicaId: -1, isolationLevel: 0, topics: topics.map((name) => ({ name, partitions })) }
    const listed = await client.send(listOffsets, 7, request)
    return listed.topics.every((topic) => topic.partitions.every(({ errorCode }) => errorCode === 0))
  }, 'the topics have leaders')
  await client.send(produce, 9, { acks: -1, ...produced(cluster, () => records(3), topics) } as never)
  for (const [keyType, key] of [[0, 'group-a'], [1, 'tx-a']] as const) // biome-ignore format: a table
    await until(
      async () => (await client.send(findCoordinator, 4, { keyType, coordinatorKeys: [key] })).coordinators[0]!.errorCode === 0,
      `${key} has a coordinator`,
    )
  for (const groupId of ['group-a', 'group-b'])
    await until(async () => {
      const offsets = committed(cluster).slice(0, 2)
      const answer = await client.send(offsetCommit, 8, { groupId, memberId: '', topics: offsets } as never)
      return answer.topics.every(({ partitions }) => partitions.every(({ errorCode }) => errorCode === 0))
    }, `${groupId} has offsets`)
  async function producerOf(transactionalId: string | null): Promise<{ producerId: number; producerEpoch: number }> {
    const answer = await until(async () => {
      const initialized = await client.send(initProducerId, 4, { transactionalId, transactionTimeoutMs: 600_000 })
      return initialized.errorCode === 0 ? initialized : null
    }, 'a producer has its id')
    return { producerId: answer!.producerId, producerEpoch: answer!.producerEpoch }
  }
  const identity = await producerOf('tx-a')
  await producerOf('tx-b')
  await until(async () => {
    const { producerId: v3AndBelowProducerId, producerEpoch: v3AndBelowProducerEpoch } = identity
    const { resultsByTopicV3AndBelow: results } = await client.send(addPartitionsToTxn, 3, {
      ...{ transactions: [], v3AndBelowTransactionalId: 'tx-a', v3AndBelowProducerId, v3AndBelowProducerEpoch },
      v3AndBelowTopics: topics.map((name) => ({ name, partitions: [0, 1] })),
    })
    return results.every(({ resultsByPartition }) => resultsByPartition.every(({ partitionErrorCode }) => partitionErrorCode === 0))
  }, 'a transaction is ongoing')
  const idempotent = { ...(await producerOf(null)), baseSequence: 0 }
  await client.send(produce, 9, { acks: -1, ...produced(cluster, () => records(1, idempotent), topics) } as never)
  return cluster
}
