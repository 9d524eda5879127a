/**
 * DescribeDelegationToken, key 41: tokens with their HMACs, for their owner, requester and renewers, and for those with a permission
 * (KIP-373). v2 is flexible; v3 adds the requester.
 */
import { errorCode } from '../errors.ts'
import { bytes, farInt64, int16, int32, int64, list, nullable, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { allowsTokenRequests, principalFields, principalOf } from './token-requests.ts'

export default defineApi({
  key: 41,
  name: 'DescribeDelegationToken',
  versions: [1, 3],
  flexible: 2,
  authorization: ['Describe DelegationToken', 'DescribeTokens User'],
  request: { owners: nullable(list(struct({ principalType: string, principalName: string }))) },
  response: {
    errorCode: int16,
    tokens: list(
      struct({
        principalType: string,
        principalName: string,
        tokenRequesterPrincipalType: since(3, string),
        tokenRequesterPrincipalName: since(3, string),
        issueTimestamp: int64,
        expiryTimestamp: farInt64,
        maxTimestamp: farInt64,
        tokenId: string,
        hmac: bytes,
        renewers: list(struct({ principalType: string, principalName: string })),
      }),
    ),
    throttleTimeMs: int32,
  },
  handle({ request, peer, broker, access }) {
    const { delegationTokens } = broker.cluster
    const failed = (error: Parameters<typeof errorCode>[0]) => ({ errorCode: errorCode(error), tokens: [], throttleTimeMs: 0 })
    if (!allowsTokenRequests({ peer, broker })) return failed('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED')
    if (!delegationTokens.isEnabled) return failed('DELEGATION_TOKEN_AUTH_DISABLED')
    const owners = request.owners && new Set(request.owners.map(principalOf))
    const tokens = [...(owners?.size === 0 ? [] : delegationTokens.all())]
      .filter((token) => {
        const { owner, requester, renewers, tokenId } = token
        const concerned = [owner, requester, ...renewers]
        if (owners && !concerned.some((principal) => owners.has(principal))) return false
        if (concerned.includes(peer.principal)) return true
        return access.allows('Describe DelegationToken', tokenId) || access.allows('DescribeTokens User', owner)
      })
      .map(({ owner, requester, renewers, tokenId, issueTimestamp, expirationTimestamp, maxTimestamp }) => {
        const { principalType: tokenRequesterPrincipalType, principalName: tokenRequesterPrincipalName } = principalFields(requester)
        return {
          ...principalFields(owner),
          tokenRequesterPrincipalType,
          tokenRequesterPrincipalName,
          issueTimestamp,
          expiryTimestamp: expirationTimestamp,
          maxTimestamp,
          tokenId,
          hmac: delegationTokens.hmacOf(tokenId),
          renewers: renewers.map(principalFields),
        }
      })
    return { errorCode: 0, tokens, throttleTimeMs: 0 }
  },
  errorResponse: (errorCode) => ({ errorCode, tokens: [], throttleTimeMs: 0 }),
})
