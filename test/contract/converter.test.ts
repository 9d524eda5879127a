/**
 * Goal: every converter reads what it writes, keeps null, and refuses other bytes with a DataException. Method: a scan finds the
 * converters; one suite runs on all of them with random values (fast-check), which are other ones in each run.
 */
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { converterChecks, declarationChecks } from '../../connect/contract/index.ts'
import { findPlugins } from '../../connect/plugins.ts'
import { type ConverterDeclaration, parseSettings, type Schema, type Settings, schemas } from '../../connect/sdk/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { SchemaRegistryDouble } from '../schema-registry-double.ts'
import { extraPlugins } from './extra-plugins.ts'
import { runChecks } from './run-checks.ts'

const converters = [...(await findPlugins()).converters, ...(await extraPlugins()).converters]
const registry = await SchemaRegistryDouble.start()
afterAll(() => registry.stop())
const withRegistry = { 'schema.registry.url': registry.url }

const VALUES = 100

/** The settings under which each takes any text. */
const plain: Record<string, Record<string, string>> = {
  'org.apache.kafka.connect.json.JsonConverter': { 'schemas.enable': 'false' },
  'io.confluent.connect.avro.AvroConverter': withRegistry,
  'io.confluent.connect.json.JsonSchemaConverter': withRegistry,
  'io.confluent.connect.protobuf.ProtobufConverter': withRegistry,
}
/** The schema of the values, for those that write none without. */
const schemaOf: Record<string, Schema> = {
  'io.confluent.connect.json.JsonSchemaConverter': schemas.string(),
  'io.confluent.connect.protobuf.ProtobufConverter': schemas.string(),
}
/** What each takes, where that is not any text. */
const values: Record<string, fc.Arbitrary<unknown>> = {
  'org.apache.kafka.connect.converters.ByteArrayConverter': fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  // It infers the type of a value from its text, so only text that looks like no other type is read as it was written.
  'org.apache.kafka.connect.storage.SimpleHeaderConverter': fc.stringMatching(/^[a-z]{6,20} [a-z]*$/),
  'org.apache.kafka.connect.converters.BooleanConverter': fc.boolean(),
  'org.apache.kafka.connect.converters.ShortConverter': fc.integer({ min: -32768, max: 32767 }),
  'org.apache.kafka.connect.converters.IntegerConverter': fc.integer(),
  'org.apache.kafka.connect.converters.LongConverter': fc
    .bigInt(-(2n ** 63n), 2n ** 63n - 1n)
    .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value)),
  'org.apache.kafka.connect.converters.FloatConverter': fc.float(),
  'org.apache.kafka.connect.converters.DoubleConverter': fc.double(),
}

test('the converters that Kafka Connect has most use for are there', () => {
  const classes = converters.map((converter) => converter.class)
  expect(classes).toContain('org.apache.kafka.connect.json.JsonConverter')
  expect(classes).toContain('org.apache.kafka.connect.storage.StringConverter')
  expect(classes).toContain('org.apache.kafka.connect.converters.ByteArrayConverter')
})

describe.each(converters.map((converter) => [converter.class, converter] as [string, ConverterDeclaration<Settings>]))(
  '%s',
  (name, declaration) => {
    const raw = plain[name] ?? {}
    runChecks(declarationChecks, () => declaration)
    runChecks(converterChecks, () => ({
      make: () => declaration.create(parseSettings(declaration.settings, raw), false, { system: realSystem('silent'), raw }),
      schema: schemaOf[name] ?? null,
      values: fc.sample(values[name] ?? fc.string({ unit: 'grapheme' }), VALUES),
    }))
  },
)
