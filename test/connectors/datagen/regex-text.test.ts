/**
 * Goal: texts match the regular expression that they are made for, and have the length that is asked for where they can. Method: many
 * texts of many expressions, matched by JavaScript's own engine.
 */
import { expect, test } from 'vitest'
import { JavaRandom } from '../../../connectors/datagen/java-random.ts'
import { regexTexts } from '../../../connectors/datagen/regex-text.ts'

test.each([
  'User_[1-9]',
  'City_[1-9]{0,2}',
  '[A-Z]{2}\\d{6}[A-Z]',
  '\\[[0-9][0-9],[0-9][0-9]\\]',
  '(red|green|blue)-(?:a|b)?x+',
  '^a.c$',
  '[^a-z]{3}',
  '\\w+@\\w{2,}\\.(?<tld>com|org)',
  '[\\d\\-_]{4,8}',
  '(ab{2,3}){2}',
])('%s', (pattern) => {
  const random = new JavaRandom(3)
  const text = regexTexts(pattern, 8, 16)
  const whole = new RegExp(`^(?:${pattern})$`)
  for (let round = 0; round < 200; round++) expect(text(random)).toMatch(whole)
})

test('the length is within its bounds where the expression allows it', () => {
  const random = new JavaRandom(3)
  const text = regexTexts('[a-z]*', 5, 7)
  const lengths = new Set(Array.from({ length: 200 }, () => text(random).length))
  expect([...lengths].sort()).toEqual([5, 6])
})

test.each([
  ['(?=a)b', 'look-around'],
  ['(a)\\1', '\\1'],
  ['[a', 'bracket'],
  ['[[:alpha:]]', 'class within a class'],
  ['[a-z&&[^x]]', 'class within a class'],
  ['(a', 'nothing closes'],
  ['a)', 'nothing opens'],
  ['*a', 'quantifier'],
  ['a{3,2}', 'repetition'],
])('%s is refused', (pattern, why) => {
  expect(() => regexTexts(pattern, 0, 9)).toThrow(why)
})
