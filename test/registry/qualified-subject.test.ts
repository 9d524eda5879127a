/**
 * Goal: subjects and contexts are taken apart, put together, matched and refused as Confluent does. Method: texts and what they mean.
 */
import { describe, expect, test } from 'vitest'
import {
  isContext,
  isDefaultContext,
  isValidSubject,
  matchesSubject,
  normalizeSubject,
  parseSubject,
  prefixOfContext,
  qualifyWithParent,
} from '../../registry/qualified-subject.ts'

test.each([
  ['a', '.', 'a', 'a'],
  ['', '.', '', ''],
  [':.c:a', '.c', 'a', ':.c:a'],
  [':.c:a:b', '.c', 'a:b', ':.c:a:b'],
  [':.c:', '.c', '', ':.c:'],
  [':.c', '.c', '', ':.c:'],
  [':.:a', '.', 'a', 'a'],
  [':.:', '.', '', ''],
  [':*:a', '*', 'a', ':*:a'],
  [':x:a', '.', ':x:a', ':x:a'],
])('%j is subject and context', (text, context, subject, normal) => {
  expect(parseSubject(text)).toEqual({ context, subject })
  expect(normalizeSubject(text)).toBe(normal)
})

describe('what a scope has in it', () => {
  test.each([
    [null, 'a', true],
    ['a', 'a', true],
    ['a', ':.c:a', false],
    [':.c:', ':.c:a', true],
    [':.c:', 'a', false],
    [':.c:a', ':.c:b', false],
    ['', 'a', true],
    ['', ':.c:a', false],
    [':.__GLOBAL:', ':.c:a', true],
  ])('%j and %j: %j', (scope, subject, expected) => {
    expect(matchesSubject(scope, subject)).toBe(expected)
  })
})

test('references and aliases are in the context of their parent, where they name none', () => {
  expect(qualifyWithParent(':.c:a', 'b')).toBe(':.c:b')
  expect(qualifyWithParent(':.c:a', ':.d:b')).toBe(':.d:b')
  expect(qualifyWithParent('a', 'b')).toBe('b')
})

test('names that are refused', () => {
  const valid = (text: string) => isValidSubject(text, { isConfigOrMode: false })
  expect([valid('a'), valid('a\n'), valid('__EMPTY'), valid(':.c:__GLOBAL'), valid(':.__GLOBAL:a')]).toEqual([
    true,
    false,
    false,
    false,
    false,
  ])
  expect(isValidSubject(':.__GLOBAL:', { isConfigOrMode: true })).toBe(true)
})

test('contexts by their name', () => {
  expect([prefixOfContext('c'), prefixOfContext('.c'), prefixOfContext(':.c:'), prefixOfContext('.'), prefixOfContext('a:b')]).toEqual([
    ':.c:',
    ':.c:',
    ':.c:',
    '',
    undefined,
  ])
  expect([isContext(':.c:'), isContext('a'), isDefaultContext(''), isDefaultContext(':.c:')]).toEqual([true, false, true, false])
})
