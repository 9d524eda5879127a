/**
 * The settings of the registry, with the names and defaults of Confluent's Schema Registry. Those of its REST API are in api/registry;
 * those of its Kafka clients begin with `kafkastore.`.
 */
import { type ConfigOf, InvalidSetting, parseSettings, setting } from '../connect/sdk/index.ts'
import { settingsUnder } from '../connect/sdk/prefixed-settings.ts'
import { compatibilityLevels } from './entities.ts'

const atLeast = (least: number) => (value: number) => (value < least ? `Value must be at least ${least}` : undefined)
const MAX_LIMIT = 2_147_483_647

/** The settings of the registry's Kafka clients, without this prefix. */
export const KAFKASTORE = 'kafkastore.'
/** Settings of the topic where it is created, without this prefix. */
const TOPIC_CONFIG = 'kafkastore.topic.config.'

export const registrySettings = {
  'kafkastore.bootstrap.servers': setting.list({
    default: ['localhost:9092'],
    importance: 'MEDIUM',
    doc: 'The brokers to connect to first: host:port, or PROTOCOL://host:port, of which those with the protocol of kafkastore.security.protocol count.',
  }),
  'kafkastore.topic': setting.string({
    default: '_schemas',
    importance: 'LOW',
    doc: 'The compacted topic that stores the schemas; it has one partition.',
  }),
  'kafkastore.topic.replication.factor': setting.int({
    default: 3,
    importance: 'HIGH',
    doc: 'The replication factor of the topic where it is created; at most the number of brokers.',
    check: atLeast(1),
  }),
  'kafkastore.topic.skip.validation': setting.boolean({
    default: false,
    importance: 'LOW',
    doc: 'The topic is neither created nor checked.',
  }),
  'kafkastore.timeout.ms': setting.int({
    default: 500,
    importance: 'MEDIUM',
    doc: 'The timeout of one write to the topic, until it has been read back.',
    check: atLeast(1),
  }),
  'kafkastore.init.timeout.ms': setting.int({
    default: 60_000,
    importance: 'MEDIUM',
    doc: 'The timeout of the start: of creating the topic, and of reading it to its end.',
    check: atLeast(1),
  }),
  'kafkagroup.rebalance.timeout.ms': setting.int({
    default: 300_000,
    importance: 'LOW',
    doc: 'The time that an instance has to join a rebalance of the group.',
    check: atLeast(1),
  }),
  'kafkagroup.session.timeout.ms': setting.int({
    default: 10_000,
    importance: 'LOW',
    doc: 'The time without heartbeats after which an instance is removed from the group, and another one becomes the leader.',
    check: atLeast(1),
  }),
  'kafkagroup.heartbeat.interval.ms': setting.int({
    default: 3_000,
    importance: 'LOW',
    doc: 'The interval of heartbeats to the group.',
    check: atLeast(1),
  }),
  'schema.registry.group.id': setting.string({
    default: 'schema-registry',
    importance: 'MEDIUM',
    doc: 'The group of instances that elect their leader, which alone writes.',
  }),
  'leader.eligibility': setting.boolean({
    default: true,
    importance: 'MEDIUM',
    aliases: ['master.eligibility'],
    doc: 'Whether this instance may become the leader; false for an instance in another data center.',
  }),
  'leader.election.sticky': setting.boolean({
    default: false,
    importance: 'LOW',
    doc: 'Whether the leader stays the leader when instances join.',
  }),
  'schema.compatibility.level': setting.oneOf(compatibilityLevels, {
    default: 'BACKWARD',
    importance: 'HIGH',
    aliases: ['avro.compatibility.level'],
    doc: 'The compatibility level of subjects and contexts that have none.',
  }),
  'schema.validate.fields': setting.boolean({
    default: false,
    importance: 'LOW',
    doc: 'Whether names that begin with $$ and changes of reserved fields are refused.',
  }),
  'schema.validate.new.schemas': setting.boolean({
    default: true,
    importance: 'LOW',
    doc: 'Whether new schemas are checked strictly, as their defaults.',
  }),
  'schema.cache.size': setting.int({
    default: 1_000,
    importance: 'LOW',
    doc: 'The number of parsed schemas that are kept.',
    check: atLeast(0),
  }),
  'schema.search.default.limit': setting.int({
    default: 1_000,
    importance: 'LOW',
    doc: 'The number of schemas that GET /schemas returns at most, where it names no limit.',
    check: atLeast(1),
  }),
  'schema.search.max.limit': setting.int({
    default: 1_000,
    importance: 'LOW',
    doc: 'The largest limit of GET /schemas; a larger one counts as none.',
    check: atLeast(1),
  }),
  'subject.search.default.limit': setting.int({
    default: MAX_LIMIT,
    importance: 'LOW',
    doc: 'The number of subjects that a request returns at most, where it names no limit.',
    check: atLeast(1),
  }),
  'subject.search.max.limit': setting.int({
    default: MAX_LIMIT,
    importance: 'LOW',
    doc: 'The largest limit of subjects; a larger one counts as none.',
    check: atLeast(1),
  }),
  'subject.version.search.default.limit': setting.int({
    default: MAX_LIMIT,
    importance: 'LOW',
    doc: 'The number of versions that a request returns at most, where it names no limit.',
    check: atLeast(1),
  }),
  'subject.version.search.max.limit': setting.int({
    default: MAX_LIMIT,
    importance: 'LOW',
    doc: 'The largest limit of versions; a larger one counts as none.',
    check: atLeast(1),
  }),
  'context.search.default.limit': setting.int({
    default: MAX_LIMIT,
    importance: 'LOW',
    doc: 'The number of contexts that a request returns at most, where it names no limit.',
    check: atLeast(1),
  }),
  'context.search.max.limit': setting.int({
    default: MAX_LIMIT,
    importance: 'LOW',
    doc: 'The largest limit of contexts; a larger one counts as none.',
    check: atLeast(1),
  }),
  'mode.mutability': setting.boolean({
    default: true,
    importance: 'LOW',
    doc: 'Whether modes can be set and removed.',
  }),
} as const

export type RegistryConfig = ConfigOf<typeof registrySettings>

type Properties = Readonly<Record<string, string>>

export const parseRegistrySettings = (properties: Properties): RegistryConfig => parseSettings(registrySettings, properties)

/** The security settings of the registry's Kafka clients, by Kafka's names. */
export const storeSecurity = (properties: Properties): Record<string, string> =>
  Object.fromEntries(
    Object.entries(settingsUnder(KAFKASTORE, properties)).filter(([name]) => /^(security\.protocol$|ssl\.|sasl\.)/.test(name)),
  )

/** The configs of the topic where it is created; it is always compacted. */
export const topicConfigs = (properties: Properties): Record<string, string> => ({
  ...settingsUnder(TOPIC_CONFIG, properties),
  'cleanup.policy': 'compact',
})

/** The brokers without their protocol. Those with another one than the clients have are left out. */
export function bootstrapServers(servers: readonly string[], security: Properties): string[] {
  const protocol = (security['security.protocol'] ?? 'PLAINTEXT').trim().toUpperCase()
  const own = servers.flatMap((server) => {
    const match = /^([A-Za-z_]+):\/\/(.+)$/.exec(server)
    if (!match) return server === '' ? [] : [server]
    return match[1]!.toUpperCase() === protocol ? [match[2]!] : []
  })
  if (own.length > 0) return own
  const why = `no server has the protocol ${protocol} of kafkastore.security.protocol; write them as ${protocol}://host:port, or as host:port`
  throw new InvalidSetting('kafkastore.bootstrap.servers', servers.join(','), why)
}

/** Names of the file that nothing reads: `others` are those of the REST API. */
export function unknownRegistrySettings(properties: Properties, others: readonly string[]): string[] {
  const aliases = Object.values(registrySettings).flatMap((declared) => declared.aliases)
  const known = new Set([...Object.keys(registrySettings), ...aliases, ...others])
  const patterns = /^(kafkastore\.(security\.protocol$|ssl\.|sasl\.|topic\.config\.)|config\.providers)/
  return Object.keys(properties).filter((name) => !known.has(name) && !patterns.test(name))
}
