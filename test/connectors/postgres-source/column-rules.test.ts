/**
 * Goal: masks, hashes and cuts change what they are for, and hashes are Debezium's to the digit. Method: values with the hashes that
 * Debezium's algorithm gives of Java's serialised strings; the golden file of mapping.test.ts has those that Debezium itself gave.
 */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  changedBy,
  hashAlgorithm,
  hashRule,
  maskRule,
  parametersOf,
  truncateRule,
} from '../../../connectors/postgres-source/column-rules.ts'

const UNLIMITED = 2_147_483_647

test('a mask hides NULL too', () => {
  const change = changedBy(maskRule(4, 'x'), UNLIMITED, true)!
  expect([change('secret'), change(null)]).toEqual(['****', '****'])
  expect(changedBy(maskRule(4, 'x'), UNLIMITED, false)).toBe(null)
})

describe('hashes', () => {
  const hash = (algorithm: string, isPlain: boolean, length = UNLIMITED) =>
    changedBy(hashRule(algorithm, 'salt', isPlain, 'x'), length, true)!
  const sha = (...parts: (string | Buffer)[]) => parts.reduce((all, part) => all.update(part), createHash('sha256')).digest('hex')

  test('of the text itself', () => expect(hash('SHA-256', true)('ünï')).toBe(sha('salt', 'ünï')))

  test('of the string that Java serialises', () => {
    expect(hash('SHA-256', false)('ab')).toBe(sha('salt', Buffer.from('aced0005740002', 'hex'), 'ab'))
    const long = 'x'.repeat(70_000)
    expect(hash('SHA-256', false)(long)).toBe(sha('salt', Buffer.from('aced00057c0000000000011170', 'hex'), long))
    // Java writes zero in two bytes, and each half of a pair by itself.
    expect(hash('SHA-256', false)('\0𝄞')).toBe(sha('salt', Buffer.from('aced0005740008c080eda0b4edb49e', 'hex')))
  })

  test('no longer than the column', () => expect(hash('SHA-256', true, 10)('a')).toBe(sha('salt', 'a').slice(0, 10)))
  test('NULL stays', () => expect(hash('SHA-256', true)(null)).toBe(null))
  test.each(['MD5', 'SHA-1', 'SHA', 'SHA-224', 'SHA-256', 'SHA-384', 'SHA-512', 'sha-512', 'SHA3-256'])('%s', (name) => {
    expect(hashAlgorithm(name)).not.toBe(undefined)
  })
  test('an algorithm that nobody knows', () => expect(hashAlgorithm('ROT13')).toBe(undefined))
})

test('cuts are of characters and bytes, where the column may be longer', () => {
  const change = changedBy(truncateRule(3, 'x'), 10, true)!
  expect([change('abcd'), change('ab'), change(null), change(Buffer.from('abcd')), change([1, 2, 3, 4])]).toEqual([
    'abc',
    'ab',
    null,
    Buffer.from('abc'),
    [1, 2, 3, 4],
  ])
  expect(changedBy(truncateRule(3, 'x'), 3, true)).toBe(null)
  expect(parametersOf(truncateRule(3, 'x'), 3)).toEqual({})
  expect(parametersOf(truncateRule(3, 'x'), 4)).toEqual({ truncateLength: '3' })
  expect(parametersOf(maskRule(3, 'x'), 4)).toEqual({ masked: 'true' })
})
