/**
 * DeleteTopics, key 20. v4 is flexible; v5 adds errorMessage; v6 adds topics, topicId, drops topicNames.
 */
import { defineApi } from '../wire/api.ts'
import { int16, int32, list, nullable, optional, since, string, struct, until, uuid } from '../wire/types.ts'

export default defineApi({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexible: 4,
  request: {
    topics: since(
      6,
      list(
        struct({
          name: optional(nullable(string)),
          topicId: uuid,
        }),
      ),
    ),
    topicNames: until(5, list(string)),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs: int32,
    responses: list(
      struct({
        name: nullable(string, 6),
        topicId: since(6, uuid),
        errorCode: int16,
        errorMessage: since(5, nullable(string)),
      }),
    ),
  },
})
