/**
 * InitProducerId, key 22. v2 is flexible; v3 adds producerId, producerEpoch.
 */
import { defineApi } from '../wire/api.ts'
import { int16, int32, int64, nullable, optional, since, string } from '../wire/types.ts'

export default defineApi({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 5],
  flexible: 2,
  request: {
    transactionalId: nullable(string),
    transactionTimeoutMs: int32,
    producerId: since(3, int64, -1),
    producerEpoch: since(3, int16, -1),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    producerId: optional(int64, -1),
    producerEpoch: int16,
  },
})
