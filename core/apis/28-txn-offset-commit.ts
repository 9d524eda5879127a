/**
 * TxnOffsetCommit, key 28. v2 adds committedLeaderEpoch; v3 is flexible, adds generationId, memberId, groupInstanceId. From v5 on the
 * request adds the partition of the group to the transaction (KIP-890).
 */
import { errorCode, KafkaError } from '../errors.ts'
import type { Verification } from '../log/types.ts'
import { partitionKey } from '../topic-partition.ts'
import { int16, int32, int64, list, nullable, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { splitTopics } from './split-topics.ts'

interface CommittedTopic {
  readonly name: string
  readonly partitions: readonly { readonly partitionIndex: number }[]
}

const failed = ({ name, partitions }: CommittedTopic, code: number) => ({
  name,
  partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code })),
})

export default defineApi({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: [0, 5],
  flexible: 3,
  authorization: ['Write TransactionalId', 'Read Group', 'Read Topic'],
  request: {
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    generationId: since(3, int32, -1),
    memberId: since(3, string),
    groupInstanceId: since(3, nullable(string)),
    topics: list(
      struct({
        name: string,
        partitions: list(
          struct({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: since(2, int32, -1),
            committedMetadata: nullable(string),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    topics: list(
      struct({
        name: string,
        partitions: list(
          struct({
            partitionIndex: int32,
            errorCode: int16,
          }),
        ),
      }),
    ),
  },
  async handle({ request, version, broker, access }) {
    access.check('Write TransactionalId', request.transactionalId)
    access.check('Read Group', request.groupId)
    const { allowed, denied } = splitTopics(access, 'Read Topic', request.topics, ({ name }) => name)
    const operation = { addsPartitions: version >= 5, knowsAbortable: version >= 4 }
    const verify = async (partition: number): Promise<Verification> => {
      const offsets = { topic: '__consumer_offsets', partition }
      const verified = await broker.transactionVerifier.run(request, [{ ...offsets, sequence: -1 }], operation, (partitions) => partitions)
      const verification = verified.get(partitionKey(offsets))!
      if (verification instanceof KafkaError)
        throw verification.error === 'UNKNOWN_TOPIC_OR_PARTITION' ? new KafkaError('COORDINATOR_NOT_AVAILABLE') : verification
      return verification
    }
    const committed = await broker.groups.commitTransactional({ ...request, topics: allowed }, verify)
    const code = errorCode('TOPIC_AUTHORIZATION_FAILED')
    return { throttleTimeMs: 0, topics: [...denied.map((topic) => failed(topic, code)), ...committed.topics] }
  },
  errorResponse: (errorCode, { topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map((topic) => failed(topic, errorCode)),
  }),
})
