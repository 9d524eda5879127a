/**
 * AddPartitionsToTxn, key 24. v3 is flexible; v4 adds transactions, errorCode, resultsByTransaction, drops v3AndBelowTransactionalId,
 * v3AndBelowProducerId, v3AndBelowProducerEpoch, v3AndBelowTopics, resultsByTopicV3AndBelow: clients send up to v3, brokers from v4 on.
 */
import type { Cluster } from '../cluster/types.ts'
import { type ErrorName, errorCode } from '../errors.ts'
import { partitionKey } from '../topic-partition.ts'
import type { PartitionOfTopic } from '../transactions/types.ts'
import { bool, int16, int32, int64, list, since, string, struct, until } from '../wire/types.ts'
import type { Access } from './access.ts'
import { defineApi } from './define-api.ts'
import { fencedCode } from './producer-fenced.ts'

interface TopicPartitions {
  name: string
  partitions: readonly number[]
}

const topicPartitions = struct({
  name: string,
  partitions: list(int32),
})

const topicResult = struct({
  name: string,
  resultsByPartition: list(
    struct({
      partitionIndex: int32,
      partitionErrorCode: int16,
    }),
  ),
})

/** The coordinators alone write to their topics: for a client they are as topics that it may not write to. */
function deniedTopics(topics: readonly TopicPartitions[], access: Access, cluster: Cluster): (name: string) => boolean {
  const writable = access.allowed(
    'Write Topic',
    topics.map(({ name }) => name).filter((name) => !cluster.isInternalTopic(name)),
  )
  return (name) => !writable.has(name)
}

const partitionsOf = (topics: readonly TopicPartitions[]): PartitionOfTopic[] =>
  topics.flatMap(({ name: topic, partitions }) => partitions.map((partition) => ({ topic, partition })))

const resultsOf = (topics: readonly TopicPartitions[], errorOf: (topic: string, partition: number) => number) =>
  topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode: errorOf(name, partitionIndex) })),
  }))

/** An error of the whole transaction is the error of each of its partitions. */
const codeFrom =
  (error: ErrorName, partitions: ReadonlyMap<string, ErrorName>, version: number) =>
  (topic: string, partition: number): number =>
    fencedCode(error !== 'NONE' ? error : (partitions.get(partitionKey({ topic, partition })) ?? 'NONE'), version, 2)

export default defineApi({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: [0, 5],
  flexible: 3,
  authorization: ['Write TransactionalId', 'Write Topic', 'ClusterAction Cluster'],
  request: {
    transactions: since(
      4,
      list(
        struct({
          transactionalId: string,
          producerId: int64,
          producerEpoch: int16,
          verifyOnly: bool,
          topics: list(topicPartitions),
        }),
      ),
    ),
    v3AndBelowTransactionalId: until(3, string),
    v3AndBelowProducerId: until(3, int64),
    v3AndBelowProducerEpoch: until(3, int16),
    v3AndBelowTopics: until(3, list(topicPartitions)),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: since(4, int16),
    resultsByTransaction: since(
      4,
      list(
        struct({
          transactionalId: string,
          topicResults: list(topicResult),
        }),
      ),
    ),
    resultsByTopicV3AndBelow: until(3, list(topicResult)),
  },
  async handle({ request, version, broker, access }) {
    if (version < 4) {
      const { v3AndBelowTransactionalId: transactionalId, v3AndBelowProducerId: producerId, v3AndBelowTopics: topics } = request
      const producerEpoch = request.v3AndBelowProducerEpoch
      access.check('Write TransactionalId', transactionalId)
      const isDenied = deniedTopics(topics, access, broker.cluster)
      if (topics.some(({ name }) => isDenied(name))) {
        // One partition that fails, and none joins the transaction.
        const errorOf = (topic: string, partition: number): ErrorName => {
          if (isDenied(topic)) return 'TOPIC_AUTHORIZATION_FAILED'
          const { partitions = 0 } = broker.cluster.topic(topic) ?? {}
          return partition >= 0 && partition < partitions ? 'OPERATION_NOT_ATTEMPTED' : 'UNKNOWN_TOPIC_OR_PARTITION'
        }
        const results = resultsOf(topics, (topic, partition) => errorCode(errorOf(topic, partition)))
        return { throttleTimeMs: 0, resultsByTopicV3AndBelow: results }
      }
      const identity = { transactionalId, producerId, producerEpoch }
      const { error, partitions } = await broker.transactions.addPartitions({ ...identity, partitions: partitionsOf(topics) })
      return { throttleTimeMs: 0, resultsByTopicV3AndBelow: resultsOf(topics, codeFrom(error, partitions, version)) }
    }
    access.check('ClusterAction Cluster')
    const results = request.transactions.map(async ({ topics, verifyOnly, ...identity }) => {
      const errors = await broker.transactions.verifyPartitions(identity, partitionsOf(topics), !verifyOnly)
      return { transactionalId: identity.transactionalId, topicResults: resultsOf(topics, codeFrom('NONE', errors, version)) }
    })
    return { throttleTimeMs: 0, errorCode: 0, resultsByTransaction: await Promise.all(results) }
  },
  errorResponse: (errorCode, request, version) =>
    version < 4
      ? { throttleTimeMs: 0, resultsByTopicV3AndBelow: resultsOf(request.v3AndBelowTopics, () => errorCode) }
      : { throttleTimeMs: 0, errorCode },
})
