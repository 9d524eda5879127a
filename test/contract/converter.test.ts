/**
 * Goal: every converter keeps the same promises: what it writes it reads, nothing stays nothing, and bytes of another kind are refused as
 * data, not as a bug. Method: a scan finds the converters; one suite runs over all, with random values (fast-check).
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findPlugins } from '../../connect/plugins.ts'
import { type ConverterDeclaration, DataError, parseSettings, type Settings } from '../../connect/sdk/index.ts'

const { converters } = await findPlugins()

/** The settings under which each takes any text. */
const plain: Record<string, Record<string, string>> = { 'org.apache.kafka.connect.json.JsonConverter': { 'schemas.enable': 'false' } }
const bytesOnly = new Set(['org.apache.kafka.connect.converters.ByteArrayConverter'])
/** These guess a value's type from its text, so only text that looks like nothing else comes back as it was. */
const guesses = new Set(['org.apache.kafka.connect.storage.SimpleHeaderConverter'])

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
      const value = bytesOnly.has(name)
        ? fc.uint8Array().map((bytes) => Buffer.from(bytes))
        : guesses.has(name)
          ? fc.stringMatching(/^[a-z]{5,20} [a-z]*$/).filter((text) => text !== 'false')
          : fc.string({ unit: 'grapheme' })
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
