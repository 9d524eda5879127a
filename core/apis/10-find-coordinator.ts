/**
 * FindCoordinator, key 10. v1 adds keyType, throttleTimeMs, errorMessage; v3 is flexible; v4 adds coordinatorKeys, coordinators, drops
 * key, errorCode, errorMessage, nodeId, host, port.
 */
import { defineApi } from '../wire/api.ts'
import { between, int8, int16, int32, list, nullable, since, string, struct, until } from '../wire/types.ts'

export default defineApi({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 6],
  flexible: 3,
  request: {
    key: until(3, string),
    keyType: since(1, int8),
    coordinatorKeys: since(4, list(string)),
  },
  response: {
    throttleTimeMs: since(1, int32),
    errorCode: until(3, int16),
    errorMessage: between(1, 3, nullable(string), ''),
    nodeId: until(3, int32),
    host: until(3, string),
    port: until(3, int32),
    coordinators: since(
      4,
      list(
        struct({
          key: string,
          nodeId: int32,
          host: string,
          port: int32,
          errorCode: int16,
          errorMessage: nullable(string),
        }),
      ),
    ),
  },
})
