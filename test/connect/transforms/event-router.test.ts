/**
 * Goal: rows of an outbox table become events. Method: rows with each setting, and what is no event. test/peers compares the results with
 * Debezium's.
 */
import { expect, test } from 'vitest'
import { parseSettings, schemas } from '../../../connect/sdk/index.ts'
import eventRouter from '../../../connect/transforms/event-router.ts'
import { record, transform } from './applying.ts'
import { change } from './changes.ts'

const text = () => schemas.string({ optional: true })
const outbox = schemas.struct(
  {
    id: schemas.string(),
    aggregatetype: text(),
    aggregateid: text(),
    type: text(),
    shard: schemas.int32({ optional: true }),
    at: schemas.int64({ optional: true, name: 'io.debezium.time.MicroTimestamp' }),
    payload: text(),
  },
  { name: 's.outbox.Value' },
)
const row = { id: 'i', aggregatetype: 'order', aggregateid: '7', type: 'Created', shard: 4, at: 1_700_000_000_123_456, payload: '{"a":1}' }
const inserted = (parts: Partial<Record<keyof typeof row, unknown>> = {}) => change(outbox, { after: { ...row, ...parts } })
const router = (config: Record<string, string> = {}) => transform(eventRouter, config)
const placed = (placement: string) => router({ 'table.fields.additional.placement': placement })

test('topic, key, value, id and timestamp come from the row', () => {
  expect(router()(inserted())).toMatchObject({
    topic: 'outbox.event.order',
    partition: null,
    key: '7',
    keySchema: { type: 'string' },
    value: '{"a":1}',
    valueSchema: { type: 'string' },
    timestamp: 7,
    headers: [{ key: 'id', value: 'i' }],
  })
})

test('further fields are headers, parts of the value, or the partition', () => {
  expect(placed('type:header:eventType,shard:partition')(inserted())).toMatchObject({
    partition: 4,
    headers: [{ key: 'id' }, { key: 'eventType', value: 'Created' }],
    value: '{"a":1}',
  })
  const wrapped = placed('type:envelope:kind')(inserted())!
  expect(wrapped.value).toEqual({ payload: '{"a":1}', kind: 'Created' })
  expect(wrapped.valueSchema).toMatchObject({ name: 's.outbox.order.Value', fields: [{ name: 'payload' }, { name: 'kind' }] })
  expect(() => placed('nope:header')(inserted())).toThrow('nope is not a valid field name')
  const lenient = { 'table.fields.additional.placement': 'nope:envelope', 'table.fields.additional.error.on.missing': 'false' }
  expect(router(lenient)(inserted())!.value).toEqual({ payload: '{"a":1}' })
})

test('the schema of the value has the version of a field', () => {
  const config = { 'table.fields.additional.placement': 'type:envelope', 'table.field.event.schema.version': 'shard' }
  expect(router(config)(inserted())!.valueSchema!.version).toBe(4)
})

test('two topics have values with schemas of their own', () => {
  const apply = placed('type:envelope')
  const given = inserted()
  const named = (aggregatetype: string) =>
    apply({ ...given, value: { ...(given.value as object), after: { ...row, aggregatetype } } })!.valueSchema
  expect(named('a')!.name).toBe('s.outbox.a.Value')
  expect(named('b')!.name).toBe('s.outbox.b.Value')
  expect(named('a')).toBe(named('a'))
})

test('the timestamp is that of a field where it has one', () => {
  const apply = router({ 'table.field.event.timestamp': 'at' })
  expect(apply(inserted())!.timestamp).toBe(1_700_000_000_123)
  expect(apply(inserted({ at: null }))!.timestamp).toBe(7)
})

test('a JSON payload is expanded; another stays, with a warning', () => {
  const warnings: string[] = []
  const log = { info: () => undefined, warn: (message: string) => void warnings.push(message), error: () => undefined }
  const apply = eventRouter.create(parseSettings(eventRouter.settings, { 'table.expand.json.payload': 'true' }), log)
  const expanded = apply(inserted())!
  expect(expanded.value).toEqual({ a: 1 })
  expect(expanded.valueSchema).toMatchObject({ type: 'struct', name: 'payload', fields: [{ name: 'a', schema: { type: 'int32' } }] })
  expect(warnings).toEqual([])
  expect(apply(inserted({ payload: '{' }))!).toMatchObject({ value: '{', valueSchema: { type: 'string' } })
  expect(apply(inserted({ payload: null }))!.value).toBeNull()
  expect(warnings).toHaveLength(2)
})

test('an empty payload is a tombstone where that is wanted', () => {
  const apply = router({ 'route.tombstone.on.empty.payload': 'true' })
  expect(apply(inserted({ payload: ' ' }))).toMatchObject({ value: null, valueSchema: null })
  expect(router()(inserted({ payload: null }))).toMatchObject({ value: null, valueSchema: { type: 'string' } })
})

test('tombstones and deletes are dropped, what has no envelope passes', () => {
  expect(router()(record({ value: null }))).toBeNull()
  expect(router()(change(outbox, { op: 'd', before: row }))).toBeNull()
  const other = record({ value: 'x' })
  expect(router()(other)).toBe(other)
})

test('an update is dropped with a line in the log, or fails the task', () => {
  const update = change(outbox, { op: 'u', before: row, after: row })
  for (const level of ['warn', 'error'] as const) {
    const lines: string[] = []
    const add = (at: string) => () => void lines.push(at)
    const log = { info: add('info'), warn: add('warn'), error: add('error') }
    expect(eventRouter.create(parseSettings(eventRouter.settings, { 'table.op.invalid.behavior': level }), log)(update)).toBeNull()
    expect(lines).toEqual([level])
  }
  expect(() => router({ 'table.op.invalid.behavior': 'fatal' })(update)).toThrow('Unexpected update message received')
})

test('what is wrong is said when the task starts, or of the row that lacks a field', () => {
  expect(() => router({ 'table.op.invalid.behavior': 'x' })).toThrow(
    'Invalid value x for configuration table.op.invalid.behavior: Value must be one of warn, error, fatal',
  )
  expect(() => placed('type')).toThrow('A comma-separated list of valid String pairs or trios is expected but got: [type]')
  expect(() => router({ 'table.field.event.payload': 'nope' })(inserted())).toThrow('Unable to find payload field nope in event')
  expect(() => router()(inserted({ aggregatetype: null }))).toThrow('the field aggregatetype is null, so the event has no topic')
})
