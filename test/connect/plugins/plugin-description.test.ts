/**
 * Goal: a plugin passes from one thread to another as plain data, and what is made of that data has its names, settings and versions, calls
 * its functions elsewhere, and never has its code. Method: descriptions that a structured clone has passed.
 */
import { expect, test } from 'vitest'
import { originOf, setOrigin } from '../../../connect/plugins/origins.ts'
import { declarationsOf, descriptionsOf, type RemoteCall } from '../../../connect/plugins/plugin-description.ts'
import { Plugins } from '../../../connect/plugins.ts'
import { defineConnector, defineConverter, defineSink, defineSource, parseSettings, setting } from '../../../connect/sdk/index.ts'

const connector = defineConnector({
  name: 'c',
  doc: 'A connector.',
  source: defineSource({
    class: 'a.OneSourceConnector',
    aliases: ['Uno'],
    settings: {
      count: setting.int({ default: 3, doc: 'How many.', group: 'Own', aliases: ['number'] }),
      password: setting.password({ doc: 'Secret.' }),
    },
    check: () => [],
    tasks: () => [{}],
    async *read() {},
  }),
  sink: defineSink({ class: 'a.OneSinkConnector', settings: {}, start: () => ({ async write() {}, async flush() {} }) }),
})
const converter = defineConverter({
  class: 'a.OneConverter',
  doc: 'A converter.',
  version: '7',
  kinds: ['header_converter'],
  settings: {},
  create: () => ({ fromConnect: () => null, toConnect: () => ({ schema: null, value: null }) }),
})

const set = { connectors: [connector], converters: [converter], transforms: [], predicates: [] }

test('what is made of a description has everything but the code', async () => {
  setOrigin(connector, { version: '4.5', module: 'file:///m.js', location: '/m' })
  const calls: unknown[] = []
  const remote = async (call: RemoteCall, origin: object) => {
    calls.push([call, origin])
    return [{ part: '1' }]
  }
  const made = declarationsOf(structuredClone(descriptionsOf(set)), remote)
  const plugins = new Plugins(made.connectors, made.converters, made.transforms, made.predicates)
  const plugin = plugins.connector('Uno')
  expect(plugin).toMatchObject({ class: 'a.OneSourceConnector', version: '4.5', kind: 'source', origin: { location: '/m' } })
  expect(plugin.settings.count).toMatchObject({ type: 'INT', default: '3', doc: 'How many.', group: 'Own', aliases: ['number'] })
  expect(plugins.connector('OneSink').kind).toBe('sink')
  expect(plugins.headerConverter('One')).toMatchObject({ class: 'a.OneConverter', version: '7' })
  expect(plugins.converter('One')).toBeUndefined()
  expect(originOf(made.converters[0]!)).toEqual(originOf(converter))

  const config = parseSettings(plugin.settings, { number: '5', other: 'x' })
  expect(config).toEqual({ count: '5', password: null })
  expect(await plugin.side.tasks!(config, 2)).toEqual([{ part: '1' }])
  expect(calls).toEqual([[{ class: 'a.OneSourceConnector', version: '4.5', name: 'tasks', args: [config, 2] }, originOf(connector)]])
  expect(plugin.kind === 'source' && plugin.side.check).toBeUndefined()
  expect(() => (plugin.side as unknown as { read(): unknown }).read()).toThrow(
    'read of a plugin of plugin.path was called outside of its thread',
  )
  expect(plugins.connector('OneSink').side.tasks).toBeUndefined()
})

test('a description of a description is the same', () => {
  const once = structuredClone(descriptionsOf(set))
  const twice = descriptionsOf(declarationsOf(once, async () => null))
  expect(twice.map(({ plain, origin }) => ({ plain, origin }))).toEqual(once.map(({ plain, origin }) => ({ plain, origin })))
})
