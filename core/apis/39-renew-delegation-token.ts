/**
 * RenewDelegationToken, key 39: a new end of a token, for its owner and its renewers. v2 is flexible.
 */
import { errorCode } from '../errors.ts'
import { bytes, farInt64, int16, int32 } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { allowsTokenRequests, NO_TIMESTAMP, outcomeOf } from './token-requests.ts'

export default defineApi({
  key: 39,
  name: 'RenewDelegationToken',
  versions: [1, 2],
  flexible: 2,
  authorization: [],
  request: { hmac: bytes, renewPeriodMs: farInt64 },
  response: { errorCode: int16, expiryTimestampMs: farInt64, throttleTimeMs: int32 },
  async handle({ request, peer, broker }) {
    if (!allowsTokenRequests({ peer, broker }))
      return { errorCode: errorCode('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED'), expiryTimestampMs: NO_TIMESTAMP, throttleTimeMs: 0 }
    const { hmac, renewPeriodMs } = request
    const { result, code } = await outcomeOf(broker.cluster.delegationTokens.renew(hmac, peer.principal, renewPeriodMs))
    return { errorCode: code, expiryTimestampMs: result ?? 0, throttleTimeMs: 0 }
  },
  errorResponse: (errorCode) => ({ errorCode, expiryTimestampMs: 0, throttleTimeMs: 0 }),
})
