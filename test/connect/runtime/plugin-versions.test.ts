/**
 * Goal: a config gets the version of each plugin that it asks for, and Kafka Connect's message where none is installed. Method: plugins in
 * two versions, and the converters that come with the worker.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { setOrigin } from '../../../connect/plugins/origins.ts'
import { findPlugins, type Plugins } from '../../../connect/plugins.ts'
import { connectorOf, versionProblem } from '../../../connect/runtime/plugin-versions.ts'
import { throwIfInvalid, validate } from '../../../connect/runtime/validation.ts'
import { type Connector, defineConnector, setting } from '../../../connect/sdk/index.ts'
import { version } from '../../../core/system/version.ts'

const versioned = (number: string, own: string): Connector => {
  const connector = defineConnector({
    name: 'versioned',
    version: number,
    doc: 'Two versions of it are installed.',
    source: {
      class: 'a.VersionedConnector',
      settings: { [own]: setting.string({ doc: 'x' }) },
      async *read() {},
    },
  }) as Connector
  setOrigin(connector, { location: 'test', version: number } as never)
  return connector
}

let plugins: Plugins
beforeAll(async () => {
  plugins = await findPlugins([versioned('1.5', 'old'), versioned('2.0', 'new')])
})

const config = (more: Record<string, string>) => ({ name: 'c', 'connector.class': 'Versioned', ...more })
const messages = (more: Record<string, string>) => {
  try {
    throwIfInvalid(validate(plugins, config(more)))
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

test.each([
  [undefined, '2.0'],
  ['latest', '2.0'],
  ['1.5', '1.5'],
  ['[1.0,2.0)', '1.5'],
  ['(,1.9],[3.0,)', '1.5'],
])('the version %s is %s', (spec, expected) => {
  expect(connectorOf(plugins, config(spec === undefined ? {} : { 'connector.plugin.version': spec })).version).toBe(expected)
})

describe('a version that is not installed', () => {
  const missing = (name: string, range: string, available: string) =>
    `Plugin ${name} not found that matches the version range ${range}, available versions: [${available}]`
  test('of the connector', () => {
    expect(() => connectorOf(plugins, config({ 'connector.plugin.version': '3.0' }))).toThrow(
      missing('a.VersionedConnector', '[3.0,3.0]', '2.0, 1.5'),
    )
    expect(messages({ new: 'x', 'connector.plugin.version': '[3,4)' })).toContain(missing('a.VersionedConnector', '[3,4)', '2.0, 1.5'))
  })
  test('of a converter and of a transform', () => {
    const json = 'org.apache.kafka.connect.json.JsonConverter'
    const filter = 'org.apache.kafka.connect.transforms.Filter'
    expect(messages({ new: 'x', 'key.converter': json, 'key.converter.plugin.version': '9' })).toContain(missing(json, '[9,9]', version))
    expect(messages({ new: 'x', transforms: 't', 'transforms.t.type': filter, 'transforms.t.plugin.version': '9' })).toContain(
      missing(filter, '[9,9]', version),
    )
    expect(messages({ new: 'x', 'key.converter': json, 'key.converter.plugin.version': `[${version},)` })).toBe('')
  })
  test('is an error of its own where it is no range', () => {
    expect(versionProblem(plugins, 'Versioned', '[1,2')).toMatch(/^Invalid version range \[1,2/)
    expect(messages({ new: 'x', 'connector.plugin.version': '[1,2' })).toContain('Invalid version range [1,2')
  })
})

test('the settings are those of the version', () => {
  const names = (more: Record<string, string>) => validate(plugins, config(more)).configs.map(({ value }) => value.name)
  expect(names({})).toContain('new')
  expect(names({ 'connector.plugin.version': '1.5' })).toContain('old')
})
