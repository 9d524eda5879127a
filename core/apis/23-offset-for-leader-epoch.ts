/**
 * OffsetForLeaderEpoch, key 23. v3 adds replicaId; v4 is flexible.
 */
import { defineApi } from '../wire/api.ts'
import { int16, int32, int64, list, optional, since, string, struct } from '../wire/types.ts'

export default defineApi({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: [2, 4],
  flexible: 4,
  request: {
    replicaId: since(3, int32, -2),
    topics: list(
      struct({
        topic: string,
        partitions: list(
          struct({
            partition: int32,
            currentLeaderEpoch: optional(int32, -1),
            leaderEpoch: int32,
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    topics: list(
      struct({
        topic: string,
        partitions: list(
          struct({
            errorCode: int16,
            partition: int32,
            leaderEpoch: optional(int32, -1),
            endOffset: optional(int64, -1),
          }),
        ),
      }),
    ),
  },
})
