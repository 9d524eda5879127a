/**
 * Builds a connector's converters and transforms from its config and the worker's. A connector that names a converter configures it itself;
 * one that does not gets the worker's, with the worker's settings.
 */
import type { Plugins } from '../plugins.ts'
import { type Converter, parseSettings, type Settings } from '../sdk/index.ts'
import { settingsUnder } from '../sdk/prefixed-settings.ts'
import { ConnectError, type ConnectorConfig } from '../types.ts'
import type { Conversion, Link } from './pipeline.ts'

interface Named {
  class: string
  settings: Settings
}

function found<T extends Named>(plugin: T | undefined, name: string): T {
  if (!plugin) throw new ConnectError(400, `Class ${name} could not be found.`)
  return plugin
}

function converter(
  what: 'key' | 'value' | 'header',
  plugins: Plugins,
  config: ConnectorConfig,
  worker: Readonly<Record<string, string>>,
  fallback: string,
): { class: string; converter: Converter } {
  const setting = `${what}.converter`
  const source = config[setting] === undefined ? worker : config
  const name = source[setting] ?? fallback
  const declaration = found(what === 'header' ? plugins.headerConverter(name) : plugins.converter(name), name)
  const settings = parseSettings(declaration.settings as Settings, { ...settingsUnder(`${setting}.`, source), 'converter.type': what })
  return { class: declaration.class, converter: declaration.create(settings, what === 'key') }
}

function transforms(plugins: Plugins, config: ConnectorConfig): Link[] {
  const names = (config.transforms ?? '').split(',').map((name) => name.trim())
  return names
    .filter((name) => name !== '')
    .map((alias) => {
      const own = settingsUnder(`transforms.${alias}.`, config)
      const declaration = found(plugins.transform(own.type ?? ''), own.type ?? '')
      const apply = declaration.create(parseSettings(declaration.settings as Settings, own))
      if (!own.predicate) return { class: declaration.class, apply }
      const told = settingsUnder(`predicates.${own.predicate}.`, config)
      const predicate = found(plugins.predicate(told.type ?? ''), told.type ?? '')
      const holds = predicate.create(parseSettings(predicate.settings as Settings, told))
      const wanted = own.negate?.trim().toLowerCase() !== 'true'
      return { class: declaration.class, apply: (record) => (holds(record) === wanted ? apply(record) : record) }
    })
}

export function createConversion(plugins: Plugins, config: ConnectorConfig, worker: Readonly<Record<string, string>>): Conversion {
  const json = 'org.apache.kafka.connect.json.JsonConverter'
  const key = converter('key', plugins, config, worker, json)
  const value = converter('value', plugins, config, worker, json)
  const header = converter('header', plugins, config, worker, 'org.apache.kafka.connect.storage.SimpleHeaderConverter')
  return {
    transforms: transforms(plugins, config),
    key: key.converter,
    value: value.converter,
    header: header.converter,
    classes: { key: key.class, value: value.class, header: header.class },
  }
}
