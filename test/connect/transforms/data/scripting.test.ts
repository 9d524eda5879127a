/**
 * Goal: only CEL is taken, topics and null values are chosen as Debezium does. Method: the settings, and records of each kind.
 */
import { expect, test } from 'vitest'
import { parseSettings } from '../../../../connect/sdk/index.ts'
import { expressionSetting, scriptedTransform, scriptingSettings } from '../../../../connect/transforms/data/scripting.ts'
import { record } from '../applying.ts'

const made = (given: Record<string, string>) =>
  scriptedTransform(parseSettings(scriptingSettings, { language: 'cel', ...given }), 'condition', 'true', () => null)

test('a missing or other language is refused with what to write instead', () => {
  expect(() => made({ language: 'jsr223.groovy' })).toThrow(
    'Invalid value jsr223.groovy for configuration language: this language needs a JVM: set language to cel, and write the expression in CEL',
  )
  const none = parseSettings(scriptingSettings, {})
  expect(() => scriptedTransform(none, 'condition', 'true', () => null)).toThrow('A value is required: set language to cel')
})

test('an expression that is wrong is refused by validation', () => {
  const setting = expressionSetting('', '')
  expect(setting.parse('condition', ' true ')).toBe('true')
  expect(() => setting.parse('condition', 'value.op ==')).toThrow('Invalid value value.op == for configuration condition: Failed to parse')
})

test('records of other topics pass', () => {
  const [mine, other] = [record({ topic: 'a.b', value: 1 }), record({ topic: 'a.bc', value: 1 })]
  const apply = made({ 'topic.regex': 'a\\.b' })
  expect(apply(mine)).toBeNull()
  expect(apply(other)).toBe(other)
  expect(() => made({ 'topic.regex': '[' })).toThrow("The 'topic.regex' value '[' is invalid")
})

test('records with a null value pass, are dropped or evaluated', () => {
  const tombstone = record({ value: null })
  expect(made({})(tombstone)).toBe(tombstone)
  expect(made({ 'null.handling.mode': 'drop' })(tombstone)).toBeNull()
  const seen: unknown[] = []
  const config = parseSettings(scriptingSettings, { language: 'cel', 'null.handling.mode': 'Evaluate' })
  scriptedTransform(config, 'condition', 'value == null', (given, evaluate) => {
    seen.push(evaluate(given))
    return given
  })(tombstone)
  expect(seen).toEqual([true])
  expect(() => made({ 'null.handling.mode': 'x' })).toThrow('Value must be one of keep, drop, evaluate')
})
