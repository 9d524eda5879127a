/**
 * Every declared setting of a broker: those with an effect, and the defaults of all topic settings. Names, defaults and bounds are Kafka's;
 * `log.flush` is Tributary's own. Settings of Kafka without an effect are in accepted-settings.ts.
 */
import { securitySettings } from './security-settings.ts'
import { bool, double, FOREVER, INT_MAX, int, list, long, type SettingMap, short, text, type ValuesOf } from './setting.ts'
import { gzipLevel } from './topic-settings.ts'

const node = {
  'node.id': int(-1, 'The id of this node in its cluster.', { min: -1 }),
  'broker.id': int(-1, 'An older name of node.id.', { min: -1 }),
  'broker.rack': text(null, 'The rack of this node, as clients see it in Metadata.'),
  'process.roles': list('broker,controller', 'The roles of this node; `broker` must be among them.', { oneOf: ['broker', 'controller'] }),
  'config.providers': list('', 'The names of the configuration providers, for references in this file.'),
  'auto.create.topics.enable': bool(true, 'Whether a Metadata request creates a missing topic.'),
  'delete.topic.enable': bool(true, 'Whether topics may be deleted.'),
  'num.partitions': int(1, 'The partitions of a topic that is created without a partition count.', { min: 1 }),
  'default.replication.factor': int(1, 'The replicas of a topic that is created without a replication factor.', { min: 1 }),
  'controller.quorum.voters': list('', 'The voters of the metadata log, id@host:port; this node is the only one, or the list is empty.'),
  'producer.id.expiration.ms': int(86_400_000, 'How long the state of an inactive producer id is kept.', { min: 1, dynamic: true }),
}

const network = {
  listeners: list(
    'PLAINTEXT://127.0.0.1:9092',
    'The addresses to listen on: NAME://host:port. An empty host is every address; port 0 is a free one.',
  ),
  'advertised.listeners': text(null, 'The addresses in Metadata responses, where they differ from `listeners`.'),
  'listener.security.protocol.map': text(
    'SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT',
    'The security protocol of each listener name.',
  ),
  'controller.listener.names': text(null, 'The listeners of the controller, which are not opened.'),
  'inter.broker.listener.name': text(null, 'The listener for connections between brokers: must be an advertised one.'),
  'socket.request.max.bytes': int(104_857_600, 'The largest request.', { min: 1 }),
  'socket.listen.backlog.size': int(50, 'The most connections that wait to be accepted.', { min: 1 }),
  'connections.max.idle.ms': long(600_000, 'A connection without a complete request for this long is closed.'),
  'max.connections': int(INT_MAX, 'The most connections, of the broker or of one listener; further ones wait.', { min: 0, dynamic: true }),
  'max.connections.per.ip': int(INT_MAX, 'The most connections from one address; further ones are closed.', { min: 0, dynamic: true }),
  'max.connections.per.ip.overrides': text('', 'The most connections from single hosts: host:count, separated by commas.', {
    dynamic: true,
  }),
  'max.connection.creation.rate': int(INT_MAX, 'New connections per second, of the broker or of one listener; further ones wait.', {
    min: 0,
    dynamic: true,
  }),
  'queued.max.request.bytes': long(-1, 'Bytes of requests in progress beyond which no more are read; -1 for 256 MiB.'),
  'fetch.max.bytes': int(57_671_680, 'The most bytes in one Fetch response.', { min: 1024 }),
  'max.request.partition.size.limit': int(2000, 'The most partitions in one DescribeTopicPartitions response.', { min: 1 }),
}

const quotas = {
  'quota.window.num': int(11, 'The samples that the rates of client quotas are measured over.', { min: 1 }),
  'quota.window.size.seconds': int(1, 'The length of each of them.', { min: 1 }),
  'controller.quota.window.num': int(11, 'With the length of a window: the burst that controller_mutation_rate allows.', { min: 1 }),
  'controller.quota.window.size.seconds': int(1, 'The length of each of these windows.', { min: 1 }),
}

const log = {
  'log.dir': text('tributary-data', 'The data folder, where log.dirs is not set.'),
  'log.dirs': text(null, 'The data folders.'),
  'log.flush': text(
    'commit',
    'When an acks=all record is acknowledged: `commit` after fdatasync, `os` after the write to the page cache, as in Apache Kafka.',
    {
      oneOf: ['commit', 'os'],
    },
  ),
  'log.retention.check.interval.ms': long(300_000, 'How often retention is checked.', { min: 1 }),
  'log.flush.offset.checkpoint.interval.ms': int(60_000, 'How often the recovery point checkpoint is written.', { min: 0 }),
  'log.flush.start.offset.checkpoint.interval.ms': int(60_000, 'How often the log start offset checkpoint is written.', { min: 0 }),
}

const metadataLog = {
  'metadata.log.dir': text(null, 'The folder of the metadata log; by default the first of log.dirs.'),
  'metadata.log.segment.bytes': int(1_073_741_824, 'The size at which a segment of the metadata log rolls.', { min: 8_388_608 }),
  'metadata.log.segment.ms': long(604_800_000, 'The age at which a segment of the metadata log rolls.'),
  'metadata.log.max.record.bytes.between.snapshots': long(20_971_520, 'The bytes of new records after which a snapshot is written.', {
    min: 1,
  }),
  'metadata.log.max.snapshot.interval.ms': long(3_600_000, 'The age of new records after which a snapshot is written; 0 for no limit.', {
    min: 0,
  }),
  'metadata.max.retention.bytes': long(104_857_600, 'The size of the metadata log and its snapshots beyond which the oldest are deleted.'),
  'metadata.max.retention.ms': long(604_800_000, 'The age beyond which snapshots, and the records before them, are deleted.'),
}

const cleaner = {
  'log.cleaner.enable': bool(
    true,
    'Whether compacted topics are cleaned. Without the cleaner, retention leaves them alone too, as in Kafka.',
  ),
  'log.cleaner.threads': int(1, 'How many logs are cleaned at a time, each in a thread of its own; 0 for none.', { min: 0, dynamic: true }),
  'log.cleaner.dedupe.buffer.size': long(134_217_728, 'The most memory for the last offsets of keys, of all threads together.', {
    dynamic: true,
  }),
  'log.cleaner.io.buffer.load.factor': double(0.9, 'How full the table of keys may become.', { dynamic: true }),
  'log.cleaner.io.buffer.size': int(524_288, 'The memory for reading and writing, of all threads together.', { min: 0, dynamic: true }),
  'log.cleaner.io.max.bytes.per.second': double(
    '1.7976931348623157E308',
    'The most bytes that cleanings read and write in a second, of all threads together.',
    { dynamic: true },
  ),
  'log.cleaner.backoff.ms': long(15_000, 'How long the cleaner waits when there is nothing to clean.', { min: 0, dynamic: true }),
}

/** The defaults of the topic settings. */
const topicDefaults = {
  'compression.gzip.level': int(-1, 'Default of the topic setting.', { validate: gzipLevel, dynamic: true }),
  'compression.lz4.level': int(9, 'Default of the topic setting.', { min: 1, max: 17, dynamic: true }),
  'compression.zstd.level': int(3, 'Default of the topic setting.', { min: -131072, max: 22, dynamic: true }),
  'compression.type': text('producer', 'Default of the topic setting.', {
    oneOf: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
    dynamic: true,
  }),
  'log.cleanup.policy': list('delete', 'Default of cleanup.policy.', {
    oneOf: ['compact', 'delete'],
    noEmptyItems: true,
    dynamic: true,
  }),
  'log.cleaner.delete.retention.ms': long(86_400_000, 'Default of delete.retention.ms.', { min: 0, dynamic: true }),
  'log.cleaner.max.compaction.lag.ms': long(FOREVER, 'Default of max.compaction.lag.ms.', { min: 1, dynamic: true }),
  'log.cleaner.min.cleanable.ratio': double(0.5, 'Default of min.cleanable.dirty.ratio.', { min: 0, max: 1, dynamic: true }),
  'log.cleaner.min.compaction.lag.ms': long(0, 'Default of min.compaction.lag.ms.', { min: 0, dynamic: true }),
  'log.flush.interval.messages': long(FOREVER, 'Default of flush.messages.', { min: 1, dynamic: true }),
  'log.flush.interval.ms': long(null, 'Default of flush.ms.', { min: 0, dynamic: true }),
  'log.index.interval.bytes': int(4096, 'Default of index.interval.bytes.', { min: 0, dynamic: true }),
  'log.index.size.max.bytes': int(10_485_760, 'Default of segment.index.bytes.', { min: 4, dynamic: true }),
  'log.local.retention.bytes': long(-2, 'Default of local.retention.bytes.', { min: -2, dynamic: true }),
  'log.local.retention.ms': long(-2, 'Default of local.retention.ms.', { min: -2, dynamic: true }),
  'log.message.timestamp.after.max.ms': long(3_600_000, 'Default of message.timestamp.after.max.ms.', { min: 0, dynamic: true }),
  'log.message.timestamp.before.max.ms': long(FOREVER, 'Default of message.timestamp.before.max.ms.', { min: 0, dynamic: true }),
  'log.message.timestamp.type': text('CreateTime', 'Default of message.timestamp.type.', {
    oneOf: ['CreateTime', 'LogAppendTime'],
    dynamic: true,
  }),
  'log.preallocate': bool(false, 'Default of preallocate.', { dynamic: true }),
  'log.retention.bytes': long(-1, 'Default of retention.bytes.', { dynamic: true }),
  'log.retention.ms': long(null, 'Default of retention.ms.', { min: -1, dynamic: true }),
  'log.retention.minutes': int(null, 'Default of retention.ms, in minutes.', { min: -1 }),
  'log.retention.hours': int(168, 'Default of retention.ms, in hours.', { min: -1 }),
  'log.roll.ms': long(null, 'Default of segment.ms.', { min: 1, dynamic: true }),
  'log.roll.hours': int(168, 'Default of segment.ms, in hours.', { min: 1 }),
  'log.roll.jitter.ms': long(null, 'Default of segment.jitter.ms.', { min: 0, dynamic: true }),
  'log.roll.jitter.hours': int(0, 'Default of segment.jitter.ms, in hours.', { min: 0 }),
  'log.segment.bytes': int(1_073_741_824, 'Default of segment.bytes.', { min: 1_048_576, dynamic: true }),
  'log.segment.delete.delay.ms': long(60_000, 'Default of file.delete.delay.ms.', { min: 0, dynamic: true }),
  'message.max.bytes': int(1_048_588, 'Default of max.message.bytes.', { min: 0, dynamic: true }),
  'min.insync.replicas': int(1, 'Default of the topic setting.', { min: 1, dynamic: true }),
  'unclean.leader.election.enable': bool(false, 'Default of the topic setting.', { dynamic: true }),
}

const groups = {
  'group.min.session.timeout.ms': int(6_000, 'The shortest session timeout of a group member.'),
  'group.max.session.timeout.ms': int(1_800_000, 'The longest session timeout of a group member.'),
  'group.initial.rebalance.delay.ms': int(3_000, 'How long a new group waits for more members.'),
  'group.max.size': int(INT_MAX, 'The most members of a group.', { min: 1 }),
  'offset.metadata.max.bytes': int(4_096, 'The longest metadata of an offset commit.'),
  'offsets.retention.minutes': int(10_080, 'How long the offsets of an empty group are kept.', { min: 1 }),
  'offsets.retention.check.interval.ms': long(600_000, 'How often committed offsets are checked for expiration.', { min: 1 }),
  'offsets.topic.num.partitions': int(50, 'The partitions of __consumer_offsets; not to be changed once the topic exists.', { min: 1 }),
  'offsets.topic.segment.bytes': int(104_857_600, 'The segment size of __consumer_offsets.', { min: 1 }),
  'offsets.topic.replication.factor': short(3, 'The replicas of __consumer_offsets; one node keeps one.', { min: 1 }),
}

const transactions = {
  'add.partitions.to.txn.retry.backoff.ms': int(20, 'The wait before a transactional append asks the coordinator again.', { min: 1 }),
  'add.partitions.to.txn.retry.backoff.max.ms': int(100, 'How long a partition that joins waits for the end of the transaction before.', {
    min: 0,
  }),
  'transaction.max.timeout.ms': int(900_000, 'The longest timeout that a transactional producer may ask for.', { min: 1 }),
  'transactional.id.expiration.ms': int(604_800_000, 'How long the state of an idle transactional id is kept.', { min: 1 }),
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': int(10_000, 'How often timed out transactions are aborted.', { min: 1 }),
  'transaction.remove.expired.transaction.cleanup.interval.ms': int(3_600_000, 'How often expired transactional ids are removed.', {
    min: 1,
  }),
  'transaction.partition.verification.enable': bool(true, 'Whether the first append to a partition is checked to be in a transaction.', {
    dynamic: true,
  }),
  'transaction.two.phase.commit.enable': bool(false, 'Whether a producer may have transactions without a timeout (KIP-939).'),
  'transaction.state.log.num.partitions': int(50, 'The partitions of __transaction_state; not to be changed once the topic exists.', {
    min: 1,
  }),
  'transaction.state.log.segment.bytes': int(104_857_600, 'The segment size of __transaction_state.', { min: 1 }),
  'transaction.state.log.min.isr': int(2, 'The min.insync.replicas of __transaction_state.', { min: 1 }),
  'transaction.state.log.replication.factor': short(3, 'The replicas of __transaction_state; one node keeps one.', { min: 1 }),
}

export const brokerSettings = {
  ...node,
  ...network,
  ...quotas,
  ...securitySettings,
  ...log,
  ...metadataLog,
  ...cleaner,
  ...topicDefaults,
  ...groups,
  ...transactions,
} satisfies SettingMap

export type BrokerSettingName = keyof typeof brokerSettings
export type BrokerValues = ValuesOf<typeof brokerSettings>
