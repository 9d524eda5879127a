/**
 * Goal: a JSON text becomes a value with the schema that Debezium infers. Method: texts of all kinds, and those that have no schema.
 */
import { expect, test } from 'vitest'
import { DataError, type Schema } from '../../../../connect/sdk/index.ts'
import { JsonExpansion } from '../../../../connect/transforms/data/json-expansion.ts'

const expand = (text: string, keepsNulls = false) => new JsonExpansion(keepsNulls, (name) => name).expand('p', text)
/** A schema in short: its type, fields, items and name. */
const short = (schema: Schema): unknown =>
  schema.type === 'struct'
    ? { [schema.name ?? '']: Object.fromEntries(schema.fields!.map((field) => [field.name, short(field.schema)])) }
    : schema.type === 'array'
      ? [short(schema.values!)]
      : schema.type

test('each value has its type, and structs the name of their path', () => {
  const { schema, value } = expand('{"a":1,"b":3000000000,"c":1.0,"d":"x","e":true,"f":{"g":[{"h":9223372036854775807}]}}')
  expect(short(schema)).toEqual({
    p: { a: 'int32', b: 'int64', c: 'float64', d: 'string', e: 'boolean', f: { 'p.f': { g: [{ 'p.f.g': { h: 'int64' } }] } } },
  })
  expect(value).toEqual({ a: 1, b: 3_000_000_000, c: 1, d: 'x', e: true, f: { g: [{ h: 2n ** 63n - 1n }] } })
})

test('null and empty arrays are no fields, or null is optional bytes', () => {
  expect(short(expand('{"a":null,"b":[]}').schema)).toEqual({ p: {} })
  expect(short(expand('{"a":null,"b":[null]}', true).schema)).toEqual({ p: { a: 'bytes', b: ['bytes'] } })
})

test('the structs of an array have the fields of all', () => {
  const { schema, value } = expand('[{"a":null,"b":1},{"a":"x","c":2}]', true)
  expect(short(schema)).toEqual([{ p: { a: 'string', b: 'int32', c: 'int32' } }])
  expect(value).toEqual([
    { a: null, b: 1, c: null },
    { a: 'x', b: null, c: 2 },
  ])
})

test('equal shapes have the same schema', () => {
  const expansion = new JsonExpansion(false, (name) => name)
  expect(expansion.expand('p', '{"a":1}').schema).toBe(expansion.expand('p', '{"a":2}').schema)
  expect(expansion.expand('p', '{"a":1}').schema).not.toBe(expansion.expand('p', '{"a":1.5}').schema)
})

test('values of adjusted names are those of the first name', () => {
  const { value } = new JsonExpansion(false, (name) => name.replace('-', '_')).expand('p', '{"a-b":1,"a_b":2}')
  expect(value).toEqual({ a_b: 1 })
})

test('a name that objects inherit is a field like any other', () => {
  const { value } = expand('{"__proto__":{"x":1},"constructor":2}')
  expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor'])
})

test.each([
  '"x"',
  '',
  'x',
  '{',
  '[]',
  '[1,"x"]',
  '[1,3000000000]',
  '[null]',
  '[{"a":1},{"b":1},null]',
  '[{"a":1},{"a":1.5}]',
  '[[1],["x"]]',
  '{"":1}',
  '{"a":99999999999999999999}',
])('%s has no schema', (text) => {
  expect(() => expand(text)).toThrow(text === '{' ? SyntaxError : DataError)
})

test('a text may be nested so deep, and no deeper', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`
  expect(expand(nested(1_000)).schema.type).toBe('array')
  expect(() => expand(nested(1_001))).toThrow('nested deeper than 1000')
  expect(() => expand(nested(200_000))).toThrow(/nested deeper|call stack/)
})
