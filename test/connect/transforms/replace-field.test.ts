/**
 * Goal: ReplaceField leaves out and renames fields. Method: structs and maps.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import replaceField from '../../../connect/transforms/replace-field.ts'
import { ofValue, transform } from './applying.ts'

const [, replaceValue] = replaceField
const schema = schemas.struct({ a: schemas.int8(), b: schemas.string(), c: schemas.int8({ optional: true, default: 4 }) }, { name: 's' })

test('exclude is stronger than include, and fields are renamed', () => {
  const config = { include: 'a,b,c', exclude: 'b', renames: 'a:x' }
  expect(ofValue(replaceValue, config, schema, { a: 1, b: 'y', c: null })).toEqual({
    schema: schemas.struct({ x: schemas.int8(), c: schemas.int8({ optional: true, default: 4 }) }, { name: 's' }),
    value: { x: 1, c: 4 },
  })
  expect(ofValue(replaceValue, config, null, { a: 1, b: 'y', d: 2 }).value).toEqual({ x: 1 })
  expect(ofValue(replaceValue, { renames: 'a:__proto__' }, null, { a: 1 }).value).toEqual(JSON.parse('{"__proto__":1}'))
})

test('two fields cannot have one name, and renames must be pairs', () => {
  expect(() => ofValue(replaceValue, { renames: 'a:b' }, schema, { a: 1, b: '' })).toThrow('field name duplication b')
  expect(() => transform(replaceValue, { renames: 'a:b,c' })).toThrow(
    'Invalid value [a:b, c] for configuration renames: Invalid rename mapping: c',
  )
  expect(() => transform(replaceValue, { exclude: 'a,a' })).toThrow("Configuration 'exclude' values must not be duplicated.")
})
