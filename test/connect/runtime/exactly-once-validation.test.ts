/**
 * Goal: the preflight checks of exactly-once sources answer as Kafka Connect's. Method: the cases of its integration test of preflight
 * validation, with a connector that answers as it is told; the sentences are those of Apache Kafka Connect 4.3.1.
 */
import { expect, test } from 'vitest'
import { findPlugins } from '../../../connect/plugins.ts'
import { validate } from '../../../connect/runtime/validation.ts'
import { defineConnector, defineSource, setting } from '../../../connect/sdk/index.ts'
import { ScriptedSource } from './scripted-source.ts'

const silent = defineConnector({
  name: 'silent',
  doc: 'Says nothing about exactly-once support.',
  source: defineSource({ class: 'test.SilentSourceConnector', settings: { topic: setting.string({ doc: 't' }) }, async *read() {} }),
})
const plugins = await findPlugins([new ScriptedSource().connector, silent])

function errors(config: Record<string, string>, enabled: boolean | null = true): Record<string, string[]> {
  const whole = { name: 'x', 'connector.class': 'ScriptedSource', topic: 't', ...config }
  const infos = validate(plugins, whole, undefined, undefined, whole, enabled)
  const found = infos.configs.filter(({ value }) => value.errors.length > 0)
  expect(infos.error_count).toBe(found.reduce((sum, { value }) => sum + value.errors.length, 0))
  return Object.fromEntries(found.map(({ value }) => [value.name, value.errors]))
}

const support = 'exactly.once.support'
const boundary = 'transaction.boundary'

test('required support needs a worker and a connector that have it', () => {
  expect(errors({ [support]: 'required' })).toEqual({})
  expect(errors({ [support]: 'REQUIRED' }, false)).toEqual({
    [support]: ['This worker does not have exactly-once source support enabled.'],
  })
  expect(errors({ [support]: 'required', support: 'unsupported' })).toEqual({
    [support]: ['The connector does not support exactly-once semantics with the provided configuration.'],
  })
  expect(errors({ [support]: 'required', support: 'fails' })).toEqual({
    [support]: ['An unexpected error occurred during validation: it cannot be told'],
  })
  expect(errors({ [support]: 'required', 'connector.class': 'SilentSource' })[support]![0]).toMatch(
    /^The connector does not implement the API required for preflight validation.*consider reconfiguring the connector to use the value "requested"/,
  )
  expect(errors({ [support]: 'requested', support: 'unsupported' }, false)).toEqual({})
  expect(errors({ [support]: 'required' }, null)).toEqual({})
})

test('boundaries of the connector need a connector that defines them, also where the worker has no support', () => {
  const refused = {
    [boundary]: [
      'The connector does not support connector-defined transaction boundaries with the given configuration. ' +
        'Please reconfigure it to use a different transaction boundary definition.',
    ],
  }
  expect(errors({ [boundary]: 'connector' }, false)).toEqual({})
  expect(errors({ [boundary]: 'connector', boundaries: 'unsupported' }, false)).toEqual(refused)
  expect(errors({ [boundary]: 'Connector', 'connector.class': 'SilentSource' })).toEqual(refused)
  expect(errors({ [boundary]: 'connector', boundaries: 'fails' })).toEqual({
    [boundary]: ['An unexpected error occurred during validation: it cannot be told'],
  })
  expect(errors({ [boundary]: 'poll', boundaries: 'fails' })).toEqual({})
})

test('the overrides of all three clients are checked where the positions need them', () => {
  const overrides = { 'producer.override.x': '1', 'consumer.override.y': '2', 'admin.override.z': '3' }
  const shown = (config: Record<string, string>, enabled: boolean) => {
    const whole = { name: 'x', 'connector.class': 'ScriptedSource', topic: 't', ...overrides, ...config }
    const { configs } = validate(plugins, whole, undefined, undefined, whole, enabled)
    return configs.map(({ value }) => value.name).filter((name) => name.includes('.override.'))
  }
  expect(shown({}, true)).toEqual(Object.keys(overrides))
  expect(shown({ 'offsets.storage.topic': 'own' }, false)).toEqual(Object.keys(overrides))
  expect(shown({}, false)).toEqual(['producer.override.x'])
})
