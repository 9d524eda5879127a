/**
 * Parses an `mm2.properties`: clusters, flows, and the settings of each flow. `A->B.name` takes precedence over `B.name`, and that over
 * `name`. An invalid value is an error that says what to change; an unknown setting is a warning and never an error.
 */
import { type ConfigOf, InvalidSetting, MissingSetting, parseSettings, type Settings } from '../../connect/sdk/index.ts'
import { settingsUnder } from '../../connect/sdk/prefixed-settings.ts'
import { createPolicy, type ReplicationPolicy } from '../policy.ts'
import {
  clientKinds,
  connectorProperties,
  isSecuritySetting,
  type SideClients,
  securitySettingNames,
  sideClients,
} from './client-settings.ts'
import { compileList, FilterError, findLoop, includeExclude, type NameFilter, type Route } from './filters.ts'
import { clusterSettings, flowSettings } from './flow-settings.ts'
import { MirrorSettingsError } from './mirror-settings-error.ts'

export type FlowConfig = ConfigOf<typeof flowSettings>
export type ClusterConfig = ConfigOf<typeof clusterSettings>

export interface Cluster {
  alias: string
  config: ClusterConfig
}

/** A cluster as a flow uses it. */
export interface ClusterEnd extends Cluster {
  clients: SideClients
}

export interface FlowSettings {
  /** `us->central` */
  name: string
  source: ClusterEnd
  target: ClusterEnd
  config: FlowConfig
  /** Names of the settings that the user has set: a default may be adapted to the cluster, a value of the user may not. */
  explicitSettings: ReadonlySet<string>
  policy: ReplicationPolicy
  /** By `topics` and `topics.exclude`. */
  topicFilter: NameFilter
  groupFilter: NameFilter
  /** Topic configs that are synced. */
  propertyFilter: NameFilter
}

export interface MirrorSettings {
  clusters: readonly Cluster[]
  /** The enabled flows. */
  flows: readonly FlowSettings[]
  /** Pairs of clusters for which heartbeats are written to the target, whether the flow is enabled or not. */
  heartbeats: readonly FlowSettings[]
  /** Sentences for the log, each to be logged once. */
  warnings: readonly string[]
}

export { MirrorSettingsError } from './mirror-settings-error.ts'

type Raw = Readonly<Record<string, string>>

/** Settings of some clients: those of security, bootstrap.servers and client.id are read, others are accepted and have no effect. */
export const clientPatterns = [/^(producer|consumer|admin)\./, /^(source|target)\.(producer|consumer|admin|cluster)\./]

/** Settings of MirrorMaker 2 and Kafka Connect that are accepted and have no effect. */
export const acceptedPatterns = [
  ...clientPatterns,
  /^(offset|config|status)\.storage\./,
  /^(key|value|header)\.converter/,
  /^tasks\.max/,
  /^(tasks?|worker|scheduled|rebalance|heartbeat|session|group|plugin|connector|listeners?|rest|admin|response)\b/,
  /^access\.control\.allow\.(origin|methods|hosts|anonymous)$/,
  /^config\.providers/,
  /^(metrics?|metric\.reporters|client|connections|reconnect|retry|retries|send|receive|socket|request|default|metadata)\b/,
  /^(forwarding\.admin\.class|admin\.timeout\.ms|consumer\.poll\.timeout\.ms|dedicated\.mode\.enable\.internal\.rest)$/,
  /^(exactly\.once\.(source\.)?support|transaction\.boundary|errors\..*|name|connector\.class|config\.action\.reload)$/,
  /^(heartbeats\.topic|topic\.creation\..*)/,
]

const NO_TRANSACTIONS =
  'a mirror writes no transactions; each record is mirrored once, in order, except where a crash leaves records on the target that ' +
  'cannot be identified: these are mirrored again and counted (repeatedRecords)'
/** Settings without effect that users rely on: they are logged, for all values or for the listed ones. */
export const unsupportedSettings: Readonly<Record<string, { values?: readonly string[]; why: string }>> = {
  transforms: { why: 'transforms are not applied to mirrored records: batches are mirrored without decoding them' },
  'exactly.once.source.support': { values: ['enabled', 'preparing'], why: NO_TRANSACTIONS },
  'exactly.once.support': { values: ['required'], why: NO_TRANSACTIONS },
}

const declaredSettings: Settings = { ...flowSettings, ...clusterSettings }
const knownNames = new Set([
  ...Object.entries(declaredSettings).flatMap(([name, { aliases }]) => [name, ...aliases]),
  ...securitySettingNames,
])
/** What is before the name of a setting of some clients. */
const CLIENT_PREFIX = /^(?:(?:source|target)\.(?:consumer|producer|admin|cluster)|producer\.override|consumer|producer|admin)\./
const SECURITY = /^(?:ssl|sasl|security)\./

/** The Levenshtein distance of two names. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}

const MAX_TYPOS = 3

function suggestion(name: string): string {
  let best = ''
  let least = MAX_TYPOS + 1
  for (const candidate of knownNames) {
    const distance = editDistance(name, candidate)
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best ? `; did you mean ${best}?` : ''
}

function parse<S extends Settings>(settings: S, raw: Raw, prefix: string): ConfigOf<S> {
  try {
    return parseSettings(settings, raw)
  } catch (error) {
    if (error instanceof InvalidSetting || error instanceof MissingSetting)
      throw new MirrorSettingsError(`${prefix}${error.setting}`, `${prefix}${error.setting}: ${error.message}`, { cause: error })
    throw error
  }
}

/** Parses the settings of one flow. */
function parseFlow(source: ClusterEnd, target: ClusterEnd, raw: Raw): FlowSettings {
  const explicitSettings = Object.entries(flowSettings)
    .filter(([setting, declared]) => [setting, ...declared.aliases].some((name) => raw[name] !== undefined))
    .map(([setting]) => setting)
  return flowOf(source, target, parse(flowSettings, raw, `${source.alias}->${target.alias}.`), new Set(explicitSettings))
}

/** A flow from its parsed settings, with its replication policy and its filters. */
export function flowOf(source: ClusterEnd, target: ClusterEnd, config: FlowConfig, explicitSettings: ReadonlySet<string>): FlowSettings {
  const name = `${source.alias}->${target.alias}`
  type ListName = 'topics' | 'topics.exclude' | 'groups' | 'groups.exclude' | 'config.properties.exclude'
  const list = (setting: ListName) => {
    try {
      return compileList(`${name}.${setting}`, config[setting])
    } catch (error) {
      if (error instanceof FilterError) throw new MirrorSettingsError(`${name}.${setting}`, error.message, { cause: error })
      throw error
    }
  }
  const excluded = list('config.properties.exclude')
  return {
    name,
    source,
    target,
    config,
    explicitSettings,
    policy: createPolicy({
      className: config['replication.policy.class'],
      separator: config['replication.policy.separator'],
      internalSeparatorEnabled: config['replication.policy.internal.topic.separator.enabled'],
      sourceAlias: source.alias,
    }),
    topicFilter: includeExclude(list('topics'), list('topics.exclude')),
    groupFilter: includeExclude(list('groups'), list('groups.exclude')),
    propertyFilter: (property) => !excluded(property),
  }
}

export const routeOf = (flow: FlowSettings): Route => ({
  source: flow.source.alias,
  target: flow.target.alias,
  policy: flow.policy,
  accepts: flow.topicFilter,
  heartbeatsReplication: flow.config['heartbeats.replication.enabled'],
})

/** What is wrong with a replication loop, and what to change. */
export function loopMessage(topic: string, loop: readonly string[]): string {
  return (
    `the records of topic ${topic} would be mirrored in an endless loop by ${loop.join(', ')}: the IdentityReplicationPolicy does not ` +
    `rename topics, so names do not show the loop. Remove the topic from ${loop.at(-1)}.topics (or add it to ` +
    `${loop.at(-1)}.topics.exclude), or use the DefaultReplicationPolicy`
  )
}

/** Refuses loops of the topics that the file names. Loops of other topics are found when the topics are listed. */
function refuseLoops(flows: readonly FlowSettings[]): void {
  const routes = flows.map(routeOf)
  for (const flow of flows) {
    const named = flow.config.topics.filter((topic) => /^[A-Za-z0-9._-]+$/.test(topic) && flow.topicFilter(topic))
    for (const topic of [...named, 'any-topic-of-the-source']) {
      const loop = findLoop(routes, flow.source.alias, topic)
      if (loop) throw new MirrorSettingsError(`${loop.at(-1)}.topics`, `${loop.at(-1)}.topics: ${loopMessage(topic, loop)}`)
    }
  }
}

export function parseMirrorSettings(raw: Raw): MirrorSettings {
  const aliases = [...new Set((raw.clusters ?? '').split(',').flatMap((alias) => alias.trim() || []))]
  if (aliases.length === 0)
    throw new MirrorSettingsError(
      'clusters',
      'clusters: Missing required configuration "clusters": name the clusters, as in clusters = us, central',
    )
  const pairs = aliases.flatMap((source) =>
    aliases.filter((target) => target !== source).map((target) => ({ source, target, prefix: `${source}->${target}.` })),
  )
  const prefixes = [...pairs.map(({ prefix }) => prefix), ...aliases.map((alias) => `${alias}.`)]
  const { top, warnings } = checkNames(raw, aliases, prefixes)
  const clusters = aliases.map((alias) => {
    const own = settingsUnder(`${alias}.`, raw)
    for (const shared of Object.keys(clusterSettings)) if (top[shared] !== undefined) own[shared] ??= top[shared]
    return { alias, config: parse(clusterSettings, own, `${alias}.`) }
  })
  const cluster = (alias: string) => clusters.find((candidate) => candidate.alias === alias)!
  const unused = new Map<string, string>()
  const flows: FlowSettings[] = []
  const heartbeats: FlowSettings[] = []
  for (const { source, target, prefix } of pairs) {
    const own = settingsUnder(prefix, raw)
    const consumer = Object.entries(settingsUnder(`${source}.`, raw)).filter(([name]) => name.startsWith('consumer.'))
    const merged = { ...top, ...Object.fromEntries(consumer), ...settingsUnder(`${target}.`, raw), ...own, enabled: own.enabled ?? 'false' }
    const properties = connectorProperties(raw, source, target)
    const flow = parseFlow(
      { ...cluster(source), clients: sideClients(properties, 'source', `${source}.`) },
      { ...cluster(target), clients: sideClients(properties, 'target', `${target}.`) },
      merged,
    )
    for (const { clients } of [flow.source, flow.target])
      for (const kind of clientKinds) for (const { name, why } of clients[kind].unused) unused.set(name, why)
    if (flow.config.enabled) flows.push(flow)
    if (flow.config['emit.heartbeats.enabled']) heartbeats.push(flow)
  }
  for (const [name, why] of unused) warnings.push(`${name} has no effect: ${why}`)
  if (flows.length === 0) warnings.push(`no flow is enabled: set for example ${aliases[0]}->${aliases[1] ?? 'other'}.enabled = true`)
  refuseLoops(flows)
  return { clusters, flows, heartbeats, warnings }
}

function isKnown(name: string): boolean {
  const ofClient = name.replace(CLIENT_PREFIX, '')
  if (SECURITY.test(ofClient)) return isSecuritySetting(ofClient)
  return knownNames.has(name) || acceptedPatterns.some((pattern) => pattern.test(name))
}

/** As in MirrorMaker 2: `consumer.sasl.mechanism` is of no cluster, `us->central.sasl.mechanism` is of neither of the two. */
function isOfNoClient(name: string, prefix: string | undefined): boolean {
  const own = prefix ? name.slice(prefix.length) : name
  if (!isSecuritySetting(own.replace(CLIENT_PREFIX, ''))) return false
  return prefix === undefined ? CLIENT_PREFIX.test(own) : prefix.includes('->') && !CLIENT_PREFIX.test(own)
}

const hintFor = (name: string, aliases: readonly string[]): string =>
  `name the cluster, as in ${aliases[0]}.${name.replace(/^(?:source|target)\.(?:cluster\.)?|^producer\.override\./, '')}`

/** The settings without a prefix, and a warning for each setting that has no effect and is not accepted silently. */
function checkNames(
  raw: Raw,
  aliases: readonly string[],
  prefixes: readonly string[],
): { top: Record<string, string>; warnings: string[] } {
  const top: Record<string, string> = {}
  const warnings: string[] = []
  const unknown = new Set<string>()
  for (const [fullName, value] of Object.entries(raw)) {
    if (fullName === 'clusters') continue
    const prefix = prefixes.find((candidate) => fullName.startsWith(candidate))
    const name = prefix ? fullName.slice(prefix.length) : fullName
    if (!prefix) top[name] = value
    const flow = prefix ? null : /^(.+)->(.+?)\./.exec(fullName)
    const limit = unsupportedSettings[name]
    if (flow) {
      const missing = [flow[1]!, flow[2]!].filter((alias) => !aliases.includes(alias))
      const why = missing.length > 0 ? `\`clusters\` does not list ${missing.join(', ')}` : 'source and target are the same cluster'
      warnings.push(`${fullName} has no effect: ${why}`)
    } else if (limit && (limit.values?.includes(value.trim().toLowerCase()) ?? true))
      warnings.push(`${fullName} = ${value} has no effect: ${limit.why}`)
    else if (isOfNoClient(fullName, prefix)) warnings.push(`${fullName} has no effect: ${hintFor(name, aliases)}`)
    else if (!isKnown(name) && !unknown.has(name)) {
      unknown.add(name)
      warnings.push(`${fullName} is not known and has no effect${suggestion(name.replace(CLIENT_PREFIX, ''))}`)
    }
  }
  return { top, warnings }
}
