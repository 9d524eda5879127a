/**
 * Goal: ValueToKey makes a key of fields of the value. Method: structs, maps and tombstones.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import valueToKey from '../../../connect/transforms/value-to-key.ts'
import { record, transform } from './applying.ts'

const apply = transform(valueToKey, { fields: 'b,a' })

test('the key has the fields in their order, the value stays', () => {
  const given = record({ value: { a: 1, b: 'x' }, valueSchema: schemas.struct({ a: schemas.int8(), b: schemas.string() }) })
  expect(apply(given)).toEqual({ ...given, keySchema: schemas.struct({ b: schemas.string(), a: schemas.int8() }), key: { b: 'x', a: 1 } })
  expect(apply(record({ value: { a: 1 } }))).toEqual(record({ value: { a: 1 }, key: { b: null, a: 1 } }))
})

test('a field that the schema lacks and a tombstone are refused', () => {
  expect(() => apply(record({ value: { a: 1 }, valueSchema: schemas.struct({ a: schemas.int8() }) }))).toThrow('Field does not exist: b')
  expect(() => apply(record())).toThrow(
    'Only Map objects supported in absence of schema for [copying fields from value to key], found: null',
  )
})
