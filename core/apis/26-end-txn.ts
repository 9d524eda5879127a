/**
 * EndTxn, key 26. v3 is flexible; v5 adds producerId and producerEpoch of the next transaction to the response.
 */
import { bool, int16, int32, int64, since, string } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { fencedCode } from './producer-fenced.ts'

export default defineApi({
  key: 26,
  name: 'EndTxn',
  versions: [0, 5],
  flexible: 3,
  authorization: ['Write TransactionalId'],
  request: {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    committed: bool,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    producerId: since(5, int64, -1),
    producerEpoch: since(5, int16, -1),
  },
  async handle({ request, version, broker, access }) {
    access.check('Write TransactionalId', request.transactionalId)
    const { error, producerId, producerEpoch } = await broker.transactions.endTransaction(request, version)
    return { throttleTimeMs: 0, errorCode: fencedCode(error, version, 2), producerId, producerEpoch }
  },
  errorResponse: (errorCode) => ({ throttleTimeMs: 0, errorCode }),
})
