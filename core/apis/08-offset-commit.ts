/**
 * OffsetCommit, key 8. v3 adds throttleTimeMs; v5 drops retentionTimeMs; v6 adds committedLeaderEpoch; v7 adds groupInstanceId; v8 is
 * flexible; v10 adds topicId, drops name.
 */

import { int16, int32, int64, list, nullable, optional, since, string, struct, until, uuid } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 10],
  flexible: 8,
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
  handle: (context) => context.broker.groups.commit(context.request, context),
  errorResponse: (errorCode, request) => ({
    topics: request.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }),
})
