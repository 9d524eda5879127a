/**
 * Goal: fields become headers, with their schemas, and a move takes them out of the key or value. Method: structs and maps, with fields
 * that are null, have defaults, or are missing.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import headerFrom from '../../../connect/transforms/header-from.ts'
import { record, transform } from './applying.ts'

const [key, value] = headerFrom

const schema = schemas.struct(
  { a: schemas.int32(), b: schemas.string({ optional: true, default: 'x' }), c: schemas.int64({ optional: true }) },
  { name: 'S', version: 2, optional: true },
)
const config = { fields: 'b,a', headers: 'h1,h2' }

test('a copy leaves the struct as it is', () => {
  const given = record({ value: { a: 1, b: null, c: null }, valueSchema: schema, headers: [{ key: 'h0', schema: null, value: 0 }] })
  const result = transform(value, { ...config, operation: 'copy' })(given)!
  expect(result).toEqual({
    ...given,
    headers: [
      { key: 'h0', schema: null, value: 0 },
      { key: 'h1', schema: schema.fields![1]!.schema, value: 'x' },
      { key: 'h2', schema: schema.fields![0]!.schema, value: 1 },
    ],
  })
})

test('a move makes a schema without the fields, which is not optional', () => {
  const given = record({ key: { a: 1, b: 'y', c: 5 }, keySchema: schema })
  const result = transform(key, { ...config, operation: 'move', 'replace.null.with.default': 'false' })(given)!
  expect(result.key).toEqual({ c: 5 })
  expect(result.keySchema).toEqual({ ...schema, optional: false, fields: [schema.fields![2]] })
  expect(result.headers.map((header) => header.value)).toEqual(['y', 1])
  expect(given.key).toEqual({ a: 1, b: 'y', c: 5 })
})

test('maps have no schemas, and a missing field is a null header', () => {
  const result = transform(value, { fields: 'a,z', headers: 'x,y', operation: 'move' })(record({ value: { a: [1], constructor: 2 } }))!
  expect(result.value).toEqual({ constructor: 2 })
  expect(result.headers).toEqual([
    { key: 'x', schema: null, value: [1] },
    { key: 'y', schema: null, value: null },
  ])
})

test('what is not a struct or a map is refused, and lists of different lengths are', () => {
  const copy = transform(value, { ...config, operation: 'copy' })
  expect(() => copy(record({ value: 'x' }))).toThrow(
    'Only Map objects supported in absence of schema for [header copy], found: java.lang.String',
  )
  expect(() => copy(record({ value: null, valueSchema: schema }))).toThrow('Only Struct objects supported for [header copy], found: null')
  expect(() => transform(value, { fields: 'a', headers: 'x,y', operation: 'copy' })).toThrow(
    "'fields' config must have the same number of elements as 'headers' config.",
  )
})
