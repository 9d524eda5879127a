/**
 * CreateTopics, key 19. v5 is flexible, adds topicConfigErrorCode, numPartitions, replicationFactor, configs; v7 adds topicId.
 */
import { defineApi } from '../wire/api.ts'
import { bool, int8, int16, int32, list, nullable, optional, since, string, struct, tagged, uuid } from '../wire/types.ts'

export default defineApi({
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexible: 5,
  request: {
    topics: list(
      struct({
        name: string,
        numPartitions: int32,
        replicationFactor: int16,
        assignments: list(
          struct({
            partitionIndex: int32,
            brokerIds: list(int32),
          }),
        ),
        configs: list(
          struct({
            name: string,
            value: nullable(string),
          }),
        ),
      }),
    ),
    timeoutMs: optional(int32, 60000),
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32,
    topics: list(
      struct({
        name: string,
        topicId: since(7, uuid),
        errorCode: int16,
        errorMessage: nullable(string),
        topicConfigErrorCode: tagged(0, 5, int16),
        numPartitions: since(5, int32, -1),
        replicationFactor: since(5, int16, -1),
        configs: since(
          5,
          nullable(
            list(
              struct({
                name: string,
                value: nullable(string),
                readOnly: bool,
                configSource: optional(int8, -1),
                isSensitive: bool,
              }),
            ),
          ),
          [],
        ),
      }),
    ),
  },
})
