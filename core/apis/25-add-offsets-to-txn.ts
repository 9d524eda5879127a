/**
 * AddOffsetsToTxn, key 25. v3 is flexible.
 */
import { int16, int32, int64, string } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { fencedCode } from './producer-fenced.ts'

export default defineApi({
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: [0, 4],
  flexible: 3,
  authorization: ['Write TransactionalId', 'Read Group'],
  request: {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    groupId: string,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
  },
  async handle({ request, version, broker, access }) {
    access.check('Write TransactionalId', request.transactionalId)
    access.check('Read Group', request.groupId)
    return { throttleTimeMs: 0, errorCode: fencedCode(await broker.transactions.addOffsets(request), version, 2) }
  },
  errorResponse: (errorCode) => ({ throttleTimeMs: 0, errorCode }),
})
