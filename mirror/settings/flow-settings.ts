/**
 * The settings of a flow, declared once: MirrorMaker 2's names and defaults, and some of Tributary's own. The parser, COMPATIBILITY.md and
 * the settings of the connectors are derived from here.
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
    doc: `Replication factor of ${what}. If it is not set: the default, but not more than the cluster has brokers.`,
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
    doc: 'Topics not to mirror, even if they match `topics`.',
  }),
  groups: setting.list({ default: ['.*'], importance: 'HIGH', group: 'Groups', doc: 'Consumer groups whose offsets are replicated.' }),
  'groups.exclude': setting.list({
    default: ['console-consumer-.*', 'connect-.*', '__.*'],
    importance: 'HIGH',
    group: 'Groups',
    aliases: ['groups.blacklist'],
    doc: 'Consumer groups whose offsets are not replicated, even if they match `groups`.',
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
    doc: 'Topic configs that are not synced to the target.',
  }),
  'use.defaults.from': setting.oneOf(['source', 'target'], {
    default: 'target',
    importance: 'LOW',
    group: 'Topics',
    doc: 'Whose default configs a mirrored topic has: those of the target cluster, or those of the source cluster, set explicitly.',
  }),
  'topic.filter.class': setting.class({
    default: 'org.apache.kafka.connect.mirror.DefaultTopicFilter',
    importance: 'LOW',
    check: supported('Only the default filter is supported', ['org.apache.kafka.connect.mirror.DefaultTopicFilter']),
    doc: 'The default filter, by `topics` and `topics.exclude`.',
  }),
  'group.filter.class': setting.class({
    default: 'org.apache.kafka.connect.mirror.DefaultGroupFilter',
    importance: 'LOW',
    check: supported('Only the default filter is supported', ['org.apache.kafka.connect.mirror.DefaultGroupFilter']),
    doc: 'The default filter, by `groups` and `groups.exclude`.',
  }),
  'config.property.filter.class': setting.class({
    default: 'org.apache.kafka.connect.mirror.DefaultConfigPropertyFilter',
    importance: 'LOW',
    check: supported('Only the default filter is supported', ['org.apache.kafka.connect.mirror.DefaultConfigPropertyFilter']),
    doc: 'The default filter, by `config.properties.exclude`.',
  }),

  'replication.policy.class': setting.class({
    default: policyClasses[0]!,
    importance: 'LOW',
    check: (value) => (policyKind(value) ? undefined : `Value must be one of ${policyClasses.join(', ')}`),
    doc: 'How topics are named on the target: with the alias of the source as a prefix, or unchanged.',
  }),
  'replication.policy.separator': setting.string({
    default: '.',
    importance: 'LOW',
    check: (value) =>
      /^[A-Za-z0-9._-]+$/.test(value) ? undefined : 'Value must consist of characters of a topic name: letters, digits, ".", "_" and "-"',
    doc: 'The separator between the alias and the topic name.',
  }),
  'replication.policy.internal.topic.separator.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    doc: 'Whether the separator is used in the names of internal topics too.',
  }),
  'replication.factor': factor(2, 'topics created on the target'),

  'refresh.topics.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    group: 'Topics',
    doc: 'Whether topics and partitions that are created later are mirrored too.',
  }),
  'refresh.topics.interval.seconds': seconds(
    600,
    'How often the topics of the source are listed. If it is not set: every 5 seconds, less often if that takes long.',
  ),
  'refresh.groups.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    group: 'Groups',
    doc: 'Whether the offsets of groups that are created later are replicated too. A failover lists the groups again in any case.',
  }),
  'refresh.groups.interval.seconds': seconds(
    600,
    'How often the consumer groups of the source are listed. If it is not set: each time when committed offsets are polled.',
  ),
  'sync.topic.configs.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    group: 'Topics',
    doc: 'Whether topic configs are synced to the target.',
  }),
  'sync.topic.configs.interval.seconds': seconds(600, 'How often topic configs are synced.'),
  'sync.topic.acls.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    group: 'Topics',
    doc:
      'Whether the access control list entries of mirrored topics are created on the target, and never removed there: those of literal ' +
      'topic names, without ALLOW WRITE, and with READ for ALLOW ALL. It needs DESCRIBE on the source cluster and ALTER on the target cluster.',
  }),
  'sync.topic.acls.interval.seconds': seconds(600, 'How often the entries are listed, and those created that the target does not have.'),

  'emit.heartbeats.enabled': setting.boolean({ default: true, importance: 'LOW', doc: 'Whether heartbeats are written to the target.' }),
  'emit.heartbeats.interval.seconds': seconds(1, 'How often a heartbeat is written.'),
  'heartbeats.topic.replication.factor': factor(3, 'the heartbeats topic'),
  'heartbeats.replication.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    doc: 'Whether the heartbeats topics of the source are mirrored, even if they do not match `topics`.',
  }),

  'emit.checkpoints.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    group: 'Groups',
    doc: 'Whether checkpoints (translated group offsets) are written to the target.',
  }),
  'emit.checkpoints.interval.seconds': seconds(
    60,
    'How often committed offsets are polled and checkpoints of changed ones written; never less often than every 5 seconds.',
  ),
  'checkpoints.topic.replication.factor': factor(3, 'the checkpoints topic'),
  'sync.group.offsets.enabled': setting.boolean({
    default: false,
    importance: 'LOW',
    group: 'Groups',
    doc: 'Whether translated offsets are committed on the target, for groups without members there. They never go back.',
  }),
  'sync.group.offsets.interval.seconds': seconds(60, 'How often they are committed.'),

  'emit.offset-syncs.enabled': setting.boolean({
    default: true,
    importance: 'LOW',
    doc: "Whether offset syncs in MirrorMaker 2's format are written.",
  }),
  'offset-syncs.topic.location': setting.oneOf(['source', 'target'], {
    default: 'source',
    importance: 'LOW',
    doc: 'The cluster with the offset-syncs topic.',
  }),
  'offset-syncs.topic.replication.factor': factor(3, 'the offset-syncs topic'),
  'offset.lag.max': setting.long({
    default: 100,
    importance: 'LOW',
    check: (value) => (value >= 0 ? undefined : 'Value must be at least 0'),
    doc: "The most records between two offset syncs in MirrorMaker 2's format. Tributary's own translation is exact with any value.",
  }),
  'offset.storage.topic': setting.string({
    default: null,
    importance: 'LOW',
    doc: "The topic of source positions in Kafka Connect's format; `mm2-offsets.<source>.internal` if it is not set.",
  }),
  'offset.storage.replication.factor': factor(3, 'the positions topic and the offset-map topic'),
  'offset.storage.partitions': setting.int({
    default: 25,
    importance: 'LOW',
    check: positive,
    doc: 'Partitions of the positions topic.',
  }),
  'offset.flush.interval.ms': setting.long({
    default: 60_000,
    importance: 'LOW',
    check: positive,
    doc: "How often positions in Kafka Connect's format are written: a MirrorMaker 2 can continue from them, Tributary does not need them.",
  }),

  'auto.offset.reset': setting.oneOf(['earliest', 'latest', 'none'], {
    default: 'earliest',
    importance: 'MEDIUM',
    group: 'Source',
    aliases: ['consumer.auto.offset.reset', 'source.consumer.auto.offset.reset'],
    doc:
      'Where a partition without a position starts, and what happens if the source has deleted records before they were mirrored: ' +
      'continue with the earliest record (and count the loss), continue with the latest, or fail the flow.',
  }),
  'isolation.level': setting.oneOf(['read_uncommitted', 'read_committed'], {
    default: 'read_uncommitted',
    importance: 'MEDIUM',
    group: 'Source',
    aliases: ['consumer.isolation.level', 'source.consumer.isolation.level'],
    doc: 'Whether records of aborted and open transactions are mirrored as data, as by MirrorMaker 2, or left out.',
  }),
  'fetch.max.wait.ms': setting.int({
    default: 500,
    importance: 'LOW',
    group: 'Source',
    check: positive,
    aliases: ['consumer.fetch.max.wait.ms', 'source.consumer.fetch.max.wait.ms'],
    doc: 'How long a broker of the source may delay a fetch response while there are no new records.',
  }),
  'fetch.max.bytes': setting.int({
    default: 2 * 1024 * 1024,
    importance: 'LOW',
    group: 'Source',
    check: positive,
    aliases: ['consumer.fetch.max.bytes', 'source.consumer.fetch.max.bytes'],
    doc: 'Maximum bytes of one fetch response; a single larger batch is returned all the same.',
  }),
  'max.partition.fetch.bytes': setting.int({
    default: 1024 * 1024,
    importance: 'LOW',
    group: 'Source',
    check: positive,
    aliases: ['consumer.max.partition.fetch.bytes', 'source.consumer.max.partition.fetch.bytes'],
    doc: 'Maximum bytes of one partition in one fetch response.',
  }),
  'max.in.flight.bytes': setting.long({
    default: 16 * 1024 * 1024,
    importance: 'LOW',
    group: 'Source',
    check: positive,
    doc: 'Maximum bytes that are read and not yet acknowledged by the target, over all partitions of a flow.',
  }),
  'max.request.size': setting.int({
    default: 4 * 1024 * 1024,
    importance: 'LOW',
    group: 'Target',
    check: positive,
    aliases: ['producer.max.request.size', 'target.producer.max.request.size'],
    doc: 'Maximum bytes of one produce request; a single larger batch is sent alone.',
  }),
  'offset.map.flush.interval.ms': setting.long({
    default: 500,
    importance: 'LOW',
    check: positive,
    doc: 'How often the exact offset map is written to the target. After a crash, what was mirrored since is compared with the source.',
  }),
  'metadata.max.age.ms': setting.long({
    default: 30_000,
    importance: 'LOW',
    check: positive,
    aliases: ['consumer.metadata.max.age.ms'],
    doc: 'The time after which metadata is refreshed even if no partition has a new leader.',
  }),
} as const

/** An error message about a list of brokers; undefined if the list is valid. */
export const checkServers = (value: readonly string[]): string | undefined => {
  const isValid = (server: string) => {
    const port = Number(/^.+:(\d{1,5})$/.exec(server)?.[1])
    return port >= 1 && port <= 65_535
  }
  return value.length > 0 && value.every(isValid) ? undefined : 'Expected host:port,host:port'
}

/** The settings of one cluster, under its alias. */
export const clusterSettings = {
  'bootstrap.servers': setting.list({
    importance: 'HIGH',
    check: checkServers,
    doc: 'Bootstrap brokers: host:port, comma-separated.',
  }),
  'client.id': setting.string({ default: null, importance: 'LOW', doc: 'Prefix of the client id in requests.' }),
  'security.protocol': setting.oneOf(['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'], {
    default: 'PLAINTEXT',
    importance: 'MEDIUM',
    doc:
      "Of all clients of the cluster, with Kafka's `ssl.*` and `sasl.*`. Without a cluster they are those of all clusters; `us.consumer.*`, " +
      '`us.producer.*`, `us.admin.*` and `us->central.source.consumer.*`, … are those of some clients. A connector has them as ' +
      '`source.cluster.*`, `target.cluster.*`, `source.consumer.*`, ….',
  }),
  'request.timeout.ms': setting.int({
    default: 30_000,
    importance: 'LOW',
    check: positive,
    doc: 'How long the client waits for the response to a request.',
  }),
} as const
