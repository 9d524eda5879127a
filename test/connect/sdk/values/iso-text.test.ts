/**
 * Goal: a header that is a date has the text that Kafka Connect writes. Method: a time, a date and a timestamp, through the header
 * converter.
 */
import { expect, test } from 'vitest'
import simpleHeader from '../../../../connect/converters/simple-header.ts'

test.each([
  ['1970-01-01T06:07:08.009Z', '06:07:08.009Z'],
  ['2024-03-05T00:00:00.000Z', '2024-03-05'],
  ['2024-03-05T06:07:08.009Z', '2024-03-05T06:07:08.009Z'],
])('%s is written as %s', (date, text) => {
  const converter = simpleHeader.create({ 'converter.type': 'header' }, false)
  expect(converter.fromConnect('t', null, new Date(date))?.toString()).toBe(text)
})
