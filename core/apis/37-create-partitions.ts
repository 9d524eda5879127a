/**
 * CreatePartitions, key 37. v2 is flexible.
 */
import { defineApi } from '../wire/api.ts'
import { bool, int16, int32, list, nullable, optional, string, struct } from '../wire/types.ts'

export default defineApi({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexible: 2,
  request: {
    topics: list(
      struct({
        name: string,
        count: int32,
        assignments: nullable(
          list(
            struct({
              brokerIds: list(int32),
            }),
          ),
        ),
      }),
    ),
    timeoutMs: int32,
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32,
    results: list(
      struct({
        name: string,
        errorCode: int16,
        errorMessage: optional(nullable(string)),
      }),
    ),
  },
})
