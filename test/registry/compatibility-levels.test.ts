/**
 * Goal: each of the seven levels checks the versions and the directions that Confluent's does, and its messages name the schemas by their
 * age. Method: Avro records that differ in one field; adding one with a default is compatible both ways, without one forward only.
 */
import { expect, test } from 'vitest'
import { incompatibilities } from '../../registry/compatibility-levels.ts'
import { compatibilityLevels } from '../../registry/entities.ts'
import { checkBackward, parseSchema } from '../../registry/formats/index.ts'
import { avroRecord } from './registry-in-memory.ts'

const parse = (text: string) => parseSchema('AVRO', text, [], {})
const earlier = (...texts: readonly string[]) => texts.map((text, index) => ({ version: index + 1, parsed: () => parse(text) }))

test.each([
  ['a field more, without a default', avroRecord('x', 'y'), [avroRecord('x')], ['NONE', 'FORWARD', 'FORWARD_TRANSITIVE']],
  ['a field less, which had none', avroRecord('x'), [avroRecord('x', 'y')], ['NONE', 'BACKWARD', 'BACKWARD_TRANSITIVE']],
  ['a field more, with a default', avroRecord('x', 'y?'), [avroRecord('x')], [...compatibilityLevels]],
  ['another type', '"string"', ['"long"'], ['NONE']],
  [
    'compatible with the latest version, but not with the one before',
    avroRecord('x'),
    [avroRecord('x', 'y'), avroRecord('x', 'y?')],
    ['NONE', 'BACKWARD', 'BACKWARD_TRANSITIVE', 'FORWARD', 'FULL'],
  ],
  ['no earlier version', avroRecord('x'), [], [...compatibilityLevels]],
])('%s', (_, schema, texts, allowed) => {
  const passed = compatibilityLevels.filter(
    (level) => incompatibilities(level, parse(schema), earlier(...texts), checkBackward).length === 0,
  )
  expect(passed).toEqual(compatibilityLevels.filter((level) => allowed.includes(level)))
})

test('messages name the reader and the writer by their age, and the old schema', () => {
  const forward = incompatibilities('FORWARD', parse(avroRecord('x')), earlier(avroRecord('x', 'y')), checkBackward)
  expect(forward[0]).toContain("The field 'y' at path '/fields/1' in the old schema has no default value and is missing in the new schema")
  expect(forward.slice(1)).toEqual(['{oldSchemaVersion: 1}', `{oldSchema: '${avroRecord('x', 'y')}'}`])
  const backward = incompatibilities('BACKWARD', parse(avroRecord('x', 'y')), earlier(avroRecord('x')), checkBackward)
  expect(backward[0]).toContain('in the new schema has no default value and is missing in the old schema')
})

test('FULL says first what the old schema cannot read', () => {
  const messages = incompatibilities('FULL', parse(avroRecord('x', 'z')), earlier(avroRecord('x', 'y')), checkBackward)
  expect(messages.map((message) => message.slice(0, 12))).toEqual(
    ['{errorType:', '{errorType:', '{oldSchemaV', '{oldSchema:'].map((text) => expect.stringContaining(text)),
  )
  expect(messages[0]).toContain("The field 'y'")
  expect(messages[1]).toContain("The field 'z'")
})

test('a long schema is cut off in the messages', () => {
  const long = avroRecord(...Array.from({ length: 500 }, (_, index) => `field_${index}`))
  const messages = incompatibilities('BACKWARD', parse('"string"'), earlier(long), checkBackward)
  expect(messages.at(-1)).toMatch(/^\{oldSchema: <truncated> '.{10240}\.\.\.'\}$/)
})

test('a schema of another format is incompatible with all', () => {
  const other = { version: 1, parsed: () => ({ ...parse('"string"'), type: 'JSON' as const }) }
  expect(incompatibilities('BACKWARD', parse('"string"'), [other], checkBackward)).toEqual([
    'Incompatible because of different schema type',
  ])
})
