/**
 * Goal: values of records become JSON that says all of them, whatever their schema. Method: values of each kind; random values of JSON with
 * schemas that must not change them (fast-check).
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Schema, schemas } from '../../../../connect/sdk/index.ts'
import { jsonText } from '../../../../connect/sdk/values/json-text.ts'

test('a value of a recursive schema, as Avro and Protobuf have them, is written as deep as it is', () => {
  const next: { -readonly [K in keyof Schema]: Schema[K] } = { type: 'struct', optional: true, name: 'Node' }
  next.fields = [
    { name: 'id', schema: schemas.int64() },
    { name: 'next', schema: next },
  ]
  expect(jsonText({ id: 2n ** 60n, next: { id: 2, next: null } }, next)).toBe('{"id":1152921504606846976,"next":{"id":2,"next":null}}')
})

test('elements without a schema in common are written, with all digits and bytes in base64', () => {
  const items: Schema = { type: 'array', optional: false }
  const value = [1, 'a', 2n ** 60n, Buffer.from('hi'), { deep: [9n, null] }, new Map([['k', true]]), new Date(0)]
  expect(jsonText(value, items)).toBe('[1,"a",1152921504606846976,"aGk=",{"deep":[9,null]},{"k":true},"1970-01-01T00:00:00.000Z"]')
  expect(jsonText(new Map([['a', 5n]]), { type: 'map', optional: false })).toBe('{"a":5}')
  expect(jsonText({ list: [7n] }, schemas.struct({ list: items }))).toBe('{"list":[7]}')
})

test('any value of JSON stays what it is, under the schema of its elements and without one', () => {
  const ofElements: Schema = { type: 'array', optional: false }
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(jsonText(value, null)).toBe(JSON.stringify(value))
      expect(jsonText([value], ofElements)).toBe(JSON.stringify([value]))
    }),
  )
})
