/**
 * Goal: names of fields mean those of the envelope that Debezium means. Method: names of each form, and envelopes that lack them.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../../connect/sdk/index.ts'
import { fieldReferences, headersOfTombstone, referenceSources } from '../../../../connect/transforms/data/field-references.ts'
import { envelopeOfRow } from '../changes.ts'

test.each([
  ['op', null, 'op', '__op'],
  ['id', 'transaction', 'id', '__id'],
  ['lsn', 'source', 'lsn', '__lsn'],
  ['source.ts_ms', 'source', 'ts_ms', '__source_ts_ms'],
  ['ts_ms:AT', null, 'ts_ms', '__AT'],
  ['a.b.c', 'a', 'b', '__a_b'],
  ['op:', null, 'op', '__op'],
])('%s', (text, struct, field, name) => expect(fieldReferences('__', [text])).toEqual([{ struct, field, name }]))

test.each(['a:b:c', ':', '.'])('%s is no name', (text) =>
  expect(() => fieldReferences('', [text])).toThrow(`Unexpected field name: ${text}`),
)

const envelope = envelopeOfRow(schemas.struct({ a: schemas.int32() }))
const value = { before: null, after: { a: 1 }, source: { connector: 'c', ts_ms: 5, lsn: null }, transaction: null, op: 'c', ts_ms: 7 }
const read = (...names: string[]) =>
  Object.fromEntries(referenceSources(fieldReferences('', names), envelope).map((source) => [source.name, source.read(value)]))

test('values are read of their struct, and a struct that is null has none', () => {
  expect(read('op', 'source.ts_ms', 'lsn', 'transaction.id', 'nope')).toEqual({ op: 'c', source_ts_ms: 5, lsn: null, transaction_id: null })
})

test('a field that the struct lacks is that of the envelope, with all that its schema has', () => {
  expect(read('source.op', 'after')).toEqual({ source_op: 'c', after: { a: 1 } })
  const [after] = referenceSources(fieldReferences('', ['after']), envelope)
  expect(after!.schema).toMatchObject({ type: 'struct', optional: true, fields: [{ name: 'a' }] })
})

test('an envelope without the struct is refused', () => {
  expect(() => read('block.id')).toThrow('the envelope has no field block, of which id is to be added')
})

test('of a tombstone only the operation is known', () => {
  expect(headersOfTombstone(fieldReferences('x', ['op', 'lsn']))).toEqual([{ key: 'xop', value: 'd', schema: schemas.string() }])
})
