/**
 * Goal: ExtractField makes a field the value, nested ones too with V2. Method: structs and maps with and without the field.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import extractField from '../../../connect/transforms/extract-field.ts'
import { ofValue } from './applying.ts'

const [, extractValue] = extractField
const inner = schemas.struct({ b: schemas.int32({ optional: true, default: 5 }) }, { optional: true })
const schema = schemas.struct({ a: inner, 'a.b': schemas.string() })

test('V1 takes a name at the root, V2 a path', () => {
  expect(ofValue(extractValue, { field: 'a.b' }, schema, { a: { b: 1 }, 'a.b': 'x' })).toEqual({ schema: schemas.string(), value: 'x' })
  const v2 = { field: 'a.b', 'field.syntax.version': 'v2' }
  expect(ofValue(extractValue, v2, schema, { a: { b: 1 }, 'a.b': 'x' })).toEqual({ schema: inner.fields![0]!.schema, value: 1 })
  expect(ofValue(extractValue, v2, null, { a: { b: 1 } })).toEqual({ schema: null, value: 1 })
})

test('null on the way is null; a null field is its default unless replace.null.with.default is false', () => {
  const v2 = { field: 'a.b', 'field.syntax.version': 'V2' }
  expect(ofValue(extractValue, v2, schema, { a: null, 'a.b': 'x' }).value).toBeNull()
  expect(ofValue(extractValue, v2, schema, { a: { b: null }, 'a.b': 'x' }).value).toBe(5)
  expect(ofValue(extractValue, { ...v2, 'replace.null.with.default': 'false' }, schema, { a: { b: null }, 'a.b': 'x' }).value).toBeNull()
  expect(ofValue(extractValue, { field: 'a' }, schema, null)).toEqual({ schema: inner, value: null })
})

test('an unknown field is refused with a schema and null without', () => {
  expect(() => ofValue(extractValue, { field: 'x' }, schema, { a: null, 'a.b': '' })).toThrow('Unknown field: x')
  expect(ofValue(extractValue, { field: 'constructor' }, null, {}).value).toBeNull()
  expect(() => ofValue(extractValue, { field: 'x' }, null, 'text')).toThrow(
    'Only Map objects supported in absence of schema for [field extraction], found: java.lang.String',
  )
})
