/**
 * Goal: placements of fields are read, and timestamps in all units. Method: right and wrong texts, and rows with each type.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../../connect/sdk/index.ts'
import { additionalFields, outboxTimestamp } from '../../../../connect/transforms/data/outbox-fields.ts'

const refusal = (name: string, value: string | null, problem: string) => new Error(`${name} ${value}: ${problem}`)

test('a field has a placement, and another name if it is given', () => {
  expect(additionalFields(['a:header', 'b : ENVELOPE : c'], refusal)).toEqual([
    { field: 'a', placement: 'header', alias: 'a' },
    { field: 'b', placement: 'envelope', alias: 'c' },
  ])
  for (const wrong of ['a', 'a:', 'a:header:b:c']) expect(() => additionalFields([wrong], refusal)).toThrow('pairs or trios')
  expect(() => additionalFields(['a:topic'], refusal)).toThrow('Value must be one of header, envelope, partition')
})

const timestamp = (name: string | undefined, value: unknown) =>
  outboxTimestamp(schemas.struct({ at: schemas.int64({ optional: true, name }) }), 'at')({ at: value })

test('a timestamp is in ms, whatever the unit', () => {
  expect(timestamp('io.debezium.time.Timestamp', 5)).toBe(5)
  expect(timestamp('io.debezium.time.MicroTimestamp', -5_999)).toBe(-5n)
  expect(timestamp('io.debezium.time.NanoTimestamp', 2n ** 62n)).toBe(4_611_686_018_427n)
  expect(timestamp('org.apache.kafka.connect.data.Timestamp', new Date(9))).toBe(9)
  expect(timestamp('io.debezium.time.Timestamp', null)).toBeNull()
  expect(outboxTimestamp(schemas.struct({}), null)({})).toBeNull()
})

test('other types are refused', () => {
  expect(() => timestamp(undefined, 1)).toThrow('Unsupported field type INT64 (without logical schema name) for event timestamp')
  expect(() => timestamp('x', 1)).toThrow('Unsupported field type x for event timestamp')
  expect(() => outboxTimestamp(schemas.struct({}), 'at')).toThrow('Unable to find timestamp field at in event')
  expect(() => outboxTimestamp(schemas.struct({ at: schemas.string() }), 'at')).toThrow("Field 'at' is not of type INT64")
})
