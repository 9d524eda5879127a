/**
 * Produce, key 0. v5 adds logStartOffset; v8 adds recordErrors, errorMessage; v9 is flexible; v10 adds currentLeader, nodeEndpoints; v13
 * adds topicId, drops name.
 */
import { defineApi } from '../wire/api.ts'
import { int16, int32, int64, list, nullable, optional, records, since, string, struct, tagged, until, uuid } from '../wire/types.ts'

export default defineApi({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  advertised: [0, 13],
  flexible: 9,
  request: {
    transactionalId: optional(nullable(string)),
    acks: int16,
    timeoutMs: int32,
    topicData: list(
      struct({
        name: until(12, string),
        topicId: since(13, uuid),
        partitionData: list(
          struct({
            index: int32,
            records: nullable(records),
          }),
        ),
      }),
    ),
  },
  response: {
    responses: list(
      struct({
        name: until(12, string),
        topicId: since(13, uuid),
        partitionResponses: list(
          struct({
            index: int32,
            errorCode: int16,
            baseOffset: int64,
            logAppendTimeMs: optional(int64, -1),
            logStartOffset: since(5, int64, -1),
            recordErrors: since(
              8,
              list(
                struct({
                  batchIndex: int32,
                  batchIndexErrorMessage: optional(nullable(string)),
                }),
              ),
            ),
            errorMessage: since(8, nullable(string)),
            currentLeader: tagged(
              0,
              10,
              struct({
                leaderId: optional(int32, -1),
                leaderEpoch: optional(int32, -1),
              }),
            ),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32,
    nodeEndpoints: tagged(
      0,
      10,
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
