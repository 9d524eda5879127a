/**
 * Goal: .properties files are read and written as Java does. Method: the cases of java.util.Properties' own description, and property tests
 * that write any map and read it back.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatProperties, parseProperties } from '../../../core/system/java-properties.ts'

test.each<[string, Record<string, string>]>([
  ['', {}],
  ['# a\n! b\n   # c\n\n', {}],
  ['a=1\nb:2\nc 3\nd\t4\ne = 5\nf : 6\ng  7', { a: '1', b: '2', c: '3', d: '4', e: '5', f: '6', g: '7' }],
  ['  a  =  b c  ', { a: 'b c  ' }],
  ['empty=\nalone\nsp ', { empty: '', alone: '', sp: '' }],
  ['a=b=c:d', { a: 'b=c:d' }],
  ['a\\=b\\:c\\ d=e', { 'a=b:c d': 'e' }],
  ['fruits = apple, \\\n     banana, \\\r\n     # no comment', { fruits: 'apple, banana, # no comment' }],
  ['path=c:\\\\dir\\\\', { path: 'c:\\dir\\' }],
  ['tab=a\\tb\\nc\\u00e4\\q', { tab: 'a\tb\ncäq' }],
  ['x=1\nx=2', { x: '2' }],
  ['=v', { '': 'v' }],
  ['last=one\\', { last: 'one' }],
  ['\uFEFFfirst=1', { first: '1' }],
  ['__proto__=x', JSON.parse('{"__proto__":"x"}') as Record<string, string>],
])('%j', (text, expected) => {
  expect(Object.entries(parseProperties(text))).toEqual(Object.entries(expected))
})

test('a broken escape is an error that quotes it', () => {
  expect(() => parseProperties('a=\\u12')).toThrow('"\\u12" is not a \\uXXXX escape')
})

test('text written with escapes is read back', () => {
  const escaped = (text: string) =>
    [...text]
      .map((c) =>
        /[a-zA-Z0-9]/.test(c) ? c : [...Array(c.length).keys()].map((i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
      )
      .join('')
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ minLength: 1, unit: 'binary' }), fc.string({ unit: 'binary' }), { noNullPrototype: true }),
      (map) => {
        const text = Object.entries(map)
          .map(([key, value]) => `${escaped(key)}=${escaped(value)}`)
          .join('\n')
        expect(new Map(Object.entries(parseProperties(text)))).toEqual(new Map(Object.entries(map)))
      },
    ),
  )
})

test('what is written is read back, with the escapes of java.util.Properties', () => {
  expect(formatProperties([['a b', ' c=d:e#f!g h']])).toBe('a\\ b=\\ c\\=d\\:e\\#f\\!g h\n')
  expect(formatProperties([['tab\t', 'c:\\dir\\\n']])).toBe('tab\\t=c\\:\\\\dir\\\\\\n\n')
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ minLength: 1, unit: 'binary' }), fc.string({ unit: 'binary' }), { noNullPrototype: true }),
      (map) => {
        expect(Object.entries(parseProperties(formatProperties(Object.entries(map))))).toEqual(Object.entries(map))
      },
    ),
  )
})
