/**
 * Goal: the formats are chosen by their type, texts and the stack are bounded, and a damaged text is never more than a refused schema.
 * Method: texts of each type, too long a text, a full stack, and random damage.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkBackward, InvalidSchemaError, parseSchema, type SchemaType, schemaTypes } from '../../../registry/formats/index.ts'
import { MAX_SCHEMA_CHARS } from '../../../registry/formats/parsed-schema.ts'

const texts = { AVRO: '"string"', JSON: '{"type":"string"}', PROTOBUF: 'syntax = "proto3";\nmessage M {}' } as const

test('each type has a format', () => {
  expect(schemaTypes.map((type) => parseSchema(type, texts[type], []).type)).toEqual(['JSON', 'PROTOBUF', 'AVRO'])
})

test('schemas of two types are incompatible', () => {
  const [avro, json] = [parseSchema('AVRO', texts.AVRO, []), parseSchema('JSON', texts.JSON, [])]
  expect(checkBackward(avro, json)).toEqual(['Incompatible because of different schema type'])
})

test('a text and its references together are bounded', () => {
  const half = { name: 'a', text: ' '.repeat(MAX_SCHEMA_CHARS / 2) }
  expect(() => parseSchema('AVRO', texts.AVRO, [half, half])).toThrow(InvalidSchemaError)
  expect(() => parseSchema('AVRO', texts.AVRO, [half, half])).toThrow(`at most ${MAX_SCHEMA_CHARS} are read`)
})

test('a caller deep in its own stack gets an answer', () => {
  const parsed = parseSchema('JSON', `${'{"items":'.repeat(490)}true${'}'.repeat(490)}`, [])
  checkBackward(parsed, parsed)
  const atDepth = (levels: number): readonly string[] => (levels === 0 ? checkBackward(parsed, parsed) : atDepth(levels - 1))
  const answers = new Set<string>()
  // Until the calls of the test alone fill the stack.
  for (let levels = 0, room = true; room; levels += 100)
    try {
      answers.add(atDepth(levels)[0] ?? 'compatible')
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError)
      room = false
    }
  expect([...answers]).toEqual(['compatible', 'Unexpected exception during compatibility check: the schemas nest too deep to be compared'])
})

/** A text with some of it left out, doubled, or replaced by marks that mean something. */
const damaged = (text: string) =>
  fc
    .array(
      fc.tuple(
        fc.nat(text.length),
        fc.nat(12),
        fc.constantFrom('', '{', '}', '[', ']', '"', ',', ':', '1e999', '"$ref"', 'map<', '/*', '\\', '.', '='),
      ),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    .map((edits) => edits.reduce((damage, [at, length, mark]) => damage.slice(0, at) + mark + damage.slice(at + length), text))

const sound: [type: SchemaType, text: string][] = [
  [
    'AVRO',
    '{"type":"record","name":"R","fields":[{"name":"a","type":["null","R",{"type":"enum","name":"E","symbols":["X"]}],"default":null}]}',
  ],
  ['JSON', '{"type":"object","properties":{"a":{"oneOf":[{"$ref":"#"},{"type":["string","null"],"maxLength":3}]}},"required":["a"]}'],
  [
    'PROTOBUF',
    'syntax = "proto3"; option (o).x = {a: 1 b: ["c"]}; message M { map<string, M> m = 1; oneof o { int32 a = 2 [deprecated = true]; } reserved 5 to 7; }',
  ],
]

test.each(sound)('%s: a damaged text is refused as a schema, or is one', (type, text) => {
  fc.assert(
    fc.property(damaged(text), (damage) => {
      try {
        const parsed = parseSchema(type, damage, [], { isNew: true })
        expect(parseSchema(type, parsed.canonical, [], { isNew: true }).canonical).toBe(parsed.canonical)
        expect(parseSchema(type, parsed.normalized(), []).normalized()).toBe(parsed.normalized())
        expect(checkBackward(parsed, parsed).filter((found) => !found.includes('leads back to itself'))).toEqual([])
        expect(parsed.formatted('serialized')).not.toBe('')
      } catch (error) {
        if (!(error instanceof InvalidSchemaError)) throw error
      }
    }),
    { numRuns: 1000 },
  )
})
