/**
 * Goal: records with a header of the name are selected. Method: records with and without it.
 */
import { expect, test } from 'vitest'
import hasHeaderKey from '../../../connect/predicates/has-header-key.ts'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { record } from '../transforms/applying.ts'

test('one header of the name is enough, in the same letters', () => {
  const predicate = hasHeaderKey.create({ name: 'a' })
  expect(predicate(record())).toBe(false)
  expect(predicate(record({ headers: [{ key: 'A', schema: null, value: 1 }] }))).toBe(false)
  expect(predicate(record({ headers: ['b', 'a'].map((key) => ({ key, schema: null, value: null })) }))).toBe(true)
})

test('a name must be given', () => {
  expect(() => parseSettings(hasHeaderKey.settings, { name: ' ' })).toThrow(
    'Invalid value  for configuration name: String must be non-empty',
  )
})
