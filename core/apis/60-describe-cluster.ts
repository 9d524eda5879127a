/**
 * DescribeCluster, key 60. v1 adds endpointType; v2 adds includeFencedBrokers, isFenced.
 */
import { defineApi } from '../wire/api.ts'
import { bool, int8, int16, int32, list, nullable, optional, since, string, struct } from '../wire/types.ts'

export default defineApi({
  key: 60,
  name: 'DescribeCluster',
  versions: [0, 2],
  flexible: 0,
  request: {
    includeClusterAuthorizedOperations: bool,
    endpointType: since(1, int8, 1),
    includeFencedBrokers: since(2, bool),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: optional(nullable(string)),
    endpointType: since(1, int8, 1),
    clusterId: string,
    controllerId: optional(int32, -1),
    brokers: list(
      struct({
        brokerId: int32,
        host: string,
        port: int32,
        rack: optional(nullable(string)),
        isFenced: since(2, bool),
      }),
    ),
    clusterAuthorizedOperations: optional(int32, -2147483648),
  },
})
