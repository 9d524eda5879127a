/**
 * Goal: schemas and structs are built as SchemaBuilder and Struct do, once for each schema. Method: fields with and without defaults.
 */
import { expect, test } from 'vitest'
import { type Schema, schemas } from '../../../../connect/sdk/index.ts'
import { checkedFields, fieldReader, perSchema, structBuilder } from '../../../../connect/transforms/data/structs.ts'

test('what a schema leads to is derived once, and again after an error', () => {
  const derived: Schema[] = []
  const of = perSchema((schema) => {
    derived.push(schema)
    if (derived.length === 1) throw new Error('the first fails')
    return { schema }
  })
  const schema = schemas.int8()
  expect(() => of(schema)).toThrow('the first fails')
  expect(of(schema)).toBe(of(schema))
  expect(derived).toHaveLength(2)
})

test('a reader gives the default for null only if it is to', () => {
  const field = { name: 'constructor', schema: schemas.int8({ default: 3 }) }
  expect(fieldReader(field, true)({})).toBe(3)
  expect(fieldReader(field, false)({})).toBeNull()
  expect(fieldReader(field, true)({ constructor: 0 })).toBe(0)
})

test('null of a required field is refused, even with a default; undefined leaves the field empty', () => {
  const schema = schemas.int8({ default: 3 })
  const build = structBuilder<unknown>([{ name: '__proto__', schema, read: (value) => value }])
  expect(Object.entries(build(5))).toEqual([['__proto__', 5]])
  expect(Object.entries(build(undefined))).toEqual([['__proto__', null]])
  expect(() => build(null)).toThrow('Invalid value: null used for required field: "__proto__", schema type: INT8')
})

test('names of fields', () => {
  const schema = schemas.int8()
  expect(() => checkedFields([{ name: '', schema }])).toThrow('fieldName cannot be null.')
  expect(() =>
    checkedFields([
      { name: 'a', schema },
      { name: 'a', schema },
    ]),
  ).toThrow('Cannot create field because of field name duplication a')
})
