/**
 * Goal: SetSchemaMetadata changes the name and version of a struct's schema and nothing else. Method: structs, and what is none.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import setSchemaMetadata from '../../../connect/transforms/set-schema-metadata.ts'
import { ofValue, transform } from './applying.ts'

const [, setOfValue] = setSchemaMetadata
const schema = schemas.struct({ a: schemas.int8({ optional: true, default: 4 }) }, { name: 'old', version: 1, doc: 'd', optional: true })

test('the name, the version or both change', () => {
  expect(ofValue(setOfValue, { 'schema.name': 'new' }, schema, { a: null })).toEqual({
    schema: { ...schema, name: 'new' },
    value: { a: 4 },
  })
  expect(ofValue(setOfValue, { 'schema.version': '9' }, schema, null)).toEqual({ schema: { ...schema, version: 9 }, value: null })
})

test('a tombstone stays; a value without a schema or of another type is refused', () => {
  expect(ofValue(setOfValue, { 'schema.version': '9' }, null, null)).toEqual({ schema: null, value: null })
  expect(() => ofValue(setOfValue, { 'schema.version': '9' }, null, {})).toThrow('Schema required for [updating schema metadata]')
  expect(() => ofValue(setOfValue, { 'schema.version': '9' }, schemas.int8(), 1)).toThrow('Cannot list fields on non-struct type')
  expect(() => transform(setOfValue, {})).toThrow('Neither schema name nor version configured')
})
