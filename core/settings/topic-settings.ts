/**
 * Every setting of a topic, with the broker settings that give its default. Names, defaults and bounds are Kafka's.
 * Settings that are `ineffective` on one node are stored and described, so that a topic can be moved with them.
 */
import { bool, double, FOREVER, int, list, long, type SettingMap, text, type ValuesOf } from './setting.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** Kafka's GzipCompression.LevelValidator. */
export const gzipLevel = (level: number): string | null =>
  level === -1 || (level >= 1 && level <= 9) ? null : 'Value must be between 1 and 9 or equal to -1'

/** Kafka's ThrottledReplicaListValidator. */
const throttledReplicas = (items: readonly string[], name: string): string | null =>
  items.join('') === '*' || items.every((item) => /^\d+:\d+$/.test(item))
    ? null
    : `${name} must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...`

const UNTIERED = 'Accepted; there is no tiered storage.'
const ONE_REPLICA = 'Accepted; a partition has one replica.'
const GROUP_COMMIT = 'Accepted; group commit makes acknowledged records durable (see log.flush).'
const DEFAULT_LEVEL = 'Accepted; the broker compresses with the default level of the codec.'

export const topicSettings = {
  'cleanup.policy': list(
    'delete',
    'What happens to old records: `delete` removes whole segments by age and size, `compact` keeps the last record of each key; or both.',
    {
      oneOf: ['compact', 'delete'],
      noEmptyItems: true,
      synonyms: ['log.cleanup.policy'],
    },
  ),
  'compression.gzip.level': int(-1, DEFAULT_LEVEL, {
    validate: gzipLevel,
    ineffective: true,
    synonyms: ['compression.gzip.level'],
  }),
  'compression.lz4.level': int(9, DEFAULT_LEVEL, {
    min: 1,
    max: 17,
    ineffective: true,
    synonyms: ['compression.lz4.level'],
  }),
  'compression.type': text('producer', 'The codec of stored batches; `producer` keeps the codec of the producer.', {
    oneOf: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
    synonyms: ['compression.type'],
  }),
  'compression.zstd.level': int(3, DEFAULT_LEVEL, {
    min: -131072,
    max: 22,
    ineffective: true,
    synonyms: ['compression.zstd.level'],
  }),
  'delete.retention.ms': long(86_400_000, 'How long tombstones and markers of transactions stay in a compacted log after a cleaning.', {
    min: 0,
    synonyms: ['log.cleaner.delete.retention.ms'],
  }),
  'file.delete.delay.ms': long(60_000, 'How long a deleted file stays on disk under another name.', {
    min: 0,
    synonyms: ['log.segment.delete.delay.ms'],
  }),
  'flush.messages': long(FOREVER, GROUP_COMMIT, {
    min: 1,
    ineffective: true,
    synonyms: ['log.flush.interval.messages'],
  }),
  'flush.ms': long(FOREVER, GROUP_COMMIT, {
    min: 0,
    ineffective: true,
    synonyms: ['log.flush.interval.ms'],
  }),
  'follower.replication.throttled.replicas': list('', ONE_REPLICA, { validate: throttledReplicas, ineffective: true }),
  'index.interval.bytes': int(4096, 'How many bytes of records lie between two entries of the offset index.', {
    min: 0,
    synonyms: ['log.index.interval.bytes'],
  }),
  'leader.replication.throttled.replicas': list('', ONE_REPLICA, { validate: throttledReplicas, ineffective: true }),
  'local.retention.bytes': long(-2, UNTIERED, { min: -2, ineffective: true, synonyms: ['log.local.retention.bytes'] }),
  'local.retention.ms': long(-2, UNTIERED, { min: -2, ineffective: true, synonyms: ['log.local.retention.ms'] }),
  'max.compaction.lag.ms': long(FOREVER, 'The age of a record at which a log is cleaned however little of it is dirty.', {
    min: 1,
    synonyms: ['log.cleaner.max.compaction.lag.ms'],
  }),
  'max.message.bytes': int(1_048_588, 'The largest record batch that may be appended, after compression.', {
    min: 0,
    synonyms: ['message.max.bytes'],
  }),
  'message.timestamp.after.max.ms': long(HOUR_MS, "How far a record's timestamp may be ahead of the broker's clock.", {
    min: 0,
    synonyms: ['log.message.timestamp.after.max.ms'],
  }),
  'message.timestamp.before.max.ms': long(FOREVER, "How far a record's timestamp may be behind the broker's clock.", {
    min: 0,
    synonyms: ['log.message.timestamp.before.max.ms'],
  }),
  'message.timestamp.type': text('CreateTime', "`CreateTime` keeps the producer's timestamps, `LogAppendTime` sets the broker's.", {
    oneOf: ['CreateTime', 'LogAppendTime'],
    synonyms: ['log.message.timestamp.type'],
  }),
  'min.cleanable.dirty.ratio': double(0.5, 'A log is cleaned when a larger share of its bytes was not cleaned before.', {
    min: 0,
    max: 1,
    synonyms: ['log.cleaner.min.cleanable.ratio'],
  }),
  'min.compaction.lag.ms': long(0, 'How long a record stays in the log at least, even where a later one has its key.', {
    min: 0,
    synonyms: ['log.cleaner.min.compaction.lag.ms'],
  }),
  'min.insync.replicas': int(1, ONE_REPLICA, {
    min: 1,
    ineffective: true,
    synonyms: ['min.insync.replicas'],
  }),
  preallocate: bool(false, 'Accepted; segment files grow as they are written.', { ineffective: true, synonyms: ['log.preallocate'] }),
  'remote.log.copy.disable': bool(false, UNTIERED, { ineffective: true }),
  'remote.log.delete.on.disable': bool(false, UNTIERED, { ineffective: true }),
  'remote.storage.enable': bool(false, 'Tiered storage; true is refused.'),
  'retention.bytes': long(-1, 'The size of a partition beyond which its oldest segments are deleted; -1 for no limit.', {
    synonyms: ['log.retention.bytes'],
  }),
  'retention.ms': long(604_800_000, 'The age beyond which segments are deleted; -1 for no limit.', {
    min: -1,
    synonyms: ['log.retention.ms', { name: 'log.retention.minutes', factor: MINUTE_MS }, { name: 'log.retention.hours', factor: HOUR_MS }],
  }),
  'segment.bytes': int(1_073_741_824, 'The size at which a segment rolls.', {
    min: 1_048_576,
    synonyms: ['log.segment.bytes'],
  }),
  'segment.index.bytes': int(10_485_760, 'Accepted; the limit is 10 MiB.', {
    min: 4,
    ineffective: true,
    synonyms: ['log.index.size.max.bytes'],
  }),
  'segment.jitter.ms': long(0, 'Accepted; segments roll without jitter.', {
    min: 0,
    ineffective: true,
    synonyms: ['log.roll.jitter.ms', { name: 'log.roll.jitter.hours', factor: HOUR_MS }],
  }),
  'segment.ms': long(604_800_000, 'The age at which a segment rolls.', {
    min: 1,
    synonyms: ['log.roll.ms', { name: 'log.roll.hours', factor: HOUR_MS }],
  }),
  'unclean.leader.election.enable': bool(false, ONE_REPLICA, {
    ineffective: true,
    synonyms: ['unclean.leader.election.enable'],
  }),
} satisfies SettingMap

export type TopicValues = ValuesOf<typeof topicSettings>
