/**
 * Goal: the fields that a header lists are dropped from value and key. Method: records with and without the header.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../../connect/sdk/index.ts'
import { FieldDropper } from '../../../../connect/transforms/data/dropped-fields.ts'
import { record } from '../applying.ts'

const schema = schemas.struct({
  a: schemas.int32(),
  b: schemas.int32({ optional: true }),
  c: schemas.int32({ optional: true, default: 3 }),
})
const dropper = (fromKey = false, keepsSchema = true) =>
  FieldDropper.of({
    'drop.fields.header.name': 'drop',
    'drop.fields.from.key': fromKey,
    'drop.fields.keep.schema.compatible': keepsSchema,
  })!
const given = (names: unknown, parts = {}) =>
  record({
    key: { a: 1, b: 2 },
    keySchema: schema,
    value: { a: 1, b: 2, c: null },
    valueSchema: schema,
    headers: [{ key: 'drop', schema: null, value: names }],
    ...parts,
  })

test('only optional fields are dropped while the schema must stay compatible', () => {
  expect(dropper().apply(given(['a', 'b', 'nope'])).value).toEqual({ a: 1, c: 3 })
  expect(dropper(false, false).apply(given(['a', 'b'])).value).toEqual({ c: 3 })
})

test('the key keeps its fields unless that is wanted', () => {
  expect(dropper().apply(given(['b'])).key).toEqual({ a: 1, b: 2 })
  expect(dropper(true).apply(given(['b'])).key).toEqual({ a: 1, c: 3 })
})

test('without a list the record is the same', () => {
  for (const record of [given(null), given([]), given(['a']), given(['b'], { headers: [] })]) expect(dropper().apply(record)).toBe(record)
  expect(
    FieldDropper.of({ 'drop.fields.header.name': ' ', 'drop.fields.from.key': true, 'drop.fields.keep.schema.compatible': true }),
  ).toBe(undefined)
})

test('what is no list, and what has no schema, is refused', () => {
  expect(() => dropper().apply(given('b'))).toThrow('the header drop must be a list of names of fields')
  expect(() => dropper(true).apply(given(['b'], { keySchema: null }))).toThrow('the key has no schema')
  expect(() => dropper().apply(given(['b'], { valueSchema: schemas.string(), value: 'x' }))).toThrow(
    'Cannot list fields on non-struct type',
  )
})

test('many different lists are dropped, the last as the first', () => {
  const many = dropper(false, false)
  for (let index = 0; index < 200; index++) many.apply(given([`f${index}`]))
  expect(many.apply(given(['a'])).value).toEqual({ b: 2, c: 3 })
})
