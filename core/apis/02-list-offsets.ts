/**
 * ListOffsets, key 2. v2 adds isolationLevel, throttleTimeMs; v4 adds currentLeaderEpoch, leaderEpoch; v6 is flexible; v10 adds
 * timeoutMs.
 */
import { defineApi } from '../wire/api.ts'
import { int8, int16, int32, int64, list, optional, since, string, struct } from '../wire/types.ts'

export default defineApi({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 11],
  flexible: 6,
  request: {
    replicaId: int32,
    isolationLevel: since(2, int8),
    topics: list(
      struct({
        name: string,
        partitions: list(
          struct({
            partitionIndex: int32,
            currentLeaderEpoch: since(4, int32, -1),
            timestamp: int64,
          }),
        ),
      }),
    ),
    timeoutMs: since(10, int32),
  },
  response: {
    throttleTimeMs: since(2, int32),
    topics: list(
      struct({
        name: string,
        partitions: list(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            timestamp: optional(int64, -1),
            offset: optional(int64, -1),
            leaderEpoch: since(4, int32, -1),
          }),
        ),
      }),
    ),
  },
})
