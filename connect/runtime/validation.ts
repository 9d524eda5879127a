/**
 * Validates a connector's config and returns Kafka Connect's ConfigInfos: every setting with its definition, its value and its errors. It
 * has no side effects.
 */
import type { ConnectorPlugin, Plugins } from '../plugins.ts'
import {
  HIDDEN,
  InvalidSetting,
  MissingSetting,
  namesIn,
  parseSettings,
  rawValue,
  type Setting,
  type SettingProblem,
  type Settings,
} from '../sdk/index.ts'
import { settingsUnder } from '../sdk/prefixed-settings.ts'
import { type ConfigInfos, type ConfigKeyInfo, ConnectError, type ConnectorConfig } from '../types.ts'
import type { ClientKind } from './client-overrides.ts'
import { overrideSetting } from './connector-clients.ts'
import { connectorSettings, type DefaultConverters, sinkSettings, sourceSettings, stageType } from './connector-settings.ts'
import { topicGroups, usesTopicCreation } from './topic-creation.ts'

export function keyInfo(name: string, declared: Setting<unknown>): ConfigKeyInfo {
  return {
    name,
    type: declared.type,
    required: declared.required,
    default_value: declared.default,
    importance: declared.importance,
    documentation: declared.doc,
    group: declared.group,
    order_in_group: declared.order,
    width: declared.width,
    display_name: declared.displayName ?? name,
    dependents: [],
  }
}

/** The settings that every connector of the plugin's type has. */
export function settingsOf(plugins: Plugins, plugin: ConnectorPlugin, defaults?: DefaultConverters): Settings {
  return { ...connectorSettings(plugins, plugin, defaults), ...(plugin.type === 'sink' ? sinkSettings : sourceSettings) }
}

type ConfigInfo = ConfigInfos['configs'][number]

function check(name: string, declared: Setting<unknown>, config: ConnectorConfig): ConfigInfo {
  const raw = rawValue(name, declared, config)
  const errors: string[] = []
  try {
    declared.parse(name, raw)
  } catch (error) {
    if (!(error instanceof InvalidSetting || error instanceof MissingSetting)) throw error
    errors.push(error.message)
  }
  const value = raw ?? declared.default
  return {
    definition: keyInfo(name, declared),
    // Invariant 12: a password must not come back in responses, which tools log.
    value: {
      name,
      value: declared.type === 'PASSWORD' && value !== null ? HIDDEN : value,
      recommended_values: [...(declared.recommended ?? [])],
      errors,
      visible: true,
    },
  }
}

/** The settings of the transformations and predicates that a config names. */
function stageSettings(plugins: Plugins, config: ConnectorConfig): Settings {
  const settings: Settings = {}
  for (const [kind, label, find, all] of [
    ['transforms', 'Transforms', plugins.transform, plugins.transforms],
    ['predicates', 'Predicates', plugins.predicate, plugins.predicates],
  ] as const) {
    for (const alias of namesIn(config[kind])) {
      const prefix = `${kind}.${alias}`
      const group = `${label}: ${alias}`
      const known = all.map((declaration) => declaration.class)
      Object.assign(settings, stageType(prefix, group, known, find))
      const own = find(config[`${prefix}.type`] ?? '')
      for (const [name, declared] of Object.entries(own?.settings ?? {}) as [string, Setting<unknown>][])
        settings[`${prefix}.${name}`] = { ...declared, group }
    }
  }
  return settings
}

/** The settings of converters that the config names. */
function converterSettings(plugins: Plugins, config: ConnectorConfig): Settings {
  const settings: Settings = {}
  for (const what of ['key', 'value', 'header'] as const) {
    const named = config[`${what}.converter`]
    const converter = named === undefined ? undefined : what === 'header' ? plugins.headerConverter(named) : plugins.converter(named)
    for (const [name, declared] of Object.entries(converter?.settings ?? {}) as [string, Setting<unknown>][])
      if (config[`${what}.converter.${name}`] !== undefined) settings[`${what}.converter.${name}`] = declared
  }
  return settings
}

/** Checks that concern several settings. */
function checkTogether(plugin: ConnectorPlugin, config: ConnectorConfig, addError: (name: string, message: string) => void): void {
  if (plugin.type === 'source') {
    try {
      topicGroups(config)
    } catch (error) {
      addError('topic.creation.groups', (error as Error).message)
    }
    return
  }
  const valueIn = (name: string) => (config[name] ?? '').trim()
  const topics = valueIn('topics')
  const pattern = valueIn('topics.regex')
  const addToBoth = (message: string) => {
    addError('topics', message)
    addError('topics.regex', message)
  }
  if (topics !== '' && pattern !== '') addToBoth('topics and topics.regex are mutually exclusive options, but both are set.')
  if (topics === '' && pattern === '') addToBoth('Must configure one of topics or topics.regex')
  const list = topics.split(',').map((topic) => topic.trim())
  if (new Set(list).size < list.length) addError('topics', "Configuration 'topics' values must not be duplicated.")
  else if (topics !== '' && list.includes('')) addError('topics', "Configuration 'topics' values must not be empty.")
  const deadLetterTopic = valueIn('errors.deadletterqueue.topic.name')
  if (deadLetterTopic === '') return
  if (list.includes(deadLetterTopic))
    addError(
      'topics',
      `The DLQ topic '${deadLetterTopic}' may not be included in the list of topics ('topics=[${list.join(', ')}]') consumed by the connector`,
    )
  else if (pattern !== '' && matches(pattern, deadLetterTopic))
    addError(
      'topics.regex',
      `The DLQ topic '${deadLetterTopic}' may not be matched by the regex for the topics ('topics.regex=${pattern}') consumed by the connector`,
    )
}

function matches(pattern: string, topic: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`).test(topic)
  } catch {
    return false // The error of the pattern itself is reported at topics.regex.
  }
}

/** The overrides for the clients that the connector has, in the order of Kafka Connect. */
function clientOverrides(plugin: ConnectorPlugin, config: ConnectorConfig): { kind: ClientKind; name: string; value: string }[] {
  const hasDeadLetterQueue = (config['errors.deadletterqueue.topic.name'] ?? '') !== ''
  const kinds: readonly ClientKind[] =
    plugin.type === 'source'
      ? ['producer', ...(usesTopicCreation(config) ? (['admin'] as const) : [])]
      : [...(hasDeadLetterQueue ? (['producer'] as const) : []), 'consumer', ...(hasDeadLetterQueue ? (['admin'] as const) : [])]
  return kinds.flatMap((kind) => Object.entries(settingsUnder(`${kind}.override.`, config)).map(([name, value]) => ({ kind, name, value })))
}

/** The plugin of connector.class. Throws 400 where there is none. */
function pluginOf(plugins: Plugins, config: ConnectorConfig): ConnectorPlugin {
  const className = config['connector.class']
  if (className === undefined || className === null)
    throw new ConnectError(
      400,
      // Invariant 12: without its class nobody knows which of the values are secret.
      `Connector config {${Object.entries(config)
        .map(([name, value]) => `${name}=${name === 'name' ? value : HIDDEN}`)
        .join(', ')}} contains no connector type`,
    )
  return plugins.connector(className)
}

/** The connector's own checks, for a config whose settings are valid one by one. */
function checkByConnector(plugin: ConnectorPlugin, config: ConnectorConfig): readonly SettingProblem[] {
  if (plugin.kind === 'flow' || !plugin.side.check) return []
  return plugin.side.check(parseSettings(plugin.settings, config))
}

/** Why an override is refused; undefined where it is not. */
export type OverrideRefusal = (kind: ClientKind, name: string, value: string) => string | undefined

export function validate(
  plugins: Plugins,
  config: ConnectorConfig,
  defaults?: DefaultConverters,
  refusal: OverrideRefusal = () => undefined,
): ConfigInfos {
  const plugin = pluginOf(plugins, config)
  const all: Settings = {
    ...settingsOf(plugins, plugin, defaults),
    ...stageSettings(plugins, config),
    ...converterSettings(plugins, config),
    ...plugin.settings,
  }
  const overrides = clientOverrides(plugin, config)
  const configs = [
    ...Object.entries(all).map(([name, declared]) => check(name, declared, config)),
    ...overrides.map(({ kind, name, value }) => {
      const info = check(`${kind}.override.${name}`, overrideSetting(kind, name), config)
      info.value.errors.push(...[refusal(kind, name, value) ?? []].flat())
      return info
    }),
  ]
  checkTogether(plugin, config, (name, message) => {
    configs.find(({ definition }) => definition.name === name)?.value.errors.push(message)
  })
  const own = configs.filter(({ definition }) => definition.name in plugin.settings)
  if (own.every(({ value }) => value.errors.length === 0)) {
    for (const { setting, why } of checkByConnector(plugin, config)) {
      const value = own.find(({ definition }) => definition.name === setting)?.value
      value?.errors.push(new InvalidSetting(setting, value.value, why).message)
    }
  }
  const groups = new Set(configs.map(({ definition }) => definition.group).filter((group) => group !== null))
  const standardGroups = [
    'Common',
    'Transforms',
    'Predicates',
    'Error Handling',
    ...(plugin.type === 'source' ? ['Topic Creation', 'Exactly Once Support', 'offsets.topic'] : []),
  ]
  return {
    name: config['connector.class']!,
    error_count: configs.reduce((sum, { value }) => sum + value.errors.length, 0),
    groups: [...standardGroups, ...[...groups].filter((group) => !standardGroups.includes(group))],
    configs,
  }
}

/** Throws 400 with Kafka Connect's message where there are errors. */
export function throwIfInvalid(infos: ConfigInfos): void {
  const messages = infos.configs.flatMap(({ value }) => value.errors)
  if (messages.length === 0) return
  throw new ConnectError(
    400,
    `Connector configuration is invalid and contains the following ${messages.length} error(s):\n${messages.join('\n')}\n` +
      'You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`',
  )
}
