/**
 * Goal: Flatten joins names, and a field inherits that a struct around it is optional and its default. Method: nested structs and maps.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import flatten from '../../../connect/transforms/flatten.ts'
import { ofValue } from './applying.ts'

const [, flattenValue] = flatten

test('a struct: names are joined, fields of an optional struct are optional, its default is theirs', () => {
  const inner = schemas.struct({ b: schemas.int32(), c: schemas.string() }, { optional: true, default: { b: 7, c: 'd' } })
  const schema = schemas.struct({ a: inner, l: schemas.array(schemas.int8()) }, { name: 's' })
  const flat = schemas.struct(
    {
      'a.b': schemas.int32({ optional: true, default: 7 }),
      'a.c': schemas.string({ optional: true, default: 'd' }),
      l: schemas.array(schemas.int8()),
    },
    { name: 's' },
  )
  expect(ofValue(flattenValue, {}, schema, { a: { b: 1, c: 'x' }, l: [1] })).toEqual({
    schema: flat,
    value: { 'a.b': 1, 'a.c': 'x', l: [1] },
  })
  expect(ofValue(flattenValue, {}, schema, { a: null, l: [] }).value).toEqual({ 'a.b': null, 'a.c': null, l: [] })
})

test('a map, with another delimiter', () => {
  const value = { a: { b: { c: 1 }, d: [{ e: 1 }], n: null }, f: {} }
  expect(ofValue(flattenValue, { delimiter: '_' }, null, value).value).toEqual({ a_b_c: 1, a_d: [{ e: 1 }], a_n: null })
})

test('maps in structs and names that meet are refused', () => {
  const map = schemas.struct({ a: schemas.struct({ m: schemas.map(schemas.string(), schemas.string()) }) })
  expect(() => ofValue(flattenValue, {}, map, { a: { m: {} } })).toThrow(
    'Flatten transformation does not support MAP for record with schemas (for field a.m).',
  )
  const same = schemas.struct({ 'a.b': schemas.int8(), a: schemas.struct({ b: schemas.int8() }) })
  expect(() => ofValue(flattenValue, {}, same, { 'a.b': 1, a: { b: 2 } })).toThrow('field name duplication a.b')
})
