/**
 * The configs of groups and of client metrics subscriptions: described with their defaults, and changed by Kafka's rules. They are stored
 * for Apache Kafka and for the tools that read them; nothing in this broker depends on them. Pure.
 */
import { KafkaError } from '../errors.ts'
import { clientMetricsIntervalMs, clientMetricsSettings, illegalPattern } from '../settings/client-metrics-settings.ts'
import { groupBounds, groupSettings } from '../settings/group-settings.ts'
import { parseSetting, type SettingMap } from '../settings/setting.ts'
import { applyChanges, entry, type Synonym, source, unknownEntry } from './config-entries.ts'
import type { Configs as BrokerConfigs } from './configs.ts'
import type { ConfigChange, ConfigEntry } from './types.ts'

type Configs = Readonly<Record<string, string>>

/** Without a prototype: a name from a client is a setting or undefined. */
const byName = (settings: SettingMap): SettingMap => Object.assign(Object.create(null), settings)
const groupSettingsByName = byName(groupSettings)
const clientMetricsSettingsByName = byName(clientMetricsSettings)

function describe(
  settings: SettingMap,
  configs: Configs,
  names: readonly string[] | null,
  from: number,
  defaultsOf: (name: string) => Synonym[],
): ConfigEntry[] {
  const all = new Set([...Object.keys(settings), ...Object.keys(configs)])
  const selected = [...all].filter((name) => names === null || names.includes(name)).sort()
  return selected.map((name) => {
    const setting = settings[name]
    if (!setting) return unknownEntry(name, from)
    const value = configs[name]
    const synonyms = defaultsOf(name)
    if (value !== undefined) synonyms.unshift({ name, value, source: from })
    const strongest = synonyms[0] ?? { value: setting.fallback, source: source.fallback }
    return entry(name, setting, strongest.value, strongest.source, false, synonyms)
  })
}

export function describeGroup(group: string, configs: Configs, names: readonly string[] | null, broker: BrokerConfigs): ConfigEntry[] {
  if (group === '') throw new KafkaError('INVALID_REQUEST', 'Group name must not be empty')
  return describe(groupSettingsByName, configs, names, source.group, (name) => {
    const { synonyms, fallback } = groupSettingsByName[name]!
    return synonyms[0] ? broker.brokerSynonyms(synonyms[0].name, fallback) : [{ name, value: fallback, source: source.fallback }]
  })
}

export function describeClientMetrics(subscription: string, configs: Configs, names: readonly string[] | null): ConfigEntry[] {
  if (subscription === '') throw new KafkaError('INVALID_REQUEST', 'Client metrics subscription name must not be empty')
  return describe(clientMetricsSettingsByName, configs, names, source.clientMetrics, () => [])
}

/** Kafka's controller takes none of these settings for a list: APPEND and SUBTRACT fail. */
const changed = (configs: Configs, changes: readonly ConfigChange[]) =>
  applyChanges(configs, changes, () => ({ setting: undefined, fallback: null }))

/** The configs of a group after `changes`. */
export function alterGroup(
  group: string,
  configs: Configs,
  changes: readonly ConfigChange[],
  broker: BrokerConfigs,
): Record<string, string> {
  const next = changed(configs, changes)
  if (group === '') throw new KafkaError('INVALID_REQUEST', 'Default group resources are not allowed.')
  for (const name of Object.keys(next))
    if (!groupSettingsByName[name]) throw new KafkaError('INVALID_CONFIG', `Unknown group config name: ${name}`)
  const values = Object.fromEntries(
    Object.entries(groupSettingsByName).map(([name, setting]) => [name, parseSetting(name, setting, next[name] ?? setting.fallback)]),
  )
  for (const { setting, side, broker: bound, fallback } of groupBounds) {
    if (next[setting] === undefined) continue
    const value = values[setting] as number
    const limit = Number(broker.brokerSynonyms(bound, String(fallback))[0]!.value)
    if (side === 'min' ? value < limit : value > limit)
      throw new KafkaError('INVALID_CONFIG', `${setting} must be ${side === 'min' ? 'greater' : 'less'} than or equal to ${bound}`)
  }
  for (const protocol of ['consumer', 'share', 'streams']) {
    const session = `${protocol}.session.timeout.ms`
    const heartbeat = `${protocol}.heartbeat.interval.ms`
    if ((values[session] as number) <= (values[heartbeat] as number))
      throw new KafkaError('INVALID_CONFIG', `${session} must be greater than ${heartbeat}`)
  }
  return next
}

/** The configs of a client metrics subscription after `changes`. */
export function alterClientMetrics(subscription: string, configs: Configs, changes: readonly ConfigChange[]): Record<string, string> {
  const next = changed(configs, changes)
  if (subscription === '') throw new KafkaError('INVALID_REQUEST', "Subscription name can't be empty")
  for (const name of Object.keys(next))
    if (!clientMetricsSettingsByName[name]) throw new KafkaError('INVALID_REQUEST', `Unknown client metrics configuration: ${name}`)
  const value = (name: keyof typeof clientMetricsSettings) =>
    parseSetting(name, clientMetricsSettings[name], next[name] ?? clientMetricsSettings[name].fallback)
  const [interval, patterns] = [value('interval.ms') as number, value('match') as string[]]
  const { min, max } = clientMetricsIntervalMs
  if (interval < min || interval > max)
    throw new KafkaError(
      'INVALID_REQUEST',
      `Invalid value ${interval} for interval.ms, interval must be between ${min} and ${max} (1 hour)`,
    )
  const illegal = illegalPattern(patterns)
  if (illegal !== undefined) throw new KafkaError('INVALID_CONFIG', `Illegal client matching pattern: ${illegal}`)
  return next
}
