/**
 * What the requests for delegation tokens change (KIP-48, KIP-373): the new state of a token, or the error, in the order of Kafka's
 * controller. Times are wall time. Pure.
 */
import { KafkaError } from '../errors.ts'
import type { DelegationToken } from './image/credentials-image.ts'

/** Principals are written `User:alice`. */
export interface NewToken {
  readonly requester: string
  readonly owner: string
  readonly renewers: readonly string[]
  /** 0 or less for the longest. */
  readonly maxLifetimeMs: number
}

/** Its methods throw KafkaError; changes are durable when they resolve. */
export interface DelegationTokens {
  /** Whether there is a secret key. */
  readonly isEnabled: boolean
  /** Those that were issued and not removed, expired ones included. */
  all(): Iterable<DelegationToken>
  byId(tokenId: string): DelegationToken | undefined
  /** The secret of a token. Only where tokens are enabled. */
  hmacOf(tokenId: string): Buffer
  create(request: NewToken): Promise<DelegationToken>
  /** Resolves with the new end. `principal` must be the owner or a renewer. */
  renew(hmac: Buffer, principal: string, periodMs: number): Promise<number>
  /** Resolves with the new end. A negative period removes the token. `principal` must be the owner or a renewer. */
  expire(hmac: Buffer, principal: string, periodMs: number): Promise<number>
}

export interface TokenLifetimes {
  /** delegation.token.max.lifetime.ms */
  readonly maxMs: number
  /** delegation.token.expiry.time.ms */
  readonly expiryMs: number
}

/**
 * Tokens that one principal may have requested, of those that are not removed. Whoever is logged in may request them, with no permission,
 * and the broker has all of them in memory. Kafka has no limit.
 */
export const MAX_TOKENS_PER_REQUESTER = 5_000
/** Characters of the principals of one new token. */
export const MAX_PRINCIPAL_CHARACTERS = 10_000

/** Java's Long.MAX_VALUE, as it is read from a setting or a record: the end of what never ends. */
const NEVER = 2 ** 63

export const isExpired = ({ maxTimestamp, expirationTimestamp }: DelegationToken, now: number): boolean =>
  maxTimestamp < now || expirationTimestamp < now

const isOwnerOrRenewer = ({ owner, renewers }: DelegationToken, principal: string): boolean =>
  owner === principal || renewers.includes(principal)

/** Longer periods than the configured one are shortened; 0 and less stand for it. */
const atMost = (limitMs: number, askedMs: number): number => (askedMs > 0 ? Math.min(limitMs, askedMs) : limitMs)

const later = (now: number, ms: number): number => Math.min(now + ms, NEVER)

/** Throws INVALID_REQUEST where the token is too large, POLICY_VIOLATION where its requester has as many `tokens` as it may. */
export function checkTokenLimits({ requester, owner, renewers }: NewToken, tokens: Iterable<DelegationToken>): void {
  let characters = requester.length + owner.length
  for (const renewer of renewers) characters += renewer.length
  if (characters > MAX_PRINCIPAL_CHARACTERS)
    throw new KafkaError(
      'INVALID_REQUEST',
      `The principals of a token have up to ${MAX_PRINCIPAL_CHARACTERS} characters: name fewer renewers.`,
    )
  let count = 0
  for (const token of tokens) if (token.requester === requester) count++
  if (count >= MAX_TOKENS_PER_REQUESTER)
    throw new KafkaError('POLICY_VIOLATION', `${requester} has ${count} delegation tokens: remove some, or wait until they expire.`)
}

export function newToken(request: NewToken, tokenId: string, now: number, { maxMs, expiryMs }: TokenLifetimes): DelegationToken {
  const { requester, owner, renewers, maxLifetimeMs } = request
  const maxTimestamp = later(now, atMost(maxMs, maxLifetimeMs))
  const expirationTimestamp = Math.min(maxTimestamp, later(now, expiryMs))
  return { owner, requester, renewers: [...renewers], issueTimestamp: now, maxTimestamp, expirationTimestamp, tokenId }
}

/** Throws where `token` is unknown, has expired, or is not the business of `principal`. */
export function renewedToken(
  token: DelegationToken | undefined,
  principal: string,
  periodMs: number,
  now: number,
  { expiryMs }: TokenLifetimes,
): DelegationToken {
  if (!token) throw new KafkaError('DELEGATION_TOKEN_NOT_FOUND', 'Delegation Token is not found on server.')
  if (isExpired(token, now)) throw new KafkaError('DELEGATION_TOKEN_EXPIRED', 'Delegation Token is expired.')
  checkPrincipal(token, principal)
  return { ...token, expirationTimestamp: Math.min(token.maxTimestamp, later(now, atMost(expiryMs, periodMs))) }
}

/**
 * The token with its new end, or null where it ends at once: a negative period removes it, expired or not. Throws where `token` is unknown,
 * has expired, or is not the business of `principal`.
 */
export function shortenedToken(
  token: DelegationToken | undefined,
  principal: string,
  periodMs: number,
  now: number,
): DelegationToken | null {
  if (!token) throw new KafkaError('DELEGATION_TOKEN_NOT_FOUND', 'Delegation Token is not found on server.')
  checkPrincipal(token, principal)
  if (periodMs < 0) return null
  if (isExpired(token, now)) throw new KafkaError('DELEGATION_TOKEN_EXPIRED', 'Delegation Token is expired.')
  return { ...token, expirationTimestamp: Math.min(token.maxTimestamp, later(now, periodMs)) }
}

function checkPrincipal(token: DelegationToken, principal: string): void {
  if (!isOwnerOrRenewer(token, principal))
    throw new KafkaError('DELEGATION_TOKEN_OWNER_MISMATCH', 'Specified Principal is not valid Owner/Renewer.')
}
