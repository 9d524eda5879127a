/**
 * Goal: the changes of several tables go to one topic, with keys that stay apart. Method: changes, tombstones and heartbeats of two topics.
 * test/peers compares the results with Debezium's.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import byLogicalTableRouter from '../../../connect/transforms/by-logical-table-router.ts'
import { record, transform } from './applying.ts'
import { change } from './changes.ts'

const row = schemas.struct({ id: schemas.int32() }, { name: 's.shard1.t.Value' })
const key = { key: { id: 1 }, keySchema: schemas.struct({ id: schemas.int32() }, { name: 's.shard1.t.Key' }) }
const router = (config: Record<string, string> = {}) =>
  transform(byLogicalTableRouter, { 'topic.regex': 's\\.shard(.*)\\.t', 'topic.replacement': 's.all', ...config })

test('topic, key and names of schemas are those of the logical table', () => {
  const apply = router({ 'key.field.regex': 's\\.shard(.*)\\.t', 'key.field.replacement': '$1' })
  const results = [1, 2].map((shard) => apply(change(row, { after: { id: 1 } }, { ...key, topic: `s.shard${shard}.t` }))!)
  expect(results.map((result) => [result.topic, result.key])).toEqual([
    ['s.all', { id: 1, __dbz__physicalTableIdentifier: '1' }],
    ['s.all', { id: 1, __dbz__physicalTableIdentifier: '2' }],
  ])
  expect(results[0]!.keySchema!.name).toBe('s.all.Key')
  expect(results[0]!.valueSchema!.name).toBe('s.all.Envelope')
  expect(results[0]!.valueSchema!.fields!.slice(0, 2).map(({ schema }) => schema.name)).toEqual(['s.all.Value', 's.all.Value'])
  expect(results[0]!.value).toMatchObject({ before: null, after: { id: 1 }, op: 'c' })
})

test('without key.field.regex the old topic is in the key, without key.enforce.uniqueness nothing', () => {
  const given = record({ ...key, topic: 's.shard1.t' })
  expect(router()(given)!.key).toEqual({ id: 1, __dbz__physicalTableIdentifier: 's.shard1.t' })
  expect(router({ 'key.enforce.uniqueness': 'false' })(given)!.key).toEqual({ id: 1 })
})

test('a topic that does not match, or of which nothing is left, stays', () => {
  const other = record({ topic: 'other' })
  expect(router()(other)).toBe(other)
  const emptied = record({ topic: 's.shard.t' })
  expect(router({ 'topic.replacement': '$1' })(emptied)).toBe(emptied)
})

test('tombstones and records without an envelope keep their value', () => {
  expect(router()(record({ ...key, topic: 's.shard1.t', value: null }))).toMatchObject({ topic: 's.all', value: null })
  expect(router()(record({ key: null, topic: 's.shard1.t', value: 'x' }))).toMatchObject({ topic: 's.all', key: null, value: 'x' })
})

test('a key that is no struct is refused', () => {
  expect(() => router()(record({ topic: 's.shard1.t' }))).toThrow('Only Struct objects supported for [Updating schema]')
})

test('names of schemas are those that Avro takes', () => {
  const apply = router({ 'topic.replacement': 'a-b', 'schema.name.adjustment.mode': 'avro' })
  expect(apply(record({ ...key, topic: 's.shard1.t' }))!.keySchema!.name).toBe('a_b.Key')
})

test('what is wrong is said when the task starts', () => {
  expect(() => transform(byLogicalTableRouter, {})).toThrow(
    "Unable to validate config. The 'topic.regex' value is invalid: A value is required",
  )
  expect(() => router({ 'topic.regex': '[' })).toThrow(
    "The 'topic.regex' value '[' is invalid: A valid regular expressions is expected, but",
  )
  expect(() => router({ 'key.field.regex': 'x' })).toThrow('key.field.replacement must be non-empty if key.field.regex is set.')
})
