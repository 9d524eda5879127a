/**
 * Goal: Debezium's envelope is known by the name of its schema, and its fields are read by type. Method: schemas with and without them.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../../connect/sdk/index.ts'
import { envelopeName, envelopeOf, fieldNamed, requireField, typedReader } from '../../../../connect/transforms/data/envelope.ts'
import { record } from '../applying.ts'

const schema = schemas.struct({ op: schemas.string({ optional: true, default: 'c' }), n: schemas.int64() }, { name: envelopeName('s.t') })

test('an envelope is a struct of that name', () => {
  expect(envelopeOf(record({ valueSchema: schema }))).toBe(schema)
  expect(envelopeOf(record({ valueSchema: { ...schema, name: 's.t.Value' } }))).toBeNull()
  expect(envelopeOf(record({ valueSchema: schemas.string() }))).toBeNull()
  expect(envelopeOf(record())).toBeNull()
})

test('a field is found by its name, or its lack is told', () => {
  expect(fieldNamed(schema, 'op')!.schema.type).toBe('string')
  expect(fieldNamed(schema, 'nope')).toBeUndefined()
  expect(() => requireField(schema, 'nope')).toThrow('nope is not a valid field name')
  expect(() => fieldNamed(schemas.string(), 'op')).toThrow('Cannot look up fields on non-struct type')
})

test('a field of one type is read without its default', () => {
  expect(typedReader(schema, 'op', 'string')({ op: 'd' })).toBe('d')
  expect(typedReader(schema, 'op', 'string')({ op: null })).toBeNull()
  expect(() => typedReader(schema, 'n', 'string')).toThrow("Field 'n' is not of type STRING")
})
