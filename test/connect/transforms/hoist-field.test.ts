/**
 * Goal: HoistField wraps values with and without schemas, null too. Method: one value of each.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import hoistField from '../../../connect/transforms/hoist-field.ts'
import { ofValue } from './applying.ts'

const [, hoistValue] = hoistField

test('a value is wrapped', () => {
  expect(ofValue(hoistValue, { field: 'a' }, null, null)).toEqual({ schema: null, value: { a: null } })
  expect(ofValue(hoistValue, { field: 'a' }, schemas.int8(), 1)).toEqual({ schema: schemas.struct({ a: schemas.int8() }), value: { a: 1 } })
  expect(Object.keys(ofValue(hoistValue, { field: '__proto__' }, null, 1).value as object)).toEqual(['__proto__'])
})

test('null of a required schema and a field without a name are refused', () => {
  expect(() => ofValue(hoistValue, { field: 'a' }, schemas.int8(), null)).toThrow(
    'Invalid value: null used for required field: "a", schema type: INT8',
  )
  expect(() => ofValue(hoistValue, { field: '' }, schemas.int8(), 1)).toThrow('fieldName cannot be null.')
})
