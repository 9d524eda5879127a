/**
 * Goal: records without a value are selected. Method: null with and without a schema, and values that look empty.
 */
import { expect, test } from 'vitest'
import recordIsTombstone from '../../../connect/predicates/record-is-tombstone.ts'
import { schemas } from '../../../connect/sdk/index.ts'
import { record } from '../transforms/applying.ts'

test('only null is no value', () => {
  const predicate = recordIsTombstone.create({})
  expect(predicate(record({ value: null }))).toBe(true)
  expect(predicate(record({ value: null, valueSchema: schemas.string({ optional: true }) }))).toBe(true)
  for (const value of ['', 0, false, {}]) expect(predicate(record({ value }))).toBe(false)
})
