/**
 * Goal: Cast converts as Java narrows, prints and parses, and derives a schema once. Method: values of each type, with and without schemas.
 * Random ones are compared with Kafka Connect's in test/peers/transforms.test.ts.
 */
import { expect, test } from 'vitest'
import { type Schema, schemas } from '../../../connect/sdk/index.ts'
import cast from '../../../connect/transforms/cast.ts'
import { ofValue, record, transform } from './applying.ts'

const [castKey, castValue] = cast
const whole = (type: string, schema: Schema | null, value: unknown) => ofValue(castValue, { spec: type }, schema, value).value

test('whole numbers keep their low bits, floating-point numbers stop at the ends of the range', () => {
  expect(whole('int8', schemas.int64(), 300)).toBe(44)
  expect(whole('int32', schemas.int64(), 2n ** 63n - 1n)).toBe(-1)
  expect(whole('int8', schemas.float64(), 300.7)).toBe(44)
  expect(whole('int32', schemas.float64(), 1e10)).toBe(2147483647)
  expect(whole('int64', schemas.float64(), -1e30)).toBe(-(2n ** 63n))
  expect(whole('int16', schemas.float64(), Number.NaN)).toBe(0)
  expect(whole('boolean', schemas.float64(), 0.5)).toBe(false)
  expect(whole('float32', null, 0.1)).toBe(Math.fround(0.1))
})

test('numbers, dates, decimals and bytes have the texts of Java', () => {
  expect(whole('string', schemas.float64(), 1e7)).toBe('1.0E7')
  expect(whole('string', schemas.float32(), Math.fround(0.1))).toBe('0.1')
  expect(whole('string', schemas.decimal(10), '0.0000000000')).toBe('0E-10')
  expect(whole('string', schemas.timestamp(), new Date(1_700_000_000_123))).toBe('2023-11-14T22:13:20.123Z')
  expect(whole('string', schemas.bytes(), Buffer.from([1, 2, 3]))).toBe('AQID')
  expect(whole('int32', schemas.date(), new Date(86_400_000 * 19))).toBe(19)
})

test('a text that is no number of the type is refused', () => {
  expect(whole('int8', schemas.string(), '+5')).toBe(5)
  expect(() => whole('int8', schemas.string(), '128')).toThrow('Value (128) was out of range for requested data type')
  expect(() => whole('int8', null, [])).toThrow(/does not support casting from ARRAY; supported types are \[INT8, .*BYTES\]/)
  expect(() => whole('int8', schemas.bytes(), Buffer.of(1))).toThrow('Unexpected type in Cast transformation: class [B')
})

test('fields of a struct: the default is cast as well, null becomes the default, the schema is derived once', () => {
  const schema = schemas.struct({ a: schemas.int32({ optional: true, default: 7 }), b: schemas.string() }, { name: 's', version: 2 })
  const { schema: changed, value } = ofValue(castValue, { spec: 'a:string' }, schema, { a: null, b: 'x' })
  expect(value).toEqual({ a: '7', b: 'x' })
  expect(changed).toEqual(
    schemas.struct({ a: schemas.string({ optional: true, default: '7' }), b: schemas.string() }, { name: 's', version: 2 }),
  )
  expect(ofValue(castValue, { spec: 'a:string', 'replace.null.with.default': 'false' }, schema, { a: null, b: 'x' }).value).toEqual({
    a: null,
    b: 'x',
  })
  const apply = transform(castValue, { spec: 'a:string' })
  const given = record({ value: { a: 1, b: 'x' }, valueSchema: schema })
  expect(apply(given)!.valueSchema).toBe(apply({ ...given })!.valueSchema)
})

test('a map gets a field that it lacks; a tombstone and the other side stay', () => {
  expect(ofValue(castValue, { spec: 'a:int8,b:string' }, null, { a: '1' })).toEqual({ schema: null, value: { a: 1, b: null } })
  const tombstone = record({ value: null })
  expect(transform(castValue, { spec: 'int8' })(tombstone)).toBe(tombstone)
  expect(transform(castKey, { spec: 'int8' })(record({ key: '12' }))).toEqual(record({ key: 12 }))
})

test('a spec that is wrong is refused with the message of Kafka Connect', () => {
  const of = (spec: string) => () => transform(castValue, { spec })
  expect(of('')).toThrow('Must specify at least one field to cast.')
  expect(of('a:bytes')).toThrow(
    'does not support casting to BYTES; supported types are [INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING]',
  )
  expect(of('a:foo')).toThrow(
    'No enum constant org.apache.kafka.connect.data.Schema.Type.FOO for configuration Invalid type found in casting spec: foo',
  )
  expect(of('int8,a:int8')).toThrow('may only specify a single cast')
})
