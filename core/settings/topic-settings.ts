/**
 * Every setting of a topic, with the broker settings that give its default. Names, defaults and bounds are Kafka's.
 * Settings without effect on one node (throttles of replication, tiered storage) are kept and shown, so that a topic can be moved with them.
 */
import { bool, double, FOREVER, int, list, long, type SettingMap, text, type ValuesOf } from './setting.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

export const topicSettings = {
  'cleanup.policy': list(
    'delete',
    'What happens to old records: `delete` drops whole segments by age and size, `compact` keeps the last record of each key.',
    {
      oneOf: ['compact', 'delete'],
      synonyms: ['log.cleanup.policy'],
    },
  ),
  'compression.gzip.level': int(-1, 'The level when the broker itself compresses with gzip.', {
    min: -1,
    max: 9,
    synonyms: ['compression.gzip.level'],
  }),
  'compression.lz4.level': int(9, 'The level when the broker itself compresses with lz4.', {
    min: 1,
    max: 17,
    synonyms: ['compression.lz4.level'],
  }),
  'compression.type': text('producer', 'The codec of stored batches; `producer` keeps what the producer chose.', {
    oneOf: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
    synonyms: ['compression.type'],
  }),
  'compression.zstd.level': int(3, 'The level when the broker itself compresses with zstd.', {
    min: -131072,
    max: 22,
    synonyms: ['compression.zstd.level'],
  }),
  'delete.retention.ms': long(86_400_000, 'How long a tombstone of a compacted topic stays readable.', {
    min: 0,
    synonyms: ['log.cleaner.delete.retention.ms'],
  }),
  'file.delete.delay.ms': long(60_000, 'How long a deleted file stays on disk under another name.', {
    min: 0,
    synonyms: ['log.segment.delete.delay.ms'],
  }),
  'flush.messages': long(FOREVER, 'Accepted; acknowledged records are made durable by group commit (see log.flush).', {
    min: 1,
    synonyms: ['log.flush.interval.messages'],
  }),
  'flush.ms': long(FOREVER, 'Accepted; acknowledged records are made durable by group commit (see log.flush).', {
    min: 0,
    synonyms: ['log.flush.interval.ms'],
  }),
  'follower.replication.throttled.replicas': list('', 'Accepted; replication within a cluster is not throttled.'),
  'index.interval.bytes': int(4096, 'How many bytes of records lie between two entries of the offset index.', {
    min: 0,
    synonyms: ['log.index.interval.bytes'],
  }),
  'leader.replication.throttled.replicas': list('', 'Accepted; replication within a cluster is not throttled.'),
  'local.retention.bytes': long(-2, 'Accepted; there is no tiered storage.', { min: -2, synonyms: ['log.local.retention.bytes'] }),
  'local.retention.ms': long(-2, 'Accepted; there is no tiered storage.', { min: -2, synonyms: ['log.local.retention.ms'] }),
  'max.compaction.lag.ms': long(FOREVER, 'After this time a record of a compacted topic is due for compaction, however little is dirty.', {
    min: 1,
    synonyms: ['log.cleaner.max.compaction.lag.ms'],
  }),
  'max.message.bytes': int(1_048_588, 'The largest record batch that the topic takes, after compression.', {
    min: 0,
    synonyms: ['message.max.bytes'],
  }),
  'message.timestamp.after.max.ms': long(HOUR_MS, "How far a record's time may lie in the broker's future.", {
    min: 0,
    synonyms: ['log.message.timestamp.after.max.ms'],
  }),
  'message.timestamp.before.max.ms': long(FOREVER, "How far a record's time may lie in the broker's past.", {
    min: 0,
    synonyms: ['log.message.timestamp.before.max.ms'],
  }),
  'message.timestamp.type': text('CreateTime', 'Whose time a record carries: `CreateTime` the producer’s, `LogAppendTime` the broker’s.', {
    oneOf: ['CreateTime', 'LogAppendTime'],
    synonyms: ['log.message.timestamp.type'],
  }),
  'min.cleanable.dirty.ratio': double(0.5, 'The share of uncompacted bytes from which on compaction is worth its work.', {
    min: 0,
    max: 1,
    synonyms: ['log.cleaner.min.cleanable.ratio'],
  }),
  'min.compaction.lag.ms': long(0, 'How long a record of a compacted topic is left alone.', {
    min: 0,
    synonyms: ['log.cleaner.min.compaction.lag.ms'],
  }),
  'min.insync.replicas': int(1, 'How many replicas must have a record before acks=all is answered.', {
    min: 1,
    synonyms: ['min.insync.replicas'],
  }),
  preallocate: bool(false, 'Accepted; files grow as they are written.', { synonyms: ['log.preallocate'] }),
  'remote.log.copy.disable': bool(false, 'Accepted; there is no tiered storage.'),
  'remote.log.delete.on.disable': bool(false, 'Accepted; there is no tiered storage.'),
  'remote.storage.enable': bool(false, 'Tiered storage; only false is taken.'),
  'retention.bytes': long(-1, 'The bytes of a partition beyond which its oldest segments go; -1 for no bound.', {
    synonyms: ['log.retention.bytes'],
  }),
  'retention.ms': long(604_800_000, 'The age beyond which segments go; -1 for no bound.', {
    min: -1,
    synonyms: ['log.retention.ms', { name: 'log.retention.minutes', factor: MINUTE_MS }, { name: 'log.retention.hours', factor: HOUR_MS }],
  }),
  'segment.bytes': int(1_073_741_824, 'The size at which a new segment file is begun.', {
    min: 1_048_576,
    synonyms: ['log.segment.bytes'],
  }),
  'segment.index.bytes': int(10_485_760, 'The largest size of an index file.', { min: 4, synonyms: ['log.index.size.max.bytes'] }),
  'segment.jitter.ms': long(0, 'The most that is taken off segment.ms by chance, so that segments do not all roll at once.', {
    min: 0,
    synonyms: ['log.roll.jitter.ms', { name: 'log.roll.jitter.hours', factor: HOUR_MS }],
  }),
  'segment.ms': long(604_800_000, 'The age at which a new segment file is begun.', {
    min: 1,
    synonyms: ['log.roll.ms', { name: 'log.roll.hours', factor: HOUR_MS }],
  }),
  'unclean.leader.election.enable': bool(false, 'Whether a replica that is not in sync may lead.', {
    synonyms: ['unclean.leader.election.enable'],
  }),
} satisfies SettingMap

export type TopicSettingName = keyof typeof topicSettings
export type TopicValues = ValuesOf<typeof topicSettings>
