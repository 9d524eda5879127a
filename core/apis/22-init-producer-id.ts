/**
 * InitProducerId, key 22. v2 is flexible; v3 adds producerId, producerEpoch.
 */
import { type ErrorName, errorCode } from '../errors.ts'
import { int16, int32, int64, nullable, optional, since, string } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 5],
  flexible: 2,
  missing: ['transactional ids: transactions are not implemented, and such a request gets TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
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
  async handle({ request, version, broker }) {
    const failed = (error: ErrorName) => ({ throttleTimeMs: 0, errorCode: errorCode(error), producerId: -1, producerEpoch: -1 })
    const { transactionalId, producerId, producerEpoch } = request
    if (transactionalId === '') return failed('INVALID_REQUEST')
    if (version >= 3 && (producerId < -1 || producerEpoch < -1 || (producerId === -1) !== (producerEpoch === -1)))
      return failed('INVALID_REQUEST')
    // This error is fatal for every client. After a retriable error it would retry for ever.
    if (transactionalId !== null) return failed('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
    return { throttleTimeMs: 0, errorCode: 0, producerId: await broker.cluster.nextProducerId(), producerEpoch: 0 }
  },
  errorResponse: (errorCode) => ({ throttleTimeMs: 0, errorCode, producerId: -1, producerEpoch: -1 }),
})
