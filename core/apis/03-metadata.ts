/**
 * Metadata, key 3. v1 adds rack, controllerId, isInternal; v2 adds clusterId; v3 adds throttleTimeMs; v4 adds allowAutoTopicCreation; v5
 * adds offlineReplicas; v7 adds leaderEpoch; v8 adds includeClusterAuthorizedOperations, includeTopicAuthorizedOperations,
 * topicAuthorizedOperations, clusterAuthorizedOperations; v9 is flexible; v10 adds topicId; v11 drops includeClusterAuthorizedOperations,
 * clusterAuthorizedOperations; v13 adds errorCode.
 */
import { defineApi } from '../wire/api.ts'
import { between, bool, int16, int32, list, nullable, since, string, struct, uuid } from '../wire/types.ts'

export default defineApi({
  key: 3,
  name: 'Metadata',
  versions: [0, 13],
  flexible: 9,
  request: {
    topics: nullable(
      list(
        struct({
          topicId: since(10, uuid),
          name: nullable(string, 10),
        }),
      ),
      1,
    ),
    allowAutoTopicCreation: since(4, bool, true),
    includeClusterAuthorizedOperations: between(8, 10, bool),
    includeTopicAuthorizedOperations: since(8, bool),
  },
  response: {
    throttleTimeMs: since(3, int32),
    brokers: list(
      struct({
        nodeId: int32,
        host: string,
        port: int32,
        rack: since(1, nullable(string)),
      }),
    ),
    clusterId: since(2, nullable(string)),
    controllerId: since(1, int32, -1),
    topics: list(
      struct({
        errorCode: int16,
        name: nullable(string, 12),
        topicId: since(10, uuid),
        isInternal: since(1, bool),
        partitions: list(
          struct({
            errorCode: int16,
            partitionIndex: int32,
            leaderId: int32,
            leaderEpoch: since(7, int32, -1),
            replicaNodes: list(int32),
            isrNodes: list(int32),
            offlineReplicas: since(5, list(int32)),
          }),
        ),
        topicAuthorizedOperations: since(8, int32, -2147483648),
      }),
    ),
    clusterAuthorizedOperations: between(8, 10, int32, -2147483648),
    errorCode: since(13, int16),
  },
})
