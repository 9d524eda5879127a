/**
 * Goal: numbers keep their digits wherever they are in a text. Method: numbers at each place of JSON, the same in texts, and random JSON
 * (fast-check), read also by a reviver for each value.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LongNumber, parseExactly } from '../../../connect/sdk/exact-json.ts'

const LONG = '9007199254740993'
const places = (number: string) => [
  number,
  ` ${number}`,
  `[${number}]`,
  `[1, ${number}]`,
  `{"a":${number}}`,
  `{"a" :\n${number}}`,
  `[-${number}]`,
]

test('a long number is a bigint at each place', () => {
  for (const text of places(LONG))
    expect(
      JSON.stringify(parseExactly(text), (_, v) => (typeof v === 'bigint' ? `n${v}` : v)),
      text,
    ).toContain(LONG)
})

test('a fraction keeps zeros at its end and its exponent where that matters', () => {
  for (const number of ['1.50', '0.10', '1e3', '1.5E-7', '0.1234567890123456789'])
    for (const text of places(number)) {
      const found: string[] = []
      JSON.stringify(parseExactly(text, true), (_, value) => (value instanceof LongNumber ? found.push(value.digits) : value))
      expect(found, text).toEqual([text.includes('-') && !text.includes(`"a"`) && text.startsWith('[-') ? `-${number}` : number])
    }
})

test('texts that look like numbers stay texts, and numbers beside them are read', () => {
  expect(parseExactly(`{"a":"1.50","b":",${LONG}","c":1.5}`, true)).toEqual({ a: '1.50', b: `,${LONG}`, c: 1.5 })
})

test('any JSON is read as JSON.parse reads it where doubles have all digits', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value, (_, item) => (typeof item === 'number' && !Number.isSafeInteger(item) ? String(item) : item))
      expect(parseExactly(text)).toEqual(JSON.parse(text))
      expect(parseExactly(text, true)).toEqual(JSON.parse(text))
    }),
  )
})

/** JSON.parse with a reviver for each value: what parseExactly gives, in the slow way. */
const revived = (text: string): unknown =>
  JSON.parse(text, ((_: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? '') ? BigInt(source!) : value) as never)

test('numbers that are read as the same double keep their own digits', () => {
  for (const text of [
    '[9007199254740992,9007199254740993]',
    '[1e18,1000000000000000001]',
    '[9007199254740992.0,9007199254740993]',
    `{"a":9007199254740993,"b":",9007199254740992","c":[9007199254740993]}`,
    `[${'9'.repeat(400)},1e999]`,
    '{"__proto__":9007199254740993,"\\u005f_proto__":{"a":-9007199254740993}}',
  ])
    expect(parseExactly(text), text).toEqual(revived(text))
  expect(Object.getOwnPropertyDescriptor(parseExactly('{"__proto__":9007199254740993}'), '__proto__')).toEqual({
    value: 9007199254740993n,
    writable: true,
    enumerable: true,
    configurable: true,
  })
})

test('any JSON with numbers of any length is read as a reviver reads it', () => {
  const digits = fc.stringMatching(/^-?[1-9]\d{0,22}$/)
  const near = fc.bigInt({ min: 2n ** 53n - 4n, max: 2n ** 53n + 4n }).map(String)
  const number = fc.oneof(
    digits,
    near,
    fc.tuple(digits, fc.constantFrom('', '.0', '.5', 'e2', 'E-3', '.25e7')).map((parts) => parts.join('')),
  )
  const { value } = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      number,
      number.map((text) => `"a,:[${text}"`),
      fc.array(tie('value'), { maxLength: 4 }).map((items) => `[ ${items.join(' , ')}]`),
      fc.array(tie('value'), { maxLength: 4 }).map((items) => `{${items.map((item, index) => `"f${index}" :${item}`).join(',')} }`),
    ),
  }))
  fc.assert(
    fc.property(value, (text) => {
      expect(parseExactly(text)).toEqual(revived(text))
    }),
    { numRuns: 500 },
  )
})
