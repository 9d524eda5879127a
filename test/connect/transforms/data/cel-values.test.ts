/**
 * Goal: values of all types are those that CEL has for them. Method: expressions that tell the type and the value of each.
 */
import { expect, test } from 'vitest'
import { type Schema, schemas } from '../../../../connect/sdk/index.ts'
import { celExpression } from '../../../../connect/transforms/data/cel-expression.ts'
import { celSchema, celValue, MAX_ENTRIES } from '../../../../connect/transforms/data/cel-values.ts'
import { record } from '../applying.ts'

const gives = (text: string, schema: Schema | null, value: unknown) => celExpression(text)(record({ value, valueSchema: schema }))
const day = Date.UTC(2024, 1, 29)

test.each<[string, Schema | null, unknown]>([
  ['type(value) == int && value == 7', schemas.int8(), 7],
  ['value == 9223372036854775807', schemas.int64(), 2n ** 63n - 1n],
  ['type(value) == double && value > 1.4', schemas.float32(), 1.5],
  ['type(value) == double', schemas.float64(), 2],
  ["value == 'x'", schemas.string(), 'x'],
  ["value == b'x'", schemas.bytes(), Buffer.from('x')],
  ['value', schemas.boolean(), true],
  ["value == '12.50' && double(value) > 12.0", schemas.decimal(2), '12.50'],
  ["value == timestamp('2024-02-29T00:00:00Z') && value.getDayOfMonth() == 28", schemas.date(), new Date(day)],
  ["value < timestamp('2024-02-29T00:00:01Z')", schemas.timestamp(), new Date(day)],
  ["value == duration('3723s') && value.getMinutes() == 62", schemas.time(), new Date(3_723_000)],
  ['value == [1, 2]', schemas.array(schemas.int32()), [1, 2]],
  ["value.a == 1 && !has(value.b) && 'a' in value", schemas.map(schemas.string(), schemas.int32()), { a: 1 }],
  ['value[5] == true', schemas.map(schemas.int32(), schemas.boolean()), new Map([[5, true]])],
  ['value.a.b == 5 && value.c == null', schemas.struct({ a: schemas.struct({ b: schemas.int64() }), c: schemas.int8() }), { a: { b: 5 } }],
  ['has(value.d) && value.d == 3', schemas.struct({ d: schemas.int32({ optional: true, default: 3 }) }), { d: null }],
  ['value.a == 1 && type(value.b) == double && value.c == [null]', null, { a: 1, b: 1.5, c: [null] }],
  ['value.size() == 2 && value.exists(k, k == "b" && value[k] == 2)', null, { a: 1, b: 2 }],
  ['value == {"a": 1, "b": 2}', null, { a: 1, b: 2 }],
  ['value.constructor == 1', schemas.struct({ constructor: schemas.int32() }), { constructor: 1 }],
])('%s', (text, schema, value) => expect(gives(text, schema, value)).toBe(true))

test('what objects inherit is no field', () => {
  expect(() => gives('value.toString == 1', null, {})).toThrow('field not found')
  expect(gives('has(value.constructor)', schemas.struct({ a: schemas.int32() }), { a: 1 })).toBe(false)
})

test('a list or map that is too large is refused', () => {
  expect(() => celValue(null, new Array(MAX_ENTRIES + 1).fill(0))).toThrow(`may read one of ${MAX_ENTRIES} at most`)
  expect(() => celValue(null, Object.fromEntries(Array.from({ length: MAX_ENTRIES + 1 }, (_, i) => [`f${i}`, 0])))).toThrow('at most')
})

test('a value is converted once for each record', () => {
  const map = celValue(null, { a: { b: 1 } }) as ReadonlyMap<string, unknown>
  expect(map.get('a')).toBe(map.get('a'))
  expect([...map.keys()]).toEqual(['a'])
  expect([...map.values()]).toEqual([map.get('a')])
  const visited: unknown[] = []
  map.forEach((value, name) => void visited.push([name, value]))
  expect(visited).toEqual([['a', map.get('a')]])
})

test('a schema is a map', () => {
  const schema = schemas.struct({ a: schemas.array(schemas.int32()) }, { name: 'n', version: 2, parameters: { p: 'q' } })
  const text = "valueSchema.name == 'n' && valueSchema.version == 2 && valueSchema.fields[0].schema.valueSchema.type == 'INT32'"
  expect(gives(text, schema, { a: [] })).toBe(true)
  expect(gives("valueSchema.parameters.p == 'q' && !valueSchema.optional && keySchema == null", schema, { a: [] })).toBe(true)
  expect(celSchema(schema)).toBe(celSchema(schema))
})
