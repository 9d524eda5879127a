/**
 * Reads an `mm2.properties` as it is: clusters, flows, and what each flow is set to. The nearest place wins: `A->B.name` before `B.name`
 * before `name`. What is wrong is named with its mend; what is not known is told once and never stops a file that worked before.
 */
import { type ConfigOf, InvalidSetting, MissingSetting, parseSettings, type Settings } from '../../connect/sdk/index.ts'
import { createPolicy, type ReplicationPolicy } from '../policy.ts'
import { compileList, FilterError, findLoop, includeExclude, type NameFilter, type Route } from './filters.ts'
import { clusterSettings, flowSettings } from './flow-settings.ts'

export type FlowConfig = ConfigOf<typeof flowSettings>
export type ClusterConfig = ConfigOf<typeof clusterSettings>

export interface ClusterEnd {
  alias: string
  config: ClusterConfig
}

export interface FlowSettings {
  /** `us->central` */
  name: string
  source: ClusterEnd
  target: ClusterEnd
  config: FlowConfig
  /** Settings that the user wrote, by name: where a default may bend to the cluster, a given value may not. */
  given: ReadonlySet<string>
  policy: ReplicationPolicy
  /** By `topics` and `topics.exclude`. */
  topicFilter: NameFilter
  groupFilter: NameFilter
  /** Topic settings that are carried over. */
  propertyFilter: NameFilter
}

export interface MirrorSettings {
  clusters: readonly ClusterEnd[]
  /** Flows that mirror. */
  flows: readonly FlowSettings[]
  /** Ordered pairs of clusters for which a heartbeat is written into the target; a superset of the flows where heartbeats are on. */
  heartbeats: readonly FlowSettings[]
  /** Sentences for the user, each to be shown once. */
  warnings: readonly string[]
}

export class MirrorSettingsError extends Error {
  override name = 'MirrorSettingsError'
  readonly setting: string

  constructor(setting: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.setting = setting
  }
}

type Raw = Readonly<Record<string, string>>

/** Known to MirrorMaker 2 or Kafka Connect, without a meaning here; a file that has them is right. */
export const accepted = [
  /^(offset|config|status)\.storage\./,
  /^(key|value|header)\.converter/,
  /^(producer|consumer|admin)\./,
  /^(source|target)\.(producer|consumer|admin|cluster)\./,
  /^tasks\.max/,
  /^(tasks?|worker|scheduled|rebalance|heartbeat|session|group|plugin|connector|listeners?|rest|admin|response)\b/,
  /^config\.providers/,
  /^(ssl|sasl|security)\./,
  /^(metrics?|metric\.reporters|client|connections|reconnect|retry|retries|send|receive|socket|request|default|metadata)\b/,
  /^(forwarding\.admin\.class|admin\.timeout\.ms|consumer\.poll\.timeout\.ms|dedicated\.mode\.enable\.internal\.rest)$/,
  /^(exactly\.once\.(source\.)?support|transaction\.boundary|errors\..*|name|connector\.class|config\.action\.reload)$/,
  /^(heartbeats\.topic|topic\.creation\..*)/,
]

/** Names that a user of MirrorMaker 2 may have in hand and that now do nothing: worth a word. */
export const ineffective: Readonly<Record<string, string>> = {
  transforms: 'transforms are not applied to mirrored records: batches are carried over unopened',
}

/** Names that ask for what is not there where they have this value. */
const EXACTLY_ONCE =
  'a mirror writes no transactions; each record comes once, in order, unless a crash leaves what cannot be proven, and what is repeated then is counted (repeatedRecords)'
export const unmet: Readonly<Record<string, { values: readonly string[]; why: string }>> = {
  'exactly.once.source.support': { values: ['enabled', 'preparing'], why: EXACTLY_ONCE },
  'exactly.once.support': { values: ['required'], why: EXACTLY_ONCE },
}

const known: Settings = { ...flowSettings, ...clusterSettings }
const knownNames = new Set(Object.entries(known).flatMap(([name, declared]) => [name, ...declared.aliases]))

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}

function suggestion(name: string): string {
  let best = ''
  let least = 4
  for (const candidate of knownNames) {
    const far = distance(name, candidate)
    if (far < least) {
      least = far
      best = candidate
    }
  }
  return best ? `; did you mean ${best}?` : ''
}

function section(raw: Raw, prefix: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(raw)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  )
}

function parse<S extends Settings>(settings: S, raw: Raw, where: string): ConfigOf<S> {
  try {
    return parseSettings(settings, raw)
  } catch (error) {
    if (error instanceof InvalidSetting || error instanceof MissingSetting)
      throw new MirrorSettingsError(`${where}${error.setting}`, `${where}${error.setting}: ${error.message}`, { cause: error })
    throw error
  }
}

/** The settings of one flow from their raw text. */
function parseFlow(source: ClusterEnd, target: ClusterEnd, raw: Raw): FlowSettings {
  const given = Object.entries(flowSettings)
    .filter(([setting, declared]) => [setting, ...declared.aliases].some((each) => raw[each] !== undefined))
    .map(([setting]) => setting)
  return flowOf(source, target, parse(flowSettings, raw, `${source.alias}->${target.alias}.`), new Set(given))
}

/** A flow from its parsed settings, with its policy and its filters. */
export function flowOf(source: ClusterEnd, target: ClusterEnd, config: FlowConfig, given: ReadonlySet<string>): FlowSettings {
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
    given,
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

/** Why a loop is one, and what to change. */
export function loopMessage(topic: string, loop: readonly string[]): string {
  return (
    `the records of topic ${topic} would come home by ${loop.join(', ')}, without end: the identity policy cannot tell them by their name. ` +
    `Take the topic out of ${loop.at(-1)}.topics (or name it in ${loop.at(-1)}.topics.exclude), or use the DefaultReplicationPolicy`
  )
}

/** Loops that can be seen in the file, by the topics that it names. Others are looked for when topics are found. */
function refuseLoops(flows: readonly FlowSettings[]): void {
  const routes = flows.map(routeOf)
  for (const flow of flows) {
    const named = flow.config.topics.filter((topic) => /^[A-Za-z0-9._-]+$/.test(topic) && flow.topicFilter(topic))
    for (const topic of [...named, 'any-topic-that-may-come']) {
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
  const warnings: string[] = []
  const pairs = aliases.flatMap((source) =>
    aliases.filter((target) => target !== source).map((target) => ({ source, target, prefix: `${source}->${target}.` })),
  )
  const top: Record<string, string> = {}
  const heads = [...pairs.map(({ prefix }) => prefix), ...aliases.map((alias) => `${alias}.`)]
  const told = new Set<string>()
  for (const [name, value] of Object.entries(raw)) {
    if (name === 'clusters') continue
    const head = heads.find((prefix) => name.startsWith(prefix))
    const inner = head ? name.slice(head.length) : name
    if (!head) top[name] = value
    const flow = /^(.+)->(.+?)\./.exec(name)
    if (!head && flow) {
      const missing = [flow[1]!, flow[2]!].filter((alias) => !aliases.includes(alias))
      warnings.push(
        `${name} is for a flow between clusters that \`clusters\` does not name (${missing.join(', ') || 'the same cluster twice'}): it has no effect`,
      )
    } else if (unmet[inner]?.values.includes(value.trim().toLowerCase()))
      warnings.push(`${name} = ${value} has no effect: ${unmet[inner].why}`)
    else if (ineffective[inner]) warnings.push(`${name} has no effect: ${ineffective[inner]}`)
    else if (!knownNames.has(inner) && !accepted.some((pattern) => pattern.test(inner)) && !told.has(inner)) {
      told.add(inner)
      warnings.push(`${name} is not known and has no effect${suggestion(inner)}`)
    }
  }
  const clusters = aliases.map((alias) => {
    const own = { ...section(raw, `${alias}.`) }
    for (const shared of ['security.protocol', 'request.timeout.ms', 'client.id'])
      if (top[shared] !== undefined) own[shared] ??= top[shared]
    return { alias, config: parse(clusterSettings, own, `${alias}.`) }
  })
  const end = (alias: string) => clusters.find((cluster) => cluster.alias === alias)!
  const flows: FlowSettings[] = []
  const heartbeats: FlowSettings[] = []
  for (const { source, target, prefix } of pairs) {
    const own = section(raw, prefix)
    const consumer = Object.fromEntries(Object.entries(section(raw, `${source}.`)).filter(([name]) => name.startsWith('consumer.')))
    const merged = { ...top, ...consumer, ...section(raw, `${target}.`), ...own, enabled: own.enabled ?? 'false' }
    const flow = parseFlow(end(source), end(target), merged)
    if (flow.config.enabled) flows.push(flow)
    if (flow.config['emit.heartbeats.enabled']) heartbeats.push(flow)
    if (flow.config.enabled && flow.given.has('sync.topic.acls.enabled') && flow.config['sync.topic.acls.enabled'])
      warnings.push(`${flow.name}: sync.topic.acls.enabled has no effect: access control lists are not mirrored`)
  }
  if (flows.length === 0) warnings.push(`no flow is enabled: write for example ${aliases[0]}->${aliases[1] ?? 'other'}.enabled = true`)
  refuseLoops(flows)
  return { clusters, flows, heartbeats, warnings }
}
