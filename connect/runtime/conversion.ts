/**
 * Builds a connector's converters and transformations. A converter that the connector names has the connector's settings; one that it does
 * not name is the worker's, with the worker's settings.
 */
import type { Plugins } from '../plugins.ts'
import { type Converter, namesIn, parseSettings, type Settings } from '../sdk/index.ts'
import { settingsUnder } from '../sdk/prefixed-settings.ts'
import { ConnectError, type ConnectorConfig } from '../types.ts'
import type { Conversion, TransformationStage } from './pipeline.ts'

interface PluginDeclaration {
  class: string
  settings: Settings
}

function required<T extends PluginDeclaration>(plugin: T | undefined, name: string): T {
  if (!plugin) throw new ConnectError(400, `Class ${name} could not be found.`)
  return plugin
}

function converter(
  what: 'key' | 'value' | 'header',
  plugins: Plugins,
  config: ConnectorConfig,
  worker: Readonly<Record<string, string>>,
  defaultClass: string,
): { class: string; converter: Converter } {
  const setting = `${what}.converter`
  const source = config[setting] === undefined ? worker : config
  const name = source[setting] ?? defaultClass
  const declaration = required(what === 'header' ? plugins.headerConverter(name) : plugins.converter(name), name)
  const settings = parseSettings(declaration.settings as Settings, { ...settingsUnder(`${setting}.`, source), 'converter.type': what })
  return { class: declaration.class, converter: declaration.create(settings, what === 'key') }
}

function transformations(plugins: Plugins, config: ConnectorConfig): TransformationStage[] {
  return namesIn(config.transforms).map((alias) => {
    const own = settingsUnder(`transforms.${alias}.`, config)
    const declaration = required(plugins.transform(own.type ?? ''), own.type ?? '')
    const apply = declaration.create(parseSettings(declaration.settings as Settings, own))
    if (!own.predicate) return { class: declaration.class, apply }
    const ofPredicate = settingsUnder(`predicates.${own.predicate}.`, config)
    const predicate = required(plugins.predicate(ofPredicate.type ?? ''), ofPredicate.type ?? '')
    const test = predicate.create(parseSettings(predicate.settings as Settings, ofPredicate))
    const expected = own.negate?.trim().toLowerCase() !== 'true'
    return { class: declaration.class, apply: (record) => (test(record) === expected ? apply(record) : record) }
  })
}

export function createConversion(plugins: Plugins, config: ConnectorConfig, worker: Readonly<Record<string, string>>): Conversion {
  const json = 'org.apache.kafka.connect.json.JsonConverter'
  const key = converter('key', plugins, config, worker, json)
  const value = converter('value', plugins, config, worker, json)
  const header = converter('header', plugins, config, worker, 'org.apache.kafka.connect.storage.SimpleHeaderConverter')
  return {
    transformations: transformations(plugins, config),
    key: key.converter,
    value: value.converter,
    header: header.converter,
    classes: { key: key.class, value: value.class, header: header.class },
  }
}
