/**
 * Goal: headers are removed by their names, all others stay in their order. Method: records with headers of the same and of other names.
 */
import { expect, test } from 'vitest'
import dropHeaders from '../../../connect/transforms/drop-headers.ts'
import { record, transform } from './applying.ts'

const headers = ['a', 'b', 'a', 'c'].map((key, index) => ({ key, schema: null, value: index }))

test('every header of the names is removed', () => {
  const given = record({ headers })
  const result = transform(dropHeaders, { headers: 'a, c' })(given)
  expect(result).toEqual({ ...given, headers: [headers[1]] })
  expect(given.headers).toHaveLength(4)
})

test('a name must be given', () => {
  expect(() => transform(dropHeaders, {})).toThrow('Missing required configuration "headers" which has no default value.')
  expect(() => transform(dropHeaders, { headers: '' })).toThrow("Configuration 'headers' must not be empty.")
})
