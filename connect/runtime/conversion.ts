/**
 * Builds a connector's converters and transformations. A converter that the connector names has the connector's settings; one that it does
 * not name is the worker's, with the worker's settings.
 */
import type { System } from '../../core/system/index.ts'
import { originOf } from '../plugins/origins.ts'
import type { Plugins } from '../plugins.ts'
import { type Converter, namesIn, parseSettings, type Settings, type TaskLogger } from '../sdk/index.ts'
import { settingsUnder } from '../sdk/prefixed-settings.ts'
import { ConnectError, type ConnectorConfig } from '../types.ts'
import type { Conversion, TransformationStage } from './pipeline.ts'
import { checkedConverter, checkedPredicate, checkedTransform } from './plugin-results.ts'
import { type ConverterKind, findConverter, requiredRange } from './plugin-versions.ts'

interface PluginDeclaration {
  class: string
  settings: Settings
}

function required<T extends PluginDeclaration>(plugin: T | undefined, name: string): T {
  if (!plugin) throw new ConnectError(400, `Class ${name} could not be found.`)
  return plugin
}

function converter(
  what: ConverterKind,
  plugins: Plugins,
  config: ConnectorConfig,
  worker: Readonly<Record<string, string>>,
  defaultClass: string,
  system: System,
  isRehearsal: boolean,
): { class: string; converter: Converter } {
  const setting = `${what}.converter`
  const source = config[setting] === undefined ? worker : config
  const name = source[setting] ?? defaultClass
  const range = requiredRange(plugins, name, source[`${setting}.plugin.version`])
  const declaration = required(findConverter(plugins, what, name, range), name)
  const raw = { ...settingsUnder(`${setting}.`, source), 'converter.type': what }
  const settings = parseSettings(declaration.settings as Settings, raw)
  const created = declaration.create(settings, what === 'key', { system, raw, isRehearsal })
  return { class: declaration.class, converter: isForeign(declaration) ? checkedConverter(declaration.class, created) : created }
}

const isForeign = (declaration: object): boolean => originOf(declaration).location !== null

function transformations(plugins: Plugins, config: ConnectorConfig, log: TaskLogger | undefined): TransformationStage[] {
  return namesIn(config.transforms).map((alias) => {
    const own = settingsUnder(`transforms.${alias}.`, config)
    const type = own.type ?? ''
    const declaration = required(plugins.transform(type, requiredRange(plugins, type, own['plugin.version'])), type)
    const created = declaration.create(parseSettings(declaration.settings as Settings, own), log)
    const apply = isForeign(declaration) ? checkedTransform(declaration.class, created) : created
    if (!own.predicate) return { class: declaration.class, apply }
    const prefix = `predicates.${own.predicate}.`
    const ofPredicate = settingsUnder(prefix, config)
    // As in Kafka Connect, a predicate that `predicates` does not name has no settings.
    if (ofPredicate.type === undefined || !namesIn(config.predicates).includes(own.predicate))
      throw new ConnectError(400, `Unknown configuration '${prefix}type': the predicate of transforms.${alias} is not defined`)
    const range = requiredRange(plugins, ofPredicate.type, ofPredicate['plugin.version'])
    const predicate = required(plugins.predicate(ofPredicate.type, range), ofPredicate.type)
    const made = predicate.create(parseSettings(predicate.settings as Settings, ofPredicate))
    const test = isForeign(predicate) ? checkedPredicate(predicate.class, made) : made
    const expected = own.negate?.trim().toLowerCase() !== 'true'
    return { class: declaration.class, apply: (record) => (test(record) === expected ? apply(record) : record) }
  })
}

const JSON_CONVERTER = 'org.apache.kafka.connect.json.JsonConverter'
const SIMPLE_HEADER_CONVERTER = 'org.apache.kafka.connect.storage.SimpleHeaderConverter'

export function createConversion(
  plugins: Plugins,
  config: ConnectorConfig,
  worker: Readonly<Record<string, string>>,
  system: System,
  log?: TaskLogger,
  { isRehearsal = false }: { isRehearsal?: boolean } = {},
): Conversion {
  const key = converter('key', plugins, config, worker, JSON_CONVERTER, system, isRehearsal)
  const value = converter('value', plugins, config, worker, JSON_CONVERTER, system, isRehearsal)
  const header = converter('header', plugins, config, worker, SIMPLE_HEADER_CONVERTER, system, isRehearsal)
  return {
    transformations: transformations(plugins, config, log),
    key: key.converter,
    value: value.converter,
    header: header.converter,
    classes: { key: key.class, value: value.class, header: header.class },
  }
}
