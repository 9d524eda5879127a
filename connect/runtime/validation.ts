/**
 * Validates a connector's config and returns Kafka Connect's ConfigInfos: every setting with its definition, its value and its errors. It
 * has no side effects.
 */
import type { ConnectorPlugin, Plugins } from '../plugins.ts'
import {
  HIDDEN,
  InvalidSetting,
  MissingSetting,
  parseSettings,
  rawValue,
  type Setting,
  type SettingProblem,
  type Settings,
} from '../sdk/index.ts'
import { InvalidJavaPattern, javaPattern } from '../sdk/java-pattern.ts'
import { settingsUnder } from '../sdk/prefixed-settings.ts'
import { type ConfigInfos, type ConfigKeyInfo, ConnectError, type ConnectorConfig } from '../types.ts'
import type { ClientKind } from './client-overrides.ts'
import { overrideSetting } from './connector-clients.ts'
import { connectorSettings, type DefaultConverters, deadLetterSettings, sinkSettings, sourceSettings } from './connector-settings.ts'
import { exactlyOnceErrors } from './exactly-once-validation.ts'
import { isolationSettings } from './isolation/isolation-settings.ts'
import { findConverter, rangeIn } from './plugin-versions.ts'
import { rateLimitSettings } from './rate-limit.ts'
import { recoverySettings } from './recovery-settings.ts'
import { stageSettings, withFullClasses } from './stage-settings.ts'
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
export function settingsOf(plugins: Plugins, plugin: ConnectorPlugin, defaults?: DefaultConverters, config?: ConnectorConfig): Settings {
  const ofKafka = { ...connectorSettings(plugins, plugin, defaults, config), ...(plugin.type === 'sink' ? sinkSettings : sourceSettings) }
  return { ...ofKafka, ...(plugin.kind === 'source' ? deadLetterSettings : {}), ...recoverySettings }
}

type ConfigInfo = ConfigInfos['configs'][number]

/** The value that is shown is the one of `written`: the config as the user has written it, with its references. */
function check(name: string, declared: Setting<unknown>, config: ConnectorConfig, written: ConnectorConfig): ConfigInfo {
  const raw = rawValue(name, declared, config)
  const errors: string[] = []
  let hasNoValue = false
  try {
    declared.parse(name, raw)
  } catch (error) {
    if (!(error instanceof InvalidSetting || error instanceof MissingSetting)) throw error
    errors.push(error.message)
    // As in Kafka, a text that is none of the setting's type leaves no value, and neither does the name of a class that is not there.
    hasNoValue =
      error instanceof InvalidSetting && (error.unparsable || (declared.type === 'CLASS' && error.message.endsWith('could not be found.')))
    if (hasNoValue && declared.least !== undefined) errors.push(new InvalidSetting(name, null, 'Value must be non-null').message)
  }
  const shown = rawValue(name, declared, written)?.trim() ?? declared.default
  // Invariant 12: a password must not come back in responses, which tools log.
  const value =
    hasNoValue || shown === null ? null : declared.type === 'PASSWORD' ? HIDDEN : declared.type === 'LIST' ? listText(shown) : shown
  return {
    definition: keyInfo(name, declared),
    value: { name, value, recommended_values: [...(declared.recommended ?? [])], errors, visible: declared.visible ?? true },
  }
}

const listText = (text: string) =>
  text
    .split(',')
    .map((item) => item.trim())
    .join(',')

/** The settings of the converters that the config names. */
function converterSettings(plugins: Plugins, config: ConnectorConfig): Settings {
  const settings: Settings = {}
  for (const what of ['key', 'value', 'header'] as const) {
    const named = config[`${what}.converter`]
    const range = rangeIn(config[`${what}.converter.plugin.version`])
    const converter = named === undefined ? undefined : findConverter(plugins, what, named, range)
    for (const [name, declared] of Object.entries(converter?.settings ?? {}) as [string, Setting<unknown>][])
      for (const written of [
        name,
        ...(declared.aliases.length > 0 ? declared.aliases.filter((alias) => config[`${what}.converter.${alias}`] !== undefined) : []),
      ])
        settings[`${what}.converter.${written}`] = {
          ...declared,
          displayName: declared.displayName ?? name,
          parse: (_fullName, raw) => declared.parse(name, raw),
        }
  }
  return settings
}

/** The config with what the worker sets for the converters that it names. */
const withConverterTypes = (plugins: Plugins, config: ConnectorConfig): ConnectorConfig => ({
  ...Object.fromEntries(
    Object.keys(converterSettings(plugins, config))
      .filter((name) => name.endsWith('.converter.type'))
      .map((name) => [name, name.split('.', 1)[0]!]),
  ),
  ...config,
})

/** Those of threads and of rates, which Kafka Connect does not know: where the config has them. A flow does its own input and output. */
const ownSettingsIn = (config: ConnectorConfig, kind: ConnectorPlugin['kind']): Settings =>
  Object.fromEntries(
    Object.entries({ ...isolationSettings, ...(kind === 'flow' ? {} : rateLimitSettings) }).filter(([name]) => config[name] !== undefined),
  )

/** Checks that concern several settings. */
function checkTogether(
  plugin: ConnectorPlugin,
  config: ConnectorConfig,
  createsTopics: boolean,
  addError: (name: string, message: string) => void,
): void {
  if (plugin.type === 'source') {
    try {
      if (createsTopics) topicGroups(config)
    } catch (error) {
      if (!(error instanceof InvalidSetting || error instanceof MissingSetting)) throw error
      addError('topic.creation.groups', error.message)
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
    return javaPattern(pattern).matches(topic)
  } catch (error) {
    if (error instanceof InvalidJavaPattern) return false // It is reported at topics.regex.
    throw error
  }
}

/** The overrides for the clients that the connector has, in the order of Kafka Connect. */
function clientOverrides(
  plugin: ConnectorPlugin,
  config: ConnectorConfig,
  exactlyOnce: boolean,
): { kind: ClientKind; name: string; value: string }[] {
  const hasDeadLetterQueue = (config['errors.deadletterqueue.topic.name'] ?? '') !== ''
  const hasOwnOffsets = exactlyOnce || (config['offsets.storage.topic'] ?? '').trim() !== ''
  const kinds: readonly ClientKind[] =
    plugin.type === 'source'
      ? [
          'producer',
          ...(hasOwnOffsets ? (['consumer'] as const) : []),
          ...(hasOwnOffsets || usesTopicCreation(config) || hasDeadLetterQueue ? (['admin'] as const) : []),
        ]
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
  // With a version that is not installed, the settings are those of the newest one; the error is that of connector.class.
  return plugins.findConnector(className, rangeIn(config['connector.plugin.version'])) ?? plugins.connector(className)
}

/** The connector's own checks, for a config whose settings are valid one by one. */
function checkByConnector(plugin: ConnectorPlugin, config: ConnectorConfig): readonly SettingProblem[] {
  if (plugin.kind === 'flow' || !plugin.side.check) return []
  return plugin.side.check(parseSettings(plugin.settings, config))
}

/** Adds what a connector has found, each at its setting; what names none of them is no less an error. */
export function addProblems(configs: ConfigInfos['configs'], problems: readonly SettingProblem[]): void {
  for (const { setting, why } of problems) {
    const infoOf = (name: string) => configs.find(({ definition }) => definition.name === name)
    const { value } = infoOf(setting) ?? infoOf('connector.class')!
    value.errors.push(new InvalidSetting(setting, value.name === setting ? value.value : null, why).message)
  }
}

/** Why an override is refused; undefined where it is not. */
export type OverrideRefusal = (kind: ClientKind, name: string, value: string) => string | undefined

/**
 * `config` has its references replaced; `written` is what is shown of it. `exactlyOnce`: whether the worker has exactly-once support; null
 * where it is not checked. `createsTopics`: its topic.creation.enable.
 */
export function validate(
  plugins: Plugins,
  config: ConnectorConfig,
  defaults?: DefaultConverters,
  refusal: OverrideRefusal = () => undefined,
  written: ConnectorConfig = config,
  exactlyOnce: boolean | null = null,
  createsTopics = true,
): ConfigInfos {
  const plugin = pluginOf(plugins, config)
  const all: Settings = {
    ...settingsOf(plugins, plugin, defaults, config),
    ...stageSettings(plugins, config),
    ...converterSettings(plugins, config),
    ...plugin.settings,
    ...ownSettingsIn(config, plugin.kind),
  }
  const overrides = clientOverrides(plugin, config, exactlyOnce === true)
  const [named, shown] = [config, written].map((each) => withConverterTypes(plugins, withFullClasses(plugins, each))) as [
    ConnectorConfig,
    ConnectorConfig,
  ]
  const configs = [
    ...Object.entries(all).map(([name, declared]) => check(name, declared, named, shown)),
    ...overrides.map(({ kind, name, value }) => {
      const info = check(`${kind}.override.${name}`, overrideSetting(kind, name), config, written)
      info.value.errors.push(...[refusal(kind, name, value) ?? []].flat())
      return info
    }),
  ]
  const errorsOf = (name: string) => configs.find(({ definition }) => definition.name === name)?.value.errors
  checkTogether(plugin, config, createsTopics, (name, message) => void errorsOf(name)?.push(message))
  if (exactlyOnce !== null)
    for (const { setting, message } of exactlyOnceErrors(plugin, config, exactlyOnce)) errorsOf(setting)?.push(message)
  const own = configs.filter(({ definition }) => definition.name in plugin.settings)
  if (own.every(({ value }) => value.errors.length === 0)) {
    addProblems(configs, checkByConnector(plugin, config))
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
    name: written['connector.class']!,
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
