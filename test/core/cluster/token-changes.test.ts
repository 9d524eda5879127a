/**
 * Goal: delegation tokens live as long as Kafka's rules say, and only their owner and their renewers change that. Method: the pure changes,
 * one after another, with a clock in the test.
 */
import { describe, expect, test } from 'vitest'
import type { DelegationToken } from '../../../core/cluster/image/credentials-image.ts'
import {
  checkTokenLimits,
  isExpired,
  MAX_PRINCIPAL_CHARACTERS,
  MAX_TOKENS_PER_REQUESTER,
  newToken,
  renewedToken,
  shortenedToken,
} from '../../../core/cluster/token-changes.ts'

const NOW = 1_700_000_000_000
const lifetimes = { maxMs: 10_000, expiryMs: 2_000 }
const LONG_MAX = 2 ** 63

const issued = (over: object = {}) =>
  newToken({ owner: 'User:alice', requester: 'User:admin', renewers: ['User:bob'], maxLifetimeMs: -1, ...over }, 'the-id', NOW, lifetimes)

const errorOf = (change: () => unknown): string => {
  try {
    change()
  } catch (error) {
    return (error as { error: string }).error
  }
  return 'NONE'
}

describe('a new token', () => {
  test.each([
    [-1, 10_000, 2_000],
    [0, 10_000, 2_000],
    [1, 1, 1],
    [1_500, 1_500, 1_500],
    [5_000, 5_000, 2_000],
    [99_000, 10_000, 2_000],
    [LONG_MAX, 10_000, 2_000],
  ])('asked for %i ms: it can live for %i ms, and ends after %i ms', (maxLifetimeMs, max, expiry) => {
    const token = issued({ maxLifetimeMs })
    expect(token).toMatchObject({ issueTimestamp: NOW, maxTimestamp: NOW + max, expirationTimestamp: NOW + expiry })
    expect([token.tokenId, token.owner, token.requester, token.renewers]).toEqual(['the-id', 'User:alice', 'User:admin', ['User:bob']])
  })

  test('lifetimes of Long.MAX_VALUE never end', () => {
    const request = { owner: 'User:alice', requester: 'User:alice', renewers: [], maxLifetimeMs: -1 }
    const token = newToken(request, 'id', NOW, { maxMs: LONG_MAX, expiryMs: LONG_MAX })
    expect([token.maxTimestamp, token.expirationTimestamp]).toEqual([LONG_MAX, LONG_MAX])
    expect(isExpired(token, Number.MAX_SAFE_INTEGER)).toBe(false)
  })

  test('has expired after the millisecond of its end', () => {
    expect([1_999, 2_000, 2_001].map((later) => isExpired(issued(), NOW + later))).toEqual([false, false, true])
    expect(isExpired({ ...issued(), expirationTimestamp: NOW + 99_000 }, NOW + 10_001)).toBe(true)
  })
})

describe('the limits of a new token', () => {
  const request = { owner: 'User:alice', requester: 'User:admin', renewers: ['User:bob'], maxLifetimeMs: -1 }
  const tokens = Array.from({ length: MAX_TOKENS_PER_REQUESTER }, () => issued())

  test('a principal may have requested as many, whoever owns them', () => {
    expect(errorOf(() => checkTokenLimits(request, tokens.slice(1)))).toBe('NONE')
    expect(errorOf(() => checkTokenLimits(request, tokens))).toBe('POLICY_VIOLATION')
    expect(errorOf(() => checkTokenLimits({ ...request, owner: 'User:carol' }, tokens))).toBe('POLICY_VIOLATION')
    expect(errorOf(() => checkTokenLimits({ ...request, requester: 'User:alice' }, tokens))).toBe('NONE')
  })

  test('its principals have so many characters in all', () => {
    const left = MAX_PRINCIPAL_CHARACTERS - 'User:aliceUser:admin'.length
    const withRenewers = (renewers: string[]) => errorOf(() => checkTokenLimits({ ...request, renewers }, []))
    expect(withRenewers(['x'.repeat(left - 1), 'y'])).toBe('NONE')
    expect(withRenewers(['x'.repeat(left), 'y'])).toBe('INVALID_REQUEST')
  })
})

describe('a renewal', () => {
  const renewed = (later: number, periodMs: number, principal = 'User:alice', token: DelegationToken | undefined = issued()) =>
    renewedToken(token, principal, periodMs, NOW + later, lifetimes)

  test.each([
    [1_000, -1, 3_000],
    [1_000, 0, 3_000],
    [1_000, 500, 1_500],
    [1_000, 9_000, 3_000],
    [1_000, LONG_MAX, 3_000],
  ])('after %i ms for %i ms: the end is %i ms after the issue', (later, periodMs, end) => {
    expect(renewed(later, periodMs)).toEqual({ ...issued(), expirationTimestamp: NOW + end })
  })

  test('never goes past the longest lifetime', () => {
    const late = { ...issued(), expirationTimestamp: NOW + 9_900 }
    expect(renewed(9_500, -1, 'User:bob', late).expirationTimestamp).toBe(NOW + 10_000)
  })

  test('unknown, expired and of others, in this order', () => {
    expect(errorOf(() => renewedToken(undefined, 'User:x', -1, NOW, lifetimes))).toBe('DELEGATION_TOKEN_NOT_FOUND')
    expect(errorOf(() => renewed(2_001, -1, 'User:x'))).toBe('DELEGATION_TOKEN_EXPIRED')
    expect(errorOf(() => renewed(1, -1, 'User:admin'))).toBe('DELEGATION_TOKEN_OWNER_MISMATCH')
    expect(errorOf(() => renewed(1, -1, 'User:bob'))).toBe('NONE')
  })
})

describe('an earlier end', () => {
  const ended = (later: number, periodMs: number, principal = 'User:bob') => shortenedToken(issued(), principal, periodMs, NOW + later)

  test('is that of the period, within the longest lifetime; a negative one is at once', () => {
    expect(ended(1_000, 0)!.expirationTimestamp).toBe(NOW + 1_000)
    // As in Kafka it may be later too.
    expect(ended(1_000, 5_000)!.expirationTimestamp).toBe(NOW + 6_000)
    expect(ended(1_000, LONG_MAX)!.expirationTimestamp).toBe(NOW + 10_000)
    expect([ended(1_000, -1), ended(1_000, -9)]).toEqual([null, null])
  })

  test('unknown, of others, and expired, in this order; what has expired can be removed', () => {
    expect(errorOf(() => shortenedToken(undefined, 'User:x', -1, NOW))).toBe('DELEGATION_TOKEN_NOT_FOUND')
    expect(errorOf(() => ended(2_001, 5, 'User:x'))).toBe('DELEGATION_TOKEN_OWNER_MISMATCH')
    expect(errorOf(() => ended(2_001, 5))).toBe('DELEGATION_TOKEN_EXPIRED')
    expect(ended(2_001, -1)).toBeNull()
  })
})
