/**
 * Goal: lists of names are validated with the messages of Kafka's ConfigDef. Method: empty lists, empty and repeated names.
 */
import { expect, test } from 'vitest'
import { colonParts, optionalNames, requiredNames } from '../../../../connect/transforms/data/settings.ts'

test('lists of names', () => {
  const required = requiredNames('fields', 'Fields.')
  expect(required.parse('transforms.t.fields', 'a, b')).toEqual(['a', 'b'])
  expect(() => required.parse('transforms.t.fields', '')).toThrow(
    "Configuration 'fields' must not be empty. Valid values include: any non-empty value",
  )
  expect(() => required.parse('fields', 'a,')).toThrow("Configuration 'fields' values must not be empty.")
  expect(() => required.parse('fields', 'a,a')).toThrow("Configuration 'fields' values must not be duplicated.")
  expect(optionalNames('include', 'Fields.').parse('include', null)).toEqual([])
})

test('parts between colons, without empty ones at the end', () => {
  expect(['a:b', 'a:', ':b', ':', '', 'a:b:'].map(colonParts)).toEqual([['a', 'b'], ['a'], ['', 'b'], [], [''], ['a', 'b']])
})
