/**
 * CreateDelegationToken, key 38: a token with which others log in as its owner (KIP-48), who is the requester unless it may create tokens
 * for others (KIP-373). v2 is flexible; v3 adds the owner to the request and the requester to the response.
 */
import { errorCode, KafkaError } from '../errors.ts'
import { bytes, farInt64, int16, int32, int64, list, nullable, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { ANONYMOUS, allowsTokenRequests, NO_TIMESTAMP, outcomeOf, principalFields, principalOf } from './token-requests.ts'

const NO_HMAC = Buffer.alloc(0)

/** Who the response is about. */
function principals(owner: string, requester: string) {
  const { principalType: tokenRequesterPrincipalType, principalName: tokenRequesterPrincipalName } = principalFields(requester)
  return { ...principalFields(owner), tokenRequesterPrincipalType, tokenRequesterPrincipalName }
}

const without = (timestamp: number, code: number, owner: string, requester: string) => ({
  errorCode: code,
  ...principals(owner, requester),
  issueTimestampMs: timestamp,
  expiryTimestampMs: timestamp,
  maxTimestampMs: timestamp,
  tokenId: '',
  hmac: NO_HMAC,
  throttleTimeMs: 0,
})

interface NamedOwner {
  readonly ownerPrincipalType: string | null
  readonly ownerPrincipalName: string | null
}

/** Null where the request names none. */
function ownerOf({ ownerPrincipalType: principalType, ownerPrincipalName: principalName }: NamedOwner): string | null {
  if (!principalName) return null
  if (principalType === null) throw new KafkaError('UNKNOWN_SERVER_ERROR', 'Principal type cannot be null')
  return principalOf({ principalType, principalName })
}

export default defineApi({
  key: 38,
  name: 'CreateDelegationToken',
  versions: [1, 3],
  flexible: 2,
  authorization: ['CreateTokens User'],
  request: {
    ownerPrincipalType: since(3, nullable(string)),
    ownerPrincipalName: since(3, nullable(string)),
    renewers: list(struct({ principalType: string, principalName: string })),
    maxLifetimeMs: farInt64,
  },
  response: {
    errorCode: int16,
    principalType: string,
    principalName: string,
    tokenRequesterPrincipalType: since(3, string),
    tokenRequesterPrincipalName: since(3, string),
    issueTimestampMs: int64,
    expiryTimestampMs: farInt64,
    maxTimestampMs: farInt64,
    tokenId: string,
    hmac: bytes,
    throttleTimeMs: int32,
  },
  async handle({ request, peer, broker, access }) {
    const { renewers, maxLifetimeMs } = request
    const requester = peer.principal
    const owner = ownerOf(request) ?? requester
    const refused = (error: Parameters<typeof errorCode>[0]) => without(NO_TIMESTAMP, errorCode(error), owner, requester)
    if (!allowsTokenRequests({ peer, broker })) return refused('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED')
    if (owner !== requester && !access.allows('CreateTokens User', owner)) return refused('DELEGATION_TOKEN_AUTHORIZATION_FAILED')
    if (renewers.some((renewer) => renewer.principalType !== 'User')) return refused('INVALID_PRINCIPAL_TYPE')
    const { delegationTokens } = broker.cluster
    const { result: token, code } = await outcomeOf(
      delegationTokens.create({ owner, requester, renewers: renewers.map(principalOf), maxLifetimeMs }),
    )
    if (!token) return without(0, code, owner, requester)
    return {
      errorCode: 0,
      ...principals(owner, requester),
      issueTimestampMs: token.issueTimestamp,
      expiryTimestampMs: token.expirationTimestamp,
      maxTimestampMs: token.maxTimestamp,
      tokenId: token.tokenId,
      hmac: delegationTokens.hmacOf(token.tokenId),
      throttleTimeMs: 0,
    }
  },
  errorResponse: (code) => without(NO_TIMESTAMP, code, ANONYMOUS, ANONYMOUS),
})
