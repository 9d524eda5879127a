/**
 * Goal: a setting that nothing reads is found, and the one that was meant is named. Method: configs with slips of the pen.
 */
import { expect, test } from 'vitest'
import { nearest, unknownSettings } from '../../../connect/offline/unknown-settings.ts'

const known = ['tasks.max', 'topics', 'topics.regex', 'errors.tolerance', 'file']

test.each([
  ['tasks.maks', 'tasks.max'],
  ['topic', 'topics'],
  ['error.tolerance', 'errors.tolerance'],
  ['Errors.Tolerance', 'errors.tolerance'],
  ['entirely.different', null],
])('%s is meant to be %s', (setting, meant) => {
  expect(unknownSettings({ [setting]: 'x' }, known)).toEqual([{ setting, meant }])
})

test('known settings, and those that are passed on, are not reported', () => {
  const passedOn = {
    'producer.override.linger.ms': '5',
    'consumer.override.a': '1',
    'admin.override.b': '2',
    'topic.creation.x.partitions': '3',
    'value.converter.request.header.X-Tenant': 'a',
  }
  expect(unknownSettings({ name: 'n', 'connector.class': 'C', file: 'f', ...passedOn }, known)).toEqual([])
})

test('a short name resembles only what differs in one letter', () => {
  expect(nearest('fil', known)).toBe('file')
  expect(nearest('xy', known)).toBeNull()
})
