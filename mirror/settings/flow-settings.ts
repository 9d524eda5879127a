/**
 * The settings of a flow, declared once: MirrorMaker 2's names and defaults, and a few of ours. The parser, the documents and the connector
 * forms are derived from here.
 */
import { setting } from '../../connect/sdk/index.ts'
import { policyClasses, policyKind } from '../policy.ts'

const positive = (value: number) => (value > 0 ? undefined : 'Value must be at least 1')
const seconds = (fallback: number, doc: string) => setting.long({ default: fallback, importance: 'LOW', check: positive, doc })
const factor = (fallback: number, what: string) =>
  setting.int({
    default: fallback,
    importance: 'LOW',
    check: (value) => (value > 0 || value === -1 ? undefined : 'Value must be at least 1, or -1 for the default of the cluster'),
    doc: `Replication factor of ${what}. Where it is not given, never more than the target has brokers.`,
  })
const supported = (what: string, classes: readonly string[]) => (value: string) =>
  classes.some((name) => name === value || name.endsWith(`.${value}`)) ? undefined : `${what}: ${classes.join(', ')}`

export const flowSettings = {
  enabled: setting.boolean({ default: false, importance: 'LOW', doc: 'Whether the flow runs.' }),

  topics: setting.list({ default: ['.*'], importance: 'HIGH', group: 'Topics', doc: 'Topics to mirror: names or regular expressions.' }),
  'topics.exclude': setting.list({
    default: ['mm2.*\\.internal', '.*\\.replica', '__.*'],
    importance: 'HIGH',
    group: 'Topics',
    aliases: ['topics.blacklist'],
    doc: 'Topics not to mirror; wins over `topics`.',
  }),
  groups: setting.list({ default: ['.*'], importance: 'HIGH', group: 'Groups', doc: 'Consumer groups to follow.' }),
  'groups.exclude': setting.list({
    default: ['console-consumer-.*', 'connect-.*', '__.*'],
    importance: 'HIGH',
    group: 'Groups',
    aliases: ['groups.blacklist'],
    doc: 'Consumer groups not to follow; wins over `groups`.',
  }),
  'config.properties.exclude': setting.list({
    default: [
      'follower.replication.throttled.replicas',
      'leader.replication.throttled.replicas',
      'message.timestamp.difference.max.ms',
      'log.message.timestamp.before.max.ms',
      'log.message.timestamp.after.max.ms',
      'message.timestamp.type',
      'unclean.leader.election.enable',
      'min.insync.replicas',
    ],
    importance: 'HIGH',
    group: 'Topics',
    aliases: ['config.properties.blacklist'],
    doc: 'Topic settings that stay as they are on the target.',
  }),
  'use.defaults.from': setting.oneOf(['source', 'target'], {
    default: 'target',
    importance: 'LOW',
    group: 'Topics',
    doc: "Whose defaults a mirrored topic has: the target cluster's own, or the source cluster's written out.",
  }),
  'topic.filter.class': setting.class({
    default: 'org.apache.kafka.connect.mirror.DefaultTopicFilter',
    importance: 'LOW',
    check: supported('Only the default filter is built in', ['org.apache.kafka.connect.mirror.DefaultTopicFilter']),
    doc: 'The default filter, by `topics` and `topics.exclude`.',
  }),
  'group.filter.class': setting.class({
    default: 'org.apache.kafka.connect.mirror.DefaultGroupFilter',
    importance: 'LOW',
    check: supported('Only the default filter is built in', ['org.apache.kafka.connect.mirror.DefaultGroupFilter']),
    doc: 'The default filter, by `groups` and `groups.exclude`.',
  }),
  'config.property.filter.class': setting.class({
    default: 'org.apache.kafka.connect.mirror.DefaultConfigPropertyFilter',
    importance: 'LOW',
    check: supported('Only the default filter is built in', ['org.apache.kafka.connect.mirror.DefaultConfigPropertyFilter']),
    doc: 'The default filter, by `config.properties.exclude`.',
  }),

  'replication.policy.class': setting.class({
    default: policyClasses[0]!,
    importance: 'LOW',
    check: (value) => (policyKind(value) ? undefined : `Known are ${policyClasses.join(', ')}`),
    doc: 'How topics are named on the target: with the alias of the source in front, or unchanged.',
  }),
  'replication.policy.separator': setting.string({
    default: '.',
    importance: 'LOW',
    check: (value) =>
      /^[A-Za-z0-9._-]+$/.test(value) ? undefined : 'Value must hold what a topic may be named with: letters, digits, ".", "_" and "-"',
    doc: 'What stands between the alias and the topic.',
  }),
  'replication.policy.internal.topic.separator.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    doc: 'Whether the separator is used in the names of internal topics too.',
  }),
  'replication.factor': factor(2, 'topics made on the target'),

  'refresh.topics.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    group: 'Topics',
    doc: 'Look for new topics and partitions.',
  }),
  'refresh.topics.interval.seconds': seconds(600, 'How often to look for new topics and partitions.'),
  'refresh.groups.enabled': setting.boolean({ default: true, importance: 'LOW', group: 'Groups', doc: 'Look for new groups.' }),
  'refresh.groups.interval.seconds': seconds(600, 'How often, at least, to look for new groups.'),
  'sync.topic.configs.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    group: 'Topics',
    doc: 'Keep topic settings the same.',
  }),
  'sync.topic.configs.interval.seconds': seconds(600, 'How often to compare topic settings.'),
  'sync.topic.acls.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    group: 'Topics',
    doc: 'Accepted so that files work as they are. Access control lists are not mirrored.',
  }),
  'sync.topic.acls.interval.seconds': seconds(600, 'Accepted so that files work as they are.'),

  'emit.heartbeats.enabled': setting.boolean({ default: true, importance: 'LOW', doc: 'Write heartbeats into the target.' }),
  'emit.heartbeats.interval.seconds': seconds(1, 'How often to write a heartbeat.'),
  'heartbeats.topic.replication.factor': factor(3, 'the heartbeats topic'),
  'heartbeats.replication.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    doc: "Mirror the source's heartbeats, whatever `topics` says.",
  }),

  'emit.checkpoints.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    group: 'Groups',
    doc: 'Write translated group offsets into the target.',
  }),
  'emit.checkpoints.interval.seconds': seconds(
    60,
    'How often, at least, to write checkpoints. What groups have committed is asked every 5 seconds where that is less, and written where it moved.',
  ),
  'checkpoints.topic.replication.factor': factor(3, 'the checkpoints topic'),
  'sync.group.offsets.enabled': setting.boolean({
    default: false,
    importance: 'LOW',
    group: 'Groups',
    doc: 'Commit translated offsets for groups that have no members on the target. Never backwards.',
  }),
  'sync.group.offsets.interval.seconds': seconds(60, 'How often to commit them.'),

  'emit.offset-syncs.enabled': setting.boolean({ default: true, importance: 'LOW', doc: "Write offset syncs in MirrorMaker 2's format." }),
  'offset-syncs.topic.location': setting.oneOf(['source', 'target'], {
    default: 'source',
    importance: 'LOW',
    doc: 'The cluster that holds them.',
  }),
  'offset-syncs.topic.replication.factor': factor(3, 'the offset-syncs topic'),
  'offset.lag.max': setting.long({
    default: 100,
    importance: 'LOW',
    check: (value) => (value >= 0 ? undefined : 'Value must be at least 0'),
    doc: "How many records may lie between two offset syncs in MirrorMaker 2's format. Our own translation is exact, whatever it says.",
  }),
  'offset.storage.topic': setting.string({
    default: null,
    importance: 'LOW',
    doc: "Where positions are kept in Kafka Connect's format; `mm2-offsets.<source>.internal` where it is not given.",
  }),
  'offset.storage.replication.factor': factor(3, 'the topic of positions and of the offset map'),
  'offset.storage.partitions': setting.int({
    default: 25,
    importance: 'LOW',
    check: positive,
    doc: 'Partitions of the topic of positions.',
  }),
  'offset.flush.interval.ms': setting.long({
    default: 60_000,
    importance: 'LOW',
    check: positive,
    doc: "How often positions are written in Kafka Connect's format, for a MirrorMaker 2 that takes over. Our own restart does not need them.",
  }),

  'auto.offset.reset': setting.oneOf(['earliest', 'latest', 'none'], {
    default: 'earliest',
    importance: 'MEDIUM',
    group: 'Source',
    aliases: ['consumer.auto.offset.reset', 'source.consumer.auto.offset.reset'],
    doc: 'Where a partition is begun, and what is done where records are gone before they were mirrored: go on with what is there (and count the loss), go on at the end, or stop the flow.',
  }),
  'isolation.level': setting.oneOf(['read_uncommitted', 'read_committed'], {
    default: 'read_uncommitted',
    importance: 'MEDIUM',
    group: 'Source',
    aliases: ['consumer.isolation.level', 'source.consumer.isolation.level'],
    doc: 'Whether records of aborted and open transactions are mirrored as data, as MirrorMaker 2 does, or left out.',
  }),
  'fetch.max.wait.ms': setting.int({
    default: 500,
    importance: 'LOW',
    group: 'Source',
    check: positive,
    aliases: ['consumer.fetch.max.wait.ms', 'source.consumer.fetch.max.wait.ms'],
    doc: 'How long the source may hold an answer back while there is nothing to read.',
  }),
  'fetch.max.bytes': setting.int({
    default: 2 * 1024 * 1024,
    importance: 'LOW',
    group: 'Source',
    check: positive,
    aliases: ['consumer.fetch.max.bytes', 'source.consumer.fetch.max.bytes'],
    doc: 'Bytes of one answer of the source; a single larger batch still comes whole.',
  }),
  'max.partition.fetch.bytes': setting.int({
    default: 1024 * 1024,
    importance: 'LOW',
    group: 'Source',
    check: positive,
    aliases: ['consumer.max.partition.fetch.bytes', 'source.consumer.max.partition.fetch.bytes'],
    doc: 'Bytes of one partition in one answer.',
  }),
  'max.in.flight.bytes': setting.long({
    default: 16 * 1024 * 1024,
    importance: 'LOW',
    group: 'Source',
    check: positive,
    doc: 'Bytes that may be read and not yet acknowledged by the target, over all partitions of a flow.',
  }),
  'max.request.size': setting.int({
    default: 4 * 1024 * 1024,
    importance: 'LOW',
    group: 'Target',
    check: positive,
    aliases: ['producer.max.request.size', 'target.producer.max.request.size'],
    doc: 'Bytes of one request to the target; a single larger batch still goes, alone.',
  }),
  'offset.map.flush.interval.ms': setting.long({
    default: 500,
    importance: 'LOW',
    check: positive,
    doc: 'How often the exact offset map is written to the target. What lies behind the last write is compared with the source after a crash.',
  }),
  'metadata.max.age.ms': setting.long({
    default: 30_000,
    importance: 'LOW',
    check: positive,
    aliases: ['consumer.metadata.max.age.ms'],
    doc: 'How long leaders of partitions are believed.',
  }),
} as const

/** What is wrong with a list of brokers. */
export const serversCheck = (value: readonly string[]): string | undefined => {
  const right = (server: string) => {
    const port = Number(/^.+:(\d{1,5})$/.exec(server)?.[1])
    return port >= 1 && port <= 65_535
  }
  return value.length > 0 && value.every(right) ? undefined : 'Expected host:port,host:port'
}

/** Of one cluster, under its alias. */
export const clusterSettings = {
  'bootstrap.servers': setting.list({
    importance: 'HIGH',
    check: serversCheck,
    doc: 'Brokers to begin with: host:port, comma-separated.',
  }),
  'client.id': setting.string({ default: null, importance: 'LOW', doc: 'Put in front of the name by which the brokers see us.' }),
  'security.protocol': setting.string({
    default: 'PLAINTEXT',
    importance: 'MEDIUM',
    check: (value: string) =>
      value.toUpperCase() === 'PLAINTEXT' ? undefined : 'Only PLAINTEXT listeners can be reached: name one in bootstrap.servers',
    doc: 'PLAINTEXT.',
  }),
  'request.timeout.ms': setting.int({
    default: 30_000,
    importance: 'LOW',
    check: positive,
    doc: 'How long an answer of a broker is waited for.',
  }),
} as const
