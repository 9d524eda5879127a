/**
 * Goal: what is read of bytes is what was sent, or an error: no replaced characters, no value so deep that whoever has it next overflows
 * its stack. Method: bytes at the edges, in a value and in an envelope whose schema is known and not; random JSON (fast-check).
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkNesting, parseJson, textOf } from '../../../../connect/converters/json/parse.ts'
import json from '../../../../connect/converters/json.ts'
import { parseSettings } from '../../../../connect/sdk/index.ts'

const make = (raw: Record<string, string> = {}) => json.create(parseSettings(json.settings, raw), false)
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
/** What a converter reads of bytes of a value, by itself and as the payload of an envelope that it knows and does not know. */
function readers(schema: string) {
  const envelope = (payload: Buffer) => Buffer.concat([Buffer.from(`{"schema":${schema},"payload":`), payload, Buffer.from('}')])
  const known = make()
  known.toConnect('t', envelope(Buffer.from('null')))
  return [
    (bytes: Buffer) => make({ 'schemas.enable': 'false' }).toConnect('t', bytes).value,
    (bytes: Buffer) => make().toConnect('t', envelope(bytes)).value,
    (bytes: Buffer) => known.toConnect('t', envelope(bytes)).value,
  ]
}

test('bytes that are no UTF-8 are refused, and never replaced', () => {
  for (const read of readers('{"type":"string","optional":true}')) {
    for (const broken of ['22 ff 22', '22 c3 22', '22 c3 28 22', '22 ed a0 80 22', '22 f0 9f 8e 22'])
      expect(() => read(hex(broken)), broken).toThrow('the bytes are no UTF-8')
    // The replacement character itself is one like any other.
    expect(read(Buffer.from('"\ufffd 🎉"'))).toBe('\ufffd 🎉')
  }
})

test('a byte order mark is passed over, and alone it is no value', () => {
  const plain = make({ 'schemas.enable': 'false' })
  expect(plain.toConnect('t', Buffer.from('\ufeff{"a":1}')).value).toEqual({ a: 1 })
  expect(() => plain.toConnect('t', Buffer.from('\ufeff'))).toThrow('serialization error')
  expect(plain.toConnect('t', Buffer.from(' \n')).value).toBe(null)
  const envelope = Buffer.from('\ufeff{"schema":{"type":"int32","optional":false},"payload":5}')
  const enveloped = make()
  for (let n = 0; n < 2; n++) expect(enveloped.toConnect('t', envelope).value).toBe(5)
})

test('leading zeros of numbers count for nothing, and texts keep theirs', () => {
  const text = '{"007":"007,[00", "a" : [007,-00.5,0e1,0.05, 00,1e05,"\\"",-0012], "b":0}'
  expect(parseJson(text, false)).toEqual({ '007': '007,[00', a: [7, -0.5, 0, 0.05, 0, 1e5, '"', -12], b: 0 })
  expect(parseJson('0009007199254740993', false)).toBe(9007199254740993n)
  for (const wrong of ['0x1', '00a', '"00', '[00', '{"a":00"b"}', '"\\', '1 01'])
    expect(() => parseJson(wrong, false), wrong).toThrow('serialization error')
})

describe('nesting', () => {
  const arrays = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

  test('a value may be nested 1000 deep, and no deeper, also in an envelope', () => {
    expect(() => parseJson(arrays(1000), false)).not.toThrow()
    expect(() => parseJson(arrays(1001), false)).toThrow('serialization error')
    expect(() => parseJson(`${'{"a":'.repeat(1001)}1${'}'.repeat(1001)}`, false)).toThrow('serialization error')
    for (const read of readers('{"type":"boolean","optional":true}').slice(1)) {
      expect(() => read(Buffer.from(arrays(999)))).toThrow('cannot be read from JSON array')
      expect(() => read(Buffer.from(arrays(100_000)))).toThrow('serialization error')
    }
  })

  test('many values side by side, and brackets in texts, are no nesting', () => {
    const wide = JSON.stringify(Array.from({ length: 5_000 }, (_, n) => ({ n, open: '[{"[{\\[' })))
    expect(parseJson(wide, false)).toHaveLength(5_000)
    expect(parseJson(JSON.stringify('[{'.repeat(5_000)), false)).toHaveLength(10_000)
  })

  test('the depth of any JSON is found', () => {
    const depthOf = (value: unknown): number =>
      typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', 'a') }),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.string({ unit: fc.constantFrom('[', '}', '"', '\\') }), tie('value'), { maxKeys: 3 }),
      ),
    }))
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 6 }), (one, limit) => {
        const text = `${' '.repeat(20)}${JSON.stringify(one)}`
        if (depthOf(one) > limit) expect(() => checkNesting(text, limit)).toThrow('nested deeper')
        else expect(() => checkNesting(text, limit)).not.toThrow()
      }),
      { numRuns: 500 },
    )
  })
})

test('any text is read back from its UTF-8', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void expect(textOf(Buffer.from(text))).toBe(text)))
})

test('what a converter has read before does not change what it reads: records of one schema in any order', () => {
  const schema =
    '{"type":"struct","optional":false,"fields":[{"field":"n","type":"int64","optional":true},{"field":"f","type":"double","optional":true},' +
    '{"field":"d","type":"bytes","name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"},"optional":true}]}'
  const number = fc.oneof(
    fc.stringMatching(/^-?(0|[1-9]\d{0,21})(\.\d{1,20})?([eE][+-]?\d{1,2})?$/),
    fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }).map(String),
    fc.constantFrom('null', '-0', '-0.0', '1.50', '0.0000001', '"AJY="', '"NaN"', 'true', '00', '9223372036854775808'),
  )
  const record = fc
    .record({ n: number, f: number, d: number })
    .map(({ n, f, d }) => Buffer.from(`{"schema":${schema},"payload":{"n":${n},"f":${f},"d":${d}}}`))
  const result = (converter: ReturnType<typeof make>, bytes: Buffer) => {
    try {
      return converter.toConnect('t', bytes).value
    } catch (error) {
      return (error as Error).message
    }
  }
  fc.assert(
    fc.property(fc.array(record, { minLength: 2, maxLength: 12 }), (records) => {
      const warm = make()
      for (const bytes of records) expect(result(warm, bytes)).toEqual(result(make(), bytes))
    }),
    { numRuns: 300 },
  )
})
