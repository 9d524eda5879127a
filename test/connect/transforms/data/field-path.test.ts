/**
 * Goal: paths of both versions of the syntax are read as KIP-821 says. Method: the steps of paths, with backticks closed and not.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../../connect/sdk/index.ts'
import { FieldPath } from '../../../../connect/transforms/data/field-path.ts'

const steps = (path: string, version = 'V2') => new FieldPath(path, version).steps

test('steps', () => {
  expect(steps('a.b', 'V1')).toEqual(['a.b'])
  expect(steps('a.b.c')).toEqual(['a', 'b', 'c'])
  expect(steps('a.', 'v2')).toEqual(['a', ''])
  expect(steps('`a.b`.c')).toEqual(['a.b', 'c'])
  expect(steps('a.`b`c`.d')).toEqual(['a', 'b`c', 'd'])
  expect(steps('`a\\`.b`.c')).toEqual(['a`.b', 'c'])
})

test('backticks that are not closed are refused', () => {
  expect(() => steps('a.`b')).toThrow(
    'Incomplete backtick pair in path: [a.`b], consider adding a backslash before backtick at position 2 to escape it',
  )
  expect(() => steps('`a\\`')).toThrow('at position 0')
})

test('fields and values', () => {
  const schema = schemas.struct({ a: schemas.struct({ b: schemas.int8() }), c: schemas.int8() })
  const path = new FieldPath('a.b', 'V2')
  expect(path.fieldOf(schema)).toEqual({ name: 'b', schema: schemas.int8() })
  expect(path.reader(schema, true)({ a: { b: 1 } })).toBe(1)
  expect(path.valueIn({ a: { b: 1 } })).toBe(1)
  expect(path.valueIn({ a: null })).toBeNull()
  expect(() => path.valueIn({ a: 'x' })).toThrow(
    'Only Map objects supported in absence of schema for [nested field access], found: java.lang.String',
  )
  expect(() => new FieldPath('c.d', 'V2').fieldOf(schema)).toThrow('Cannot look up fields on non-struct type')
  expect(new FieldPath('x.y', 'V2').fieldOf(schema)).toBeUndefined()
})
