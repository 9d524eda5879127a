/**
 * OffsetCommit, key 8. v3 adds throttleTimeMs; v5 drops retentionTimeMs; v6 adds committedLeaderEpoch; v7 adds groupInstanceId; v8 is
 * flexible; v10 adds topicId, drops name.
 */
import { errorCode } from '../errors.ts'
import { int16, int32, int64, list, nullable, optional, since, string, struct, until, uuid } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { splitTopics } from './split-topics.ts'

interface CommittedTopic {
  readonly name: string
  readonly topicId: string
  readonly partitions: readonly { readonly partitionIndex: number }[]
}

const failed = ({ name, topicId, partitions }: CommittedTopic, code: number) => ({
  name,
  topicId,
  partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code })),
})

export default defineApi({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 10],
  flexible: 8,
  authorization: ['Read Group', 'Read Topic'],
  request: {
    groupId: string,
    generationIdOrMemberEpoch: optional(int32, -1),
    memberId: string,
    groupInstanceId: since(7, nullable(string)),
    retentionTimeMs: until(4, int64, -1),
    topics: list(
      struct({
        name: until(9, string),
        topicId: since(10, uuid),
        partitions: list(
          struct({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: since(6, int32, -1),
            committedMetadata: nullable(string),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: since(3, int32),
    topics: list(
      struct({
        name: until(9, string),
        topicId: since(10, uuid),
        partitions: list(
          struct({
            partitionIndex: int32,
            errorCode: int16,
          }),
        ),
      }),
    ),
  },
  async handle(context) {
    const { request, version, broker, access } = context
    access.check('Read Group', request.groupId)
    const nameOf = ({ name, topicId }: { name: string; topicId: string }) =>
      version >= 10 ? broker.cluster.topicById(topicId)?.name : name
    const { allowed, denied } = splitTopics(access, 'Read Topic', request.topics, nameOf)
    const committed = await broker.groups.commit({ ...request, topics: allowed }, context)
    const code = errorCode('TOPIC_AUTHORIZATION_FAILED')
    return { topics: [...denied.map((topic) => failed(topic, code)), ...committed.topics] }
  },
  errorResponse: (errorCode, request) => ({
    topics: request.topics.map((topic) => failed(topic, errorCode)),
  }),
})
