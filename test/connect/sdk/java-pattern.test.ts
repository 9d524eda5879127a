/**
 * Goal: patterns and replacements mean what they mean in Java, in linear time. Method: replacements with their results and errors of
 * Java, and a pattern that backtracks without end elsewhere.
 */
import { expect, test } from 'vitest'
import { javaPattern, patternProblem, replaceFirst, replacementOf } from '../../../connect/sdk/java-pattern.ts'

const replaced = (pattern: string, replacement: string, text: string) =>
  replaceFirst(javaPattern(pattern), text, replacementOf(replacement, javaPattern(pattern)))

test.each([
  ['(a)(b)', '$2$1', 'ab', 'ba'],
  ['(a)(b)', '$21', 'ab', 'b1'],
  ['(a)(b)?', '[$2]', 'a', '[]'],
  ['(?<name>a+)', '$' + '{name}!', 'aa', 'aa!'],
  ['a', '\\$1\\\\', 'ab', '$1\\b'],
  ['x', 'y', 'ab', 'ab'],
  ['a|ab', '-', 'ab', '-b'],
])('%s with %s', (pattern, replacement, text, result) => {
  expect(replaced(pattern, replacement, text)).toBe(result)
})

test.each([
  ['(a)', '$', 'Illegal group reference: group index is missing'],
  ['(a)', '$x', 'Illegal group reference'],
  ['(a)', '$2', 'No group 2'],
  ['(a)', '$' + '{b}', 'No group with name {b}'],
  ['(a)', '$' + '{', 'named capturing group has 0 length name'],
  ['(a)', '$' + '{b', "named capturing group is missing trailing '}'"],
  ['(a)', '$' + '{1}', 'capturing group name {1} starts with digit character'],
  ['(a)', '\\', 'character to be escaped is missing'],
])('%s refuses %s', (pattern, replacement, message) => {
  expect(() => replacementOf(replacement, javaPattern(pattern))).toThrow(message)
})

test('what only backtracking can match is refused with a sentence', () => {
  for (const pattern of ['(?=a)b', '(a)\\1', 'a*+', '[']) expect(patternProblem(pattern)).toMatch(/^Invalid regex: .* are not supported\)$/)
  expect(patternProblem('(a+)+b')).toBeUndefined()
  expect(javaPattern('(a+)+b').matches('a'.repeat(100_000))).toBe(false)
})
