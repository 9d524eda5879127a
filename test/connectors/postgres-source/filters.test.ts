/**
 * Goal: lists of regular expressions name what they name in Debezium. Method: lists with anchors, cases, commas and escapes.
 */
import { expect, test } from 'vitest'
import { listProblem, matchesAny } from '../../../connectors/postgres-source/filters.ts'

test.each([
  ['public.orders', 'public.orders', true],
  ['public.orders', 'public.orders2', false],
  ['public.order', 'public.orders', false],
  ['PUBLIC.Orders', 'public.orders', true],
  ['public.orders', 'publicXorders', true],
  ['public\\.orders', 'publicXorders', false],
  [' a.b , c.d ,', 'c.d', true],
  ['', '', false],
  ['a|ab', 'ab', true],
  ['public\\.x{1\\,3}', 'public.xx', true],
  ['a\\,b', 'a,b', true],
  ['(?i)a', 'A', true],
])('%j and %s: %s', (list, name, expected) => expect(matchesAny(list)(name)).toBe(expected))

test.each(['(', 'a,[', 'a(?=b)', 'x\\'])('%j is refused', (list) => {
  expect(listProblem(list)).toMatch(/^A comma-separated list of valid regular expressions is expected, but /)
})

test('a list that is valid has no problem', () => expect(listProblem('public\\..*,x')).toBe(undefined))
