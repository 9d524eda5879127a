/**
 * DescribeTopicPartitions, key 75.
 */
import { defineApi } from '../wire/api.ts'
import { bool, int16, int32, list, nullable, optional, string, struct, uuid } from '../wire/types.ts'

export default defineApi({
  key: 75,
  name: 'DescribeTopicPartitions',
  versions: [0, 0],
  flexible: 0,
  request: {
    topics: list(
      struct({
        name: string,
      }),
    ),
    responsePartitionLimit: optional(int32, 2000),
    cursor: optional(
      nullable(
        struct({
          topicName: string,
          partitionIndex: int32,
        }),
      ),
    ),
  },
  response: {
    throttleTimeMs: int32,
    topics: list(
      struct({
        errorCode: int16,
        name: nullable(string),
        topicId: uuid,
        isInternal: bool,
        partitions: list(
          struct({
            errorCode: int16,
            partitionIndex: int32,
            leaderId: int32,
            leaderEpoch: optional(int32, -1),
            replicaNodes: list(int32),
            isrNodes: list(int32),
            eligibleLeaderReplicas: optional(nullable(list(int32))),
            lastKnownElr: optional(nullable(list(int32))),
            offlineReplicas: list(int32),
          }),
        ),
        topicAuthorizedOperations: optional(int32, -2147483648),
      }),
    ),
    nextCursor: optional(
      nullable(
        struct({
          topicName: string,
          partitionIndex: int32,
        }),
      ),
    ),
  },
})
