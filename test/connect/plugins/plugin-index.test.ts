/**
 * Goal: a class has several versions side by side, the newest of which counts where no range is given; names and listing know all of them.
 * Method: a registry with plugins of plugin.path beside those of the worker.
 */
import { expect, test } from 'vitest'
import { originOf, setOrigin } from '../../../connect/plugins/origins.ts'
import { PluginIndex } from '../../../connect/plugins/plugin-index.ts'
import { versionRange } from '../../../connect/plugins/version-range.ts'
import { Plugins } from '../../../connect/plugins.ts'
import { defineConnector, definePredicate, defineSource, defineTransform } from '../../../connect/sdk/index.ts'

const transform = (version: string) =>
  defineTransform({ class: 'a.b.UpperTransformation', doc: 'Upper.', version, settings: {}, create: () => (record) => record })

const connector = (className: string, version: string) =>
  defineConnector({
    name: 'c',
    doc: 'A source.',
    version,
    source: defineSource({ class: className, settings: {}, async *read() {} }),
  })

const registry = () => {
  const plugins = new Plugins([connector('a.FastSourceConnector', '1.0')], [], [transform('1.0')], [])
  plugins.setPathPlugins({
    connectors: [connector('a.FastSourceConnector', '2.0-rc1'), connector('a.FastSourceConnector', '1.5')],
    converters: [],
    transforms: [transform('0.9'), transform('1.0')],
    predicates: [definePredicate({ class: 'a.Odd', doc: 'Odd.', settings: {}, create: () => () => true })],
  })
  return plugins
}

test('the newest version counts, and a range selects among the others', () => {
  const plugins = registry()
  expect(plugins.connector('FastSource').version).toBe('2.0-rc1')
  expect(plugins.connector('FastSource', versionRange('[1.0,2.0-alpha)')).version).toBe('1.5')
  expect(plugins.connector('a.FastSourceConnector', versionRange('1.0')).version).toBe('1.0')
  expect(plugins.findConnector('FastSource', versionRange('[3,)'))).toBeUndefined()
  expect(plugins.transform('Upper')?.version).toBe('1.0')
  expect(plugins.transform('Upper', versionRange('(,1.0)'))?.version).toBe('0.9')
})

test('every version is listed, each once', () => {
  const plugins = registry()
  const of = (name: string) =>
    plugins
      .list(false)
      .filter((plugin) => plugin.class === name)
      .map((plugin) => plugin.version)
  expect(of('a.FastSourceConnector')).toEqual(['2.0-rc1', '1.5', '1.0'])
  expect(of('a.b.UpperTransformation')).toEqual(['1.0', '0.9'])
  expect(plugins.versions('FastSource')).toEqual(['2.0-rc1', '1.5', '1.0'])
  expect(plugins.versions('Nothing')).toEqual([])
  expect(plugins.plugin('Upper', versionRange('0.9'))).toMatchObject({ kind: 'other', version: '0.9' })
  expect(plugins.transforms).toHaveLength(1)
})

test('what plugin.path has no more is gone', () => {
  const plugins = registry()
  plugins.setPathPlugins({ connectors: [], converters: [], transforms: [], predicates: [] })
  expect(plugins.connector('FastSource').version).toBe('1.0')
  expect(plugins.predicate('Odd')).toBeUndefined()
})

test('a class of Kafka keeps its short name beside one of the same name', () => {
  const kafka = { class: 'org.apache.kafka.connect.transforms.Filter' }
  for (const others of [['io.debezium.transforms.Filter'], ['a.Filter', 'b.Filter', 'z.Filter']]) {
    const index = new PluginIndex([...others.map((name) => ({ class: name })), kafka], 'Transformation')
    expect(index.find('Filter')).toBe(kafka)
    expect(others.map((name) => index.find(name)?.class)).toEqual(others)
  }
})

test('a short name of two classes is none, however many versions they have', () => {
  const of = (className: string, version: string) => {
    const plugin = { class: className }
    setOrigin(plugin, { ...originOf(plugin), version })
    return plugin
  }
  const index = new PluginIndex([of('a.One', '1'), of('b.One', '1'), of('b.One', '2'), of('b.Two', '1'), of('b.Two', '2')], 'Connector')
  expect(index.find('One')).toBeUndefined()
  expect(index.find('b.One')).toBe(index.versions('b.One')[0])
  expect(index.versions('Two')).toHaveLength(2)
})
