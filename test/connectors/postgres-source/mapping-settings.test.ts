/**
 * Goal: wrong settings of the mapping are refused with what to do, before a task starts. Method: configs with one mistake each.
 */
import { expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { checkMapping, mappingSettings } from '../../../connectors/postgres-source/mapping-settings.ts'

const parsed = (config: Record<string, string>) => parseSettings(mappingSettings, { 'topic.prefix': 'p', ...config })

test.each([
  [{ 'topic.prefix': 'a b' }, 'invalid format'],
  [{ 'table.include.list': '(' }, 'valid regular expressions'],
  [{ 'column.mask.with.x.chars': 'a' }, undefined],
  [{ 'column.mask.with.5.chars': '[' }, 'column.mask.with.5.chars'],
  [{ 'column.truncate.to.5.chars': '[' }, 'column.truncate.to.5.chars'],
  [{ 'column.mask.hash.ROT13.with.salt.x': 'a' }, 'ROT13 is no hash algorithm'],
  [{ 'column.mask.hash.v2.SHA-256.with.salt.x': 'a' }, undefined],
  [{ 'message.key.columns': 'public.a' }, 'invalid format'],
  [{ 'message.key.columns': 'public.a:(' }, 'valid regular expressions'],
  [{ 'message.key.columns': 'public.a:x,y;(.*).b:z' }, undefined],
  [{ 'topic.naming.strategy': 'com.example.Strategy' }, 'RegexRouter'],
  [{ 'time.precision.mode': 'seconds' }, 'String must be one of'],
  [{ 'decimal.handling.mode': 'PRECISE' }, undefined],
  [{ 'unavailable.value.placeholder': 'hex:00fF' }, undefined],
  [{ 'unavailable.value.placeholder': 'hex:0' }, 'hexadecimal digits'],
])('%j', (config, problem) => {
  if (problem === undefined) expect(() => parsed(config)).not.toThrow()
  else expect(() => parsed(config)).toThrow(problem)
})

test('an include list and an exclude list at once', () => {
  expect(checkMapping(parsed({ 'table.include.list': 'a', 'table.exclude.list': 'b', 'schema.include.list': 'x' }))).toEqual([
    { setting: 'table.exclude.list', why: expect.stringContaining('"table.include.list" is already specified') },
  ])
})

test('settings with a part that users choose are known by their names', () => {
  expect(parsed({ 'column.mask.with.5.chars': 'a.b', 'column.mask.with.7.chars': 'c.d' })['column.mask.with.(length).chars']).toEqual({
    'column.mask.with.5.chars': 'a.b',
    'column.mask.with.7.chars': 'c.d',
  })
  expect(parsed({})['column.mask.with.(length).chars']).toEqual({})
})

test.each(['converters', 'post.processors'])('%s, which names Java classes, is refused', (setting) => {
  expect(checkMapping(parsed({ [setting]: 'isbn' }))).toEqual([{ setting, why: expect.stringContaining('Java classes') }])
})
