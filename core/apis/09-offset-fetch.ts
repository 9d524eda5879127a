/**
 * OffsetFetch, key 9. v2 adds errorCode; v3 adds throttleTimeMs; v5 adds committedLeaderEpoch; v6 is flexible; v7 adds requireStable; v8
 * adds groups, drops groupId, topics, errorCode; v9 adds memberId, memberEpoch; v10 adds topicId, drops name.
 */

import { between, bool, int16, int32, int64, list, nullable, optional, since, string, struct, until, uuid } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 10],
  flexible: 6,
  request: {
    groupId: until(7, string),
    topics: until(
      7,
      nullable(
        list(
          struct({
            name: string,
            partitionIndexes: list(int32),
          }),
        ),
        2,
      ),
      [],
    ),
    groups: since(
      8,
      list(
        struct({
          groupId: string,
          memberId: since(9, nullable(string)),
          memberEpoch: since(9, int32, -1),
          topics: nullable(
            list(
              struct({
                name: until(9, string),
                topicId: since(10, uuid),
                partitionIndexes: list(int32),
              }),
            ),
          ),
        }),
      ),
    ),
    requireStable: since(7, bool),
  },
  response: {
    throttleTimeMs: since(3, int32),
    topics: until(
      7,
      list(
        struct({
          name: string,
          partitions: list(
            struct({
              partitionIndex: int32,
              committedOffset: int64,
              committedLeaderEpoch: since(5, int32, -1),
              metadata: nullable(string),
              errorCode: int16,
            }),
          ),
        }),
      ),
    ),
    errorCode: between(2, 7, int16),
    groups: since(
      8,
      list(
        struct({
          groupId: string,
          topics: list(
            struct({
              name: until(9, string),
              topicId: since(10, uuid),
              partitions: list(
                struct({
                  partitionIndex: int32,
                  committedOffset: int64,
                  committedLeaderEpoch: optional(int32, -1),
                  metadata: nullable(string),
                  errorCode: int16,
                }),
              ),
            }),
          ),
          errorCode: int16,
        }),
      ),
    ),
  },
  handle: (context) => context.broker.groups.fetch(context.request, context),
  // In v1 only the partitions have an error code, in v8 only the groups.
  errorResponse: (errorCode, request) => ({
    errorCode,
    topics: (request.topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, committedOffset: -1, metadata: '', errorCode })),
    })),
    groups: request.groups.map(({ groupId }) => ({ groupId, topics: [], errorCode })),
  }),
})
