/**
 * Goal: what is wrong with a setting is said as Debezium logs it. Method: wrong and right values.
 */
import { expect, test } from 'vitest'
import { optionOf, regexOf, requiredText, unableToValidate } from '../../../../connect/transforms/data/debezium-settings.ts'

test('an option counts in any case, with white space around it', () => {
  expect(optionOf('m', ['a', 'b'], ' B ')).toBe('b')
  expect(() => optionOf('m', ['a', 'b'], 'c')).toThrow("Unable to validate config. The 'm' value 'c' is invalid: Value must be one of a, b")
})

test('a text that is required must not be blank', () => {
  expect(requiredText('m', ' x ')).toBe(' x ')
  for (const blank of [null, '', ' ']) expect(() => requiredText('m', blank)).toThrow('is invalid: A value is required')
})

test('a regular expression is one of RE2', () => {
  expect(regexOf('m', 'a+').matches('aa')).toBe(true)
  expect(() => regexOf('m', '[')).toThrow("The 'm' value '[' is invalid: A valid regular expressions is expected, but ")
})

test('the error is a ConnectException', () => expect(unableToValidate('m', null, 'why').name).toBe('ConnectException'))
