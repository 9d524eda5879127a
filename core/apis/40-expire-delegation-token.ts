/**
 * ExpireDelegationToken, key 40: an earlier end of a token, at once for a negative period, for its owner and its renewers. v2 is flexible.
 */
import { errorCode } from '../errors.ts'
import { bytes, farInt64, int16, int32 } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { allowsTokenRequests, NO_TIMESTAMP, outcomeOf } from './token-requests.ts'

export default defineApi({
  key: 40,
  name: 'ExpireDelegationToken',
  versions: [1, 2],
  flexible: 2,
  authorization: [],
  request: { hmac: bytes, expiryTimePeriodMs: farInt64 },
  response: { errorCode: int16, expiryTimestampMs: farInt64, throttleTimeMs: int32 },
  async handle({ request, peer, broker }) {
    if (!allowsTokenRequests({ peer, broker }))
      return { errorCode: errorCode('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED'), expiryTimestampMs: NO_TIMESTAMP, throttleTimeMs: 0 }
    const { hmac, expiryTimePeriodMs } = request
    const { result, code } = await outcomeOf(broker.cluster.delegationTokens.expire(hmac, peer.principal, expiryTimePeriodMs))
    return { errorCode: code, expiryTimestampMs: result ?? 0, throttleTimeMs: 0 }
  },
  errorResponse: (errorCode) => ({ errorCode, expiryTimestampMs: 0, throttleTimeMs: 0 }),
})
