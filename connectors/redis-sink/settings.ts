/**
 * The settings of the sink: those of Redis's own connector to the letter, and ours beside them. Each worker loads this file at its
 * start, so it loads no client.
 */
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { checkRedisConnection, redisConnectionSettings } from '../redis-driver/connection-settings.ts'
import { charsetOf } from './charset.ts'

// biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the setting
export const TOPIC_TOKEN = '${topic}'
// biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the setting
export const PARTITION_TOKEN = '${partition}'

const TYPES = ['STREAM', 'HASH', 'STRING', 'JSON', 'LIST', 'SET', 'ZSET', 'TIMESERIES'] as const
export type RedisType = (typeof TYPES)[number]

/** Those whose key is the keyspace alone. */
export const isCollection = (type: RedisType): boolean => ['STREAM', 'LIST', 'SET', 'ZSET'].includes(type)

export const settings = {
  ...redisConnectionSettings,
  'redis.pool': setting.int({
    doc: 'Accepted: each task has one connection, over which commands are pipelined',
    default: 8,
    importance: 'LOW',
    group: 'Connection',
  }),
  'redis.type': setting.oneOf(TYPES, {
    doc: 'Destination data structure: STREAM, HASH, STRING, JSON, LIST, SET or ZSET',
    default: 'STREAM',
    group: 'Writes',
    check: (type) => (type === 'TIMESERIES' ? 'TIMESERIES is not supported: write to a STREAM or a ZSET' : undefined),
  }),
  'redis.keyspace': setting.string({
    doc: `A format string for destination key space, which may contain '${TOPIC_TOKEN}' and '${PARTITION_TOKEN}'. Empty is the key of the record alone.`,
    default: TOPIC_TOKEN,
    group: 'Writes',
  }),
  'redis.separator': setting.string({ doc: 'Separator for non-collection destination keys.', default: ':', group: 'Writes' }),
  'redis.charset': setting.string({
    doc: 'Character set to encode Redis key and value strings: UTF-8, ISO-8859-1 or US-ASCII',
    default: 'UTF-8',
    importance: 'LOW',
    group: 'Writes',
    check: (name) => (charsetOf(name) === null ? 'String must be one of: UTF-8, ISO-8859-1, US-ASCII' : undefined),
  }),
  'redis.key.ttl': setting.long({
    doc: 'Time to live in seconds for the key. If not set, the record will not expire. A header redis.key.ttl of a record goes before it.',
    default: -1,
    least: -1,
    group: 'Writes',
  }),
  'redis.field.format': setting.oneOf(['string', 'json'], {
    doc: 'How structs, arrays and maps inside of a record become the value of a field: as Java writes them (Struct{a=1}), or as JSON',
    default: 'string',
    importance: 'LOW',
    group: 'Writes',
  }),
  'redis.hash.replace': setting.boolean({
    doc: 'Whether a hash has only the fields of the newest record. Without it, fields that a record lacks stay.',
    default: false,
    group: 'Writes',
  }),
  'redis.list.push': setting.oneOf(['RPUSH', 'LPUSH'], { doc: 'Which end of a list gets the elements', default: 'RPUSH', group: 'Writes' }),
  'redis.member': setting.oneOf(['key', 'value'], {
    doc: 'What of a record is the element of a list or the member of a set',
    default: 'key',
    group: 'Writes',
  }),
  'redis.score.field': setting.string({
    doc: 'The field of the value with the score of a member of a sorted set; empty takes the value itself',
    default: '',
    group: 'Writes',
  }),
  'redis.stream.maxlen': setting.long({
    doc: 'How many entries a stream keeps, about (MAXLEN ~); older ones are trimmed. 0 is without limit.',
    default: 0,
    least: 0,
    group: 'Stream',
  }),
  'redis.stream.id': setting.oneOf(['auto', 'offset', 'field'], {
    doc: `The ids of entries: Redis's own, the offset of the record (an entry that is delivered again is recognised; redis.keyspace needs ${PARTITION_TOKEN}), or the value of a field`,
    default: 'auto',
    group: 'Stream',
  }),
  'redis.stream.id.field': setting.string({
    doc: 'The field with the id, as 1526919030474-55, of redis.stream.id=field; it is not written as a field',
    default: 'id',
    group: 'Stream',
  }),
  'redis.multiexec': setting.boolean({
    doc: 'Whether to execute Redis commands in multi/exec transactions.',
    default: false,
    group: 'Writes',
  }),
  'redis.wait.replicas': setting.int({
    doc: 'Number of replicas to wait for. Use 0 to disable waiting for replicas.',
    default: 0,
    least: 0,
    group: 'Writes',
  }),
  'redis.wait.timeout': setting.long({ doc: 'Timeout in millis for WAIT command.', default: 1000, least: 1, group: 'Writes' }),
  'batch.size': setting.int({
    doc: 'The maximum number of records of one pipeline, or of one transaction of redis.multiexec',
    default: 1000,
    least: 1,
    group: 'Writes',
    check: (size) => (size > 100_000 ? 'Value must be at most 100000' : undefined),
  }),
} as const

export type SinkConfig = ConfigOf<typeof settings>

export function check(config: SinkConfig): SettingProblem[] {
  const problems = checkRedisConnection(config)
  const type = config['redis.type']
  if (config['redis.multiexec'] && !isCollection(type))
    problems.push({ setting: 'redis.multiexec', why: 'multi/exec is only supported with these data structures: STREAM, LIST, SET, ZSET' })
  if (config['redis.multiexec'] && config['redis.cluster'])
    problems.push({ setting: 'redis.multiexec', why: 'a transaction of a cluster has keys of one slot only: set it to false' })
  if (isCollection(type) && config['redis.keyspace'] === '')
    problems.push({ setting: 'redis.keyspace', why: `it is the key of the ${type}, and must not be empty` })
  if (config['redis.stream.id'] === 'offset' && type === 'STREAM') {
    const missing = [TOPIC_TOKEN, PARTITION_TOKEN].filter((token) => !config['redis.keyspace'].includes(token))
    if (missing.length > 0)
      problems.push({
        setting: 'redis.stream.id',
        why: `with ids that are offsets, each partition needs a stream of its own: redis.keyspace must contain ${missing.join(' and ')}`,
      })
  }
  if (config['redis.stream.id'] === 'field' && config['redis.stream.id.field'] === '')
    problems.push({ setting: 'redis.stream.id.field', why: 'redis.stream.id=field needs the name of a field' })
  if (config['redis.wait.timeout'] >= config['redis.timeout'] * 1000)
    problems.push({ setting: 'redis.wait.timeout', why: 'it must be shorter than redis.timeout, after which a server counts as lost' })
  return problems
}
