/**
 * Goal: change events of Debezium are opened with and without a schema, anything else is a row itself, and records without a row are
 * skipped or refused as the settings say. Method: the decision is a pure function.
 */
import { describe, expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import { changeOf } from '../../../connectors/postgres-sink/change-events.ts'
import { record } from './sink-database.ts'

const rules = { deletes: false, truncates: false, withoutValue: 'skipped', keyMode: 'record_key', isCloudEvent: null } as const
const row = schemas.struct({ id: schemas.int32() }, { name: 'p.t.Value', optional: true })
const source = schemas.struct({ table: schemas.string() })
const envelope = schemas.struct({ before: row, after: row, source, op: schemas.string() }, { name: 'p.t.Envelope' })
const event = (op: string, before: unknown, after: unknown) => ({ op, before, after, source: { table: 't' } })

describe.each([
  ['with a schema', envelope, row],
  ['without a schema', null, null],
])('an event %s', (_, valueSchema, schema) => {
  const change = (value: unknown, more: object = {}) => changeOf(record(value, { valueSchema }), { ...rules, ...more })

  test.each(['c', 'u', 'r'])('op %s writes the row after it', (op) => {
    expect(change(event(op, null, { id: 1 }))).toEqual({ kind: 'write', value: { id: 1 }, schema, source: { table: 't' } })
  })

  test('deletes and truncates where the settings allow it', () => {
    expect(change(event('d', { id: 1 }, null))).toEqual({ kind: 'skip' })
    expect(change(event('d', { id: 1 }, null), { deletes: true })).toEqual({
      kind: 'delete',
      value: { id: 1 },
      schema,
      source: { table: 't' },
    })
    expect(change(event('t', null, null))).toEqual({ kind: 'skip' })
    expect(change(event('t', null, null), { truncates: true })).toEqual({ kind: 'truncate', source: { table: 't' } })
  })

  test('about no row is refused', () => {
    expect(() => change(event('m', null, null))).toThrow('it is a change event with op m, which is about no row')
    expect(() => change(event('c', null, null))).toThrow('has no row after the change')
  })
})

test('a value that only looks like an event is a row', () => {
  for (const value of [{ op: 'c' }, { op: 1, source: {}, after: {} }, { op: 'c', after: {} }, ['c'], 'c'])
    expect(changeOf(record(value), rules)).toEqual({ kind: 'write', value, schema: null, source: null })
  const named = schemas.struct({ op: schemas.string(), after: row }, { name: 'Order' })
  expect(changeOf(record({ op: 'c', after: null }, { valueSchema: named }), rules)).toMatchObject({ kind: 'write', schema: named })
})

test('a record without a value is skipped, refused, or deletes by its key', () => {
  expect(changeOf(record(null), rules)).toEqual({ kind: 'skip' })
  expect(() => changeOf(record(null), { ...rules, withoutValue: 'bad' })).toThrow('it has no value')
  expect(changeOf(record(null), { ...rules, deletes: true })).toMatchObject({ kind: 'delete' })
  expect(changeOf(record(null), { ...rules, deletes: true, keyMode: 'record_value' })).toEqual({ kind: 'skip' })
})

test("events about a source's schema are skipped", () => {
  const valueSchema = schemas.struct({ ddl: schemas.string() }, { name: 'io.debezium.connector.mysql.SchemaChangeValue' })
  expect(changeOf(record({ ddl: 'x' }, { valueSchema }), rules)).toEqual({ kind: 'skip' })
})

test('the data of a CloudEvent are a row or a change event', () => {
  const isCloudEvent = (name: string) => name.endsWith('CloudEvents.Envelope')
  const change = (data: unknown, dataSchema: typeof row) =>
    changeOf(
      record(
        { id: 'x', data },
        { valueSchema: schemas.struct({ id: schemas.string(), data: dataSchema }, { name: 'CloudEvents.Envelope' }) },
      ),
      { ...rules, isCloudEvent },
    )
  expect(change({ id: 1 }, row)).toEqual({ kind: 'write', value: { id: 1 }, schema: row, source: null })
  expect(change(event('c', null, { id: 1 }), envelope)).toMatchObject({ kind: 'write', value: { id: 1 }, source: { table: 't' } })
})
