/**
 * Goal: what is a reference is decided as Kafka's ConfigTransformer does, in linear time. Method: cases by hand, and Kafka's own regular
 * expression beside ours on generated values.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hasReference, referencesIn, replaceReferences } from '../../../core/config-references/reference.ts'

const partsOf = (value: string) => [...referencesIn(value)].map(({ provider, path, key }) => [provider, path, key])

test.each([
  ['${file:/a/b:key}', [['file', '/a/b', 'key']]],
  ['${env:NAME}', [['env', '', 'NAME']]],
  [
    'x${env:A}y${env:B}',
    [
      ['env', '', 'A'],
      ['env', '', 'B'],
    ],
  ],
  ['${file:/a:b:c}', [['file', '/a', 'b:c']]],
  ['${a${b:c}', [['a${b', '', 'c']]],
  ['${:}', [['', '', '']]],
  ['${topic}', []],
  ['${topic}${env:A}', [['env', '', 'A']]],
  ['${env:A', []],
  ['$${env:A}}', [['env', '', 'A']]],
  ['${env:a\nb}', [['env', '', 'a\nb']]],
])('%s', (value, expected) => {
  expect(partsOf(value)).toEqual(expected)
  expect(hasReference(value)).toBe(expected.length > 0)
})

/** The pattern that Kafka Connect documents; its time is not linear. */
const PATTERN = /\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}/g
const value = fc.array(fc.constantFrom('$', '{', '}', ':', '${', 'a', '/', '\n', '🎉'), { maxLength: 24 }).map((parts) => parts.join(''))

test('the references of any value are those of the pattern', () => {
  fc.assert(
    fc.property(value, (text) => {
      const expected = [...text.matchAll(PATTERN)].map((match) => [match[1], match[3] ?? '', match[4]])
      expect(partsOf(text)).toEqual(expected)
    }),
    { numRuns: 2_000 },
  )
})

test('what has no value stays, and what is put in is not searched', () => {
  const known: Record<string, string> = { A: '${env:B}', B: '$1' }
  const replaced = (text: string) => replaceReferences(text, ({ key }) => known[key])
  expect(replaced('<${env:A}|${env:B}|${env:C}>')).toBe('<${env:B}|$1|${env:C}>')
})

test('a megabyte of openings takes no longer than one of letters', () => {
  const text = '${:'.repeat(350_000)
  expect([...referencesIn(text)]).toEqual([])
  expect(partsOf(`${text}}`)).toHaveLength(1)
})
