/**
 * Goal: the row after a change becomes the value; deletes and tombstones become what the mode says. Method: changes with each mode, and
 * with the settings that add, drop and route. test/peers compares the results with Debezium's.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import extractNewRecordState from '../../../connect/transforms/extract-new-record-state.ts'
import { record, transform } from './applying.ts'
import { change } from './changes.ts'

const row = schemas.struct({ id: schemas.int32(), name: schemas.string({ optional: true, default: 'none' }) }, { name: 's.t.Value' })
const made = (config: Record<string, string> = {}) => transform(extractNewRecordState, config)
const deleted = change(row, { op: 'd', before: { id: 1, name: null } })
const tombstone = record({ value: null })
const names = (schema: unknown) => (schema as typeof row).fields!.map(({ name }) => name)

test('the row is the value, with a schema of its own', () => {
  const result = made()(change(row, { after: { id: 1, name: null } }))!
  expect(result.value).toEqual({ id: 1, name: null })
  expect(result.valueSchema).toMatchObject({ name: 's.t.Value', optional: false })
})

test('what has no envelope passes as the same record', () => {
  const heartbeat = record({ value: { ts_ms: 1 }, valueSchema: schemas.struct({ ts_ms: schemas.int64() }, { name: 'Heartbeat' }) })
  expect(made()(heartbeat)).toBe(heartbeat)
  const plain = record({ value: { op: 'c' } })
  expect(made()(plain)).toBe(plain)
})

test('a truncated table is dropped', () => expect(made()(change(row, { op: 't' }))).toBeNull())

test.each([
  ['drop', null, null],
  ['tombstone', { value: null, named: 's.t.Value' }, null],
  ['delete-to-tombstone', { value: null, named: undefined }, null],
  ['rewrite', { value: { id: 1, name: 'none', __deleted: 'true' }, named: 's.t.Value' }, null],
  ['rewrite-with-tombstone', { value: { id: 1, name: 'none', __deleted: 'true' }, named: 's.t.Value' }, tombstone],
])('deletes and tombstones with %s', (mode, expected, ofTombstone) => {
  const apply = made({ 'delete.tombstone.handling.mode': mode })
  const result = apply(deleted)
  expect(result && { value: result.value, named: result.valueSchema?.name }).toEqual(expected)
  expect(apply(tombstone)).toBe(ofTombstone)
})

test('fields and headers are added from the envelope, those that it lacks are left out', () => {
  const apply = made({ 'add.fields': 'op,source.ts_ms,connector:by,nope', 'add.headers': 'transaction.id,op', 'add.headers.prefix': 'h.' })
  const result = apply(change(row, { after: { id: 1, name: 'x' } }))!
  expect(result.value).toEqual({ id: 1, name: 'x', __op: 'c', __source_ts_ms: 5, __by: 'postgresql' })
  expect(result.headers).toEqual([
    { key: 'h.transaction_id', value: null, schema: { type: 'string', optional: true } },
    { key: 'h.op', value: 'c', schema: { type: 'string', optional: true } },
  ])
})

test('a field of the row names the topic, where it is not blank', () => {
  const apply = made({ 'route.by.field': 'name' })
  expect(apply(change(row, { after: { id: 1, name: 'other' } }))!.topic).toBe('other')
  expect(apply(change(row, { after: { id: 1, name: ' ' } }))!.topic).toBe('t')
  expect(apply(change(row, { op: 'd', before: { id: 1, name: 'gone' } }))!.topic).toBe('gone')
  expect(() => made({ 'route.by.field': 'id' })(change(row, { after: { id: 1 } }))).toThrow("Field 'id' is not of type STRING")
})

test('the fields that a header lists are dropped; those that are added to a deleted row stay', () => {
  const apply = made({
    'drop.fields.header.name': 'drop',
    'add.fields': 'op',
    'delete.tombstone.handling.mode': 'rewrite',
  })
  const headers = [{ key: 'drop', schema: null, value: ['id', 'name', '__op'] }]
  expect(names(apply(change(row, { after: { id: 1, name: 'x' } }, { headers }))!.valueSchema)).toEqual(['id', '__deleted'])
  const removed = apply(change(row, { op: 'd', before: { id: 1, name: 'x' } }, { headers }))!
  expect(removed.value).toEqual({ id: 1, __deleted: 'true', __op: 'd' })
})

test('what is wrong is said when the task starts, and of an envelope without its parts', () => {
  expect(() => made({ 'delete.tombstone.handling.mode': 'none' })).toThrow(
    "Unable to validate config. The 'delete.tombstone.handling.mode' value 'none' is invalid: Value must be one of drop, tombstone, rewrite",
  )
  const broken = record({ valueSchema: schemas.struct({ op: schemas.string() }, { name: 'x.Envelope' }), value: { op: 'c' } })
  expect(() => made()(broken)).toThrow('Unknown field: after')
  const nested = change(schemas.struct({ a: schemas.int32() }), { after: { a: null } })
  expect(() => made()(nested)).toThrow('Invalid value: null used for required field: "a"')
})
