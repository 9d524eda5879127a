/**
 * Goal: every converter reads what it writes, keeps null, and refuses other bytes with a DataException. Method: a scan finds the
 * converters; one suite runs on all of them with random values (fast-check).
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findPlugins } from '../../connect/plugins.ts'
import { type ConverterDeclaration, DataError, parseSettings, type Settings } from '../../connect/sdk/index.ts'

const { converters } = await findPlugins()

/** The settings under which each takes any text. */
const plain: Record<string, Record<string, string>> = { 'org.apache.kafka.connect.json.JsonConverter': { 'schemas.enable': 'false' } }
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
    const make = () => declaration.create(parseSettings(declaration.settings, plain[name] ?? {}), false)

    test('says what it is', () => {
      expect(declaration.doc).toMatch(/\.$/)
      for (const setting of Object.values(declaration.settings)) expect(setting.doc).not.toBe('')
    })
    test('nothing stays nothing', () => {
      const converter = make()
      expect(converter.fromConnect('t', null, null)).toBeNull()
      expect(converter.toConnect('t', null).value).toBeNull()
    })
    test('what it writes it reads, under any topic', () => {
      const converter = make()
      const value = values[name] ?? fc.string({ unit: 'grapheme' })
      fc.assert(
        fc.property(fc.string(), value, (topic, given) => {
          const bytes = converter.fromConnect(topic, null, given)
          expect(Buffer.isBuffer(bytes)).toBe(true)
          expect(converter.toConnect(topic, bytes).value).toEqual(given)
        }),
      )
    })
    test('any bytes are a value or a DataError', () => {
      const converter = make()
      fc.assert(
        fc.property(fc.uint8Array(), (bytes) => {
          try {
            converter.toConnect('t', Buffer.from(bytes))
          } catch (error) {
            expect(error).toBeInstanceOf(DataError)
          }
        }),
      )
    })
  },
)
