/**
 * Goal: pointers of RFC 6901 find what they name, and nothing of an object's prototype. Method: the examples of the RFC, and others.
 */
import { expect, test } from 'vitest'
import { JsonPointer, pointerProblem } from '../../../connectors/http-driver/json-pointer.ts'

test('a pointer finds its part', () => {
  const value = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'm~n': 8, deep: { items: [{ id: 7 }] }, none: null }
  const of = (pointer: string) => new JsonPointer(pointer).of(value)
  expect(of('')).toBe(value)
  expect(of('/foo/1')).toBe('baz')
  expect(of('/')).toBe(0)
  expect(of('/a~1b')).toBe(1)
  expect(of('/m~0n')).toBe(8)
  expect(of('/deep/items/0/id')).toBe(7)
  expect(of('/none')).toBeNull()
  for (const missing of ['/none/x', '/foo/2', '/foo/length/x', '/toString', '/__proto__', '/deep/x/y']) expect(of(missing)).toBeUndefined()
})

test('what is no pointer is named as such', () => {
  for (const good of ['', '/', '/a/b', '/~0~1']) expect(pointerProblem(good)).toBeUndefined()
  for (const bad of ['a', '$.a', '/~2', '/a~']) expect(pointerProblem(bad)).toMatch(/JSON pointer/)
})
