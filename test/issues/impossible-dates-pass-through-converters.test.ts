/**
 * Goal: a time of day past midnight, a date with a time and an invalid date fail the record in every converter, as in Kafka Connect: an
 * Avro int that wraps around, or NaN in JSON, is a value that nobody can read. Method: the converters, by what they write and read.
 */
import { afterAll, describe, expect, test } from 'vitest'
import avro from '../../connect/converters/avro.ts'
import json from '../../connect/converters/json.ts'
import jsonSchema from '../../connect/converters/json-schema.ts'
import protobuf from '../../connect/converters/protobuf.ts'
import { schemas } from '../../connect/sdk/index.ts'
import { registryConverter } from '../registry-converters.ts'
import { SchemaRegistryDouble } from '../schema-registry-double.ts'

const registry = await SchemaRegistryDouble.start()
afterAll(() => registry.stop())

const DAY_MS = 86_400_000

describe.each([
  ['AvroConverter', avro],
  ['JsonConverter', json],
  ['JsonSchemaConverter', jsonSchema],
  ['ProtobufConverter', protobuf],
] as const)('%s', (name, declaration) => {
  const { write } = registryConverter(declaration, registry.url)
  test.each([
    ['a time of another day', schemas.time(), new Date(DAY_MS + 1)],
    ['a time before the first day', schemas.time(), new Date(-1)],
    ['a date with a time', schemas.date(), new Date(1)],
    ['an invalid timestamp', schemas.timestamp(), new Date(Number.NaN)],
  ])('%s', async (what, schema, at) => {
    await expect(write(`${name}-${what.replaceAll(' ', '-')}`, schemas.struct({ at: schema }, { name: 'R' }), { at })).rejects.toThrow()
  })
})

test('Avro: a timestamp in microseconds that is declared as milliseconds names the mistake', async () => {
  const { converter, read } = registryConverter(avro, registry.url)
  expect(converter.addsHeaders).toBe(false)
  const id = registry.register('t-value', JSON.stringify({ type: 'long', logicalType: 'timestamp-millis' }))
  const MICROS = 0x7f
  const bytes = Buffer.from([0, 0, 0, 0, id, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, MICROS])
  await expect(read('t', bytes)).rejects.toThrow(/out of the range of a date: check its unit/)
})
