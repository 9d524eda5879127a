/**
 * Goal: MaskField hides values of every type, keeps null, and converts a replacement. Method: structs and maps.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import maskField from '../../../connect/transforms/mask-field.ts'
import { ofValue, transform } from './applying.ts'

const [, maskValue] = maskField

test('values become nothing of their type, null stays', () => {
  const schema = schemas.struct({
    i: schemas.int32(),
    s: schemas.string({ optional: true }),
    d: schemas.date(),
    m: schemas.decimal(2),
    l: schemas.array(schemas.int8()),
    kept: schemas.int8(),
  })
  const { schema: after, value } = ofValue(maskValue, { fields: 'i,s,d,m,l' }, schema, {
    i: 5,
    s: null,
    d: new Date(5),
    m: '1.25',
    l: [1],
    kept: 1,
  })
  expect(after).toBe(schema)
  expect(value).toEqual({ i: 0, s: null, d: new Date(0), m: '0', l: [], kept: 1 })
  expect(ofValue(maskValue, { fields: 'a,b,c' }, null, { a: true, b: { x: 1 } }).value).toEqual({ a: false, b: {}, c: null })
})

test('a replacement is converted to the type of the field', () => {
  const schema = schemas.struct({ i: schemas.int8(), f: schemas.float64(), s: schemas.string(), m: schemas.decimal(1) })
  const config = { fields: 'i,f,s,m', replacement: '300.5' }
  expect(ofValue(maskValue, config, schema, { i: 1, f: 1, s: 'x', m: '1.0' }).value).toEqual({ i: 44, f: 300.5, s: '300.5', m: '300.5' })
})

test('what cannot be masked is refused', () => {
  const bytes = schemas.struct({ a: schemas.bytes() })
  expect(() => ofValue(maskValue, { fields: 'a' }, bytes, { a: Buffer.of(1) })).toThrow('Cannot mask value of type: class [B')
  expect(() => ofValue(maskValue, { fields: 'a', replacement: '1' }, null, { a: true })).toThrow(
    'Cannot mask value of type class java.lang.Boolean with custom replacement.',
  )
  expect(() => ofValue(maskValue, { fields: 'a', replacement: 'x' }, null, { a: 1 })).toThrow(
    'Unable to convert x (class java.lang.String) to a number',
  )
  expect(() => ofValue(maskValue, { fields: 'a' }, null, null)).toThrow('found: null')
  expect(() => transform(maskValue, { fields: '' })).toThrow("Configuration 'fields' must not be empty.")
  expect(() => transform(maskValue, { fields: 'a', replacement: '' })).toThrow('String must be non-empty')
})
