/**
 * Goal: bytes in JSON are read, and what is no base64 is refused. Method: texts with and without padding, and broken ones.
 */
import { expect, test } from 'vitest'
import { base64 } from '../../../../connect/converters/json/base64.ts'

test.each(['', 'AQ==', 'AQI=', 'AQID'])('reads %j', (text) => {
  expect(base64(text)).toEqual(Buffer.from(text, 'base64'))
})

test.each(['AQ', 'AQI', 'A===', 'AQ!=', 'AQ ='])('refuses %j', (text) => {
  expect(() => base64(text)).toThrow('bytes are not valid base64')
})
