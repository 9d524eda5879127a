/**
 * Symptom: JsonConverter wrote NaN and Infinity without a schema as null, so that the value was lost. Goal: they are written as Kafka
 * Connect writes them, as texts. Method: values with and without them.
 */
import { expect, test } from 'vitest'
import json from '../../connect/converters/json.ts'
import { parseSettings } from '../../connect/sdk/index.ts'

test('NaN and Infinity are texts', () => {
  const converter = json.create(parseSettings(json.settings, { 'schemas.enable': 'false' }), false)
  const write = (value: unknown) => converter.fromConnect('t', null, value)?.toString()
  expect(write({ a: Number.NaN, b: [-1 / 0, 0.5] })).toBe('{"a":"NaN","b":["-Infinity",0.5]}')
  expect(write(1 / 0)).toBe('"Infinity"')
})
