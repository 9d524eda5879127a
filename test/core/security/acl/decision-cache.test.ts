/**
 * Goal: a cached decision is that of the same question only, and the cache is bounded. Method: the cache alone, with rules as marks.
 */
import { expect, test } from 'vitest'
import { DEFAULT_ALLOW, DEFAULT_DENY, type Rule } from '../../../../core/security/acl/decision.ts'
import {
  DecisionCache,
  MAX_CACHED_DECISIONS,
  MAX_CACHED_NAME_LENGTH,
  MAX_CACHED_PRINCIPAL_LENGTH,
} from '../../../../core/security/acl/decision-cache.ts'

test('a decision is that of its principal, host, operation, type and name', () => {
  const cache = new DecisionCache<Rule>()
  cache.set('User:a', '/1', 3, 2, 'x', DEFAULT_ALLOW)
  cache.set('User:a', '/1', 3, 2, 'y', DEFAULT_DENY)
  expect(cache.get('User:a', '/1', 3, 2, 'x')).toBe(DEFAULT_ALLOW)
  expect(cache.get('User:a', '/1', 3, 2, 'y')).toBe(DEFAULT_DENY)
  expect([
    cache.get('User:b', '/1', 3, 2, 'x'),
    cache.get('User:a', '/2', 3, 2, 'x'),
    cache.get('User:a', '/1', 4, 2, 'x'),
    cache.get('User:a', '/1', 3, 3, 'x'),
    cache.get('User:a', '/1', 3, 2, 'z'),
  ]).toEqual([undefined, undefined, undefined, undefined, undefined])
})

test('operations and types do not collide', () => {
  const cache = new DecisionCache<Rule>()
  for (let type = 1; type <= 7; type++) for (let operation = 1; operation <= 15; operation++) cache.set('u', 'h', operation, type, 'x', DEFAULT_DENY) // biome-ignore format: one line
  expect(cache.size).toBe(105)
  cache.set('u', 'h', 15, 1, 'y', DEFAULT_ALLOW)
  expect(cache.get('u', 'h', 0, 2, 'y')).toBeUndefined()
})

test('it is bounded, and has no long names or principals', () => {
  const cache = new DecisionCache<Rule>()
  for (let i = 0; i < MAX_CACHED_DECISIONS + 10; i++) cache.set(`User:${i % 100}`, `/${i % 7}`, 3, 2, `topic-${i}`, DEFAULT_DENY)
  expect(cache.size).toBe(10)
  expect(cache.get('User:0', '/0', 3, 2, 'topic-0')).toBeUndefined()
  cache.set('User:a', '/1', 3, 3, 'g'.repeat(MAX_CACHED_NAME_LENGTH + 1), DEFAULT_DENY)
  expect(cache.size).toBe(10)
  cache.set(`User:${'p'.repeat(MAX_CACHED_PRINCIPAL_LENGTH)}`, '/1', 3, 3, 'g', DEFAULT_DENY)
  expect(cache.size).toBe(10)
  cache.clear()
  expect(cache.size).toBe(0)
})
