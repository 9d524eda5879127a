/**
 * Goal: what is no map, struct or record of a sink is refused, and the message names the class that Kafka Connect has. Method: one of each.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../../connect/sdk/index.ts'
import { fieldOfMap, javaClass, requireMap, requireStruct, setField } from '../../../../connect/transforms/data/requirements.ts'

test('classes', () => {
  expect(['a', true, 1, 2n ** 60n, 1.5, [], {}, Buffer.of(1), new Date(0), null].map((value) => javaClass(null, value))).toEqual([
    'java.lang.String',
    'java.lang.Boolean',
    'java.lang.Long',
    'java.lang.Long',
    'java.lang.Double',
    'java.util.ArrayList',
    'java.util.HashMap',
    '[B',
    'java.util.Date',
    'null',
  ])
  expect(javaClass(schemas.decimal(2), '1.00')).toBe('java.math.BigDecimal')
  expect(javaClass(schemas.struct({}), {})).toBe('org.apache.kafka.connect.data.Struct')
})

test('maps and structs', () => {
  expect(requireMap(new Map([['a', 1]]), 'x')).toEqual({ a: 1 })
  expect(() => requireMap([], 'x')).toThrow('Only Map objects supported in absence of schema for [x], found: java.util.ArrayList')
  expect(() => requireStruct(schemas.int32(), 1, 'x')).toThrow('Only Struct objects supported for [x], found: java.lang.Integer')
})

test('names that objects inherit are fields like others', () => {
  expect(fieldOfMap({}, 'constructor')).toBeNull()
  const fields = {}
  setField(fields, '__proto__', 1)
  expect(Object.entries(fields)).toEqual([['__proto__', 1]])
})
