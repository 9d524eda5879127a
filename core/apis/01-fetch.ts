/**
 * Fetch, key 1. v5 adds logStartOffset; v7 adds sessionId, sessionEpoch, forgottenTopicsData, errorCode; v9 adds currentLeaderEpoch; v11
 * adds rackId, preferredReadReplica; v12 is flexible, adds clusterId, lastFetchedEpoch, divergingEpoch, currentLeader, snapshotId; v13
 * adds topicId, drops topic; v15 adds replicaState, drops replicaId; v16 adds nodeEndpoints; v17 adds replicaDirectoryId; v18 adds
 * highWatermark.
 */
import { defineApi } from '../wire/api.ts'
import { int8, int16, int32, int64, list, nullable, optional, records, since, string, struct, tagged, until, uuid } from '../wire/types.ts'

export default defineApi({
  key: 1,
  name: 'Fetch',
  versions: [4, 18],
  flexible: 12,
  request: {
    clusterId: tagged(0, 12, nullable(string)),
    replicaId: until(14, int32, -1),
    replicaState: tagged(
      1,
      15,
      struct({
        replicaId: optional(int32, -1),
        replicaEpoch: optional(int64, -1),
      }),
    ),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: optional(int32, 2147483647),
    isolationLevel: int8,
    sessionId: since(7, int32),
    sessionEpoch: since(7, int32, -1),
    topics: list(
      struct({
        topic: until(12, string),
        topicId: since(13, uuid),
        partitions: list(
          struct({
            partition: int32,
            currentLeaderEpoch: since(9, int32, -1),
            fetchOffset: int64,
            lastFetchedEpoch: since(12, int32, -1),
            logStartOffset: since(5, int64, -1),
            partitionMaxBytes: int32,
            replicaDirectoryId: tagged(0, 17, uuid),
            highWatermark: tagged(1, 18, int64, Number.MAX_SAFE_INTEGER),
          }),
        ),
      }),
    ),
    forgottenTopicsData: since(
      7,
      list(
        struct({
          topic: until(12, string),
          topicId: since(13, uuid),
          partitions: list(int32),
        }),
      ),
    ),
    rackId: since(11, string),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: since(7, int16),
    sessionId: since(7, int32),
    responses: list(
      struct({
        topic: until(12, string),
        topicId: since(13, uuid),
        partitions: list(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            highWatermark: int64,
            lastStableOffset: optional(int64, -1),
            logStartOffset: since(5, int64, -1),
            divergingEpoch: tagged(
              0,
              12,
              struct({
                epoch: optional(int32, -1),
                endOffset: optional(int64, -1),
              }),
            ),
            currentLeader: tagged(
              1,
              12,
              struct({
                leaderId: optional(int32, -1),
                leaderEpoch: optional(int32, -1),
              }),
            ),
            snapshotId: tagged(
              2,
              12,
              struct({
                endOffset: optional(int64, -1),
                epoch: optional(int32, -1),
              }),
            ),
            abortedTransactions: nullable(
              list(
                struct({
                  producerId: int64,
                  firstOffset: int64,
                }),
              ),
            ),
            preferredReadReplica: since(11, int32, -1),
            records: nullable(records),
          }),
        ),
      }),
    ),
    nodeEndpoints: tagged(
      0,
      16,
      list(
        struct({
          nodeId: int32,
          host: string,
          port: int32,
          rack: optional(nullable(string)),
        }),
      ),
    ),
  },
})
