/**
 * The settings of the source of keys: those of Redis's own connector to the letter, and ours beside them. Each worker loads this file
 * at its start, so it loads no client.
 */
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { checkRedisConnection, redisConnectionSettings } from '../redis-driver/connection-settings.ts'

const GROUP = 'Keys'
export const LOSS = 'Changes of keys are told by keyspace events, which Redis sends once and keeps for nobody: changes can be lost.'

export const settings = {
  ...redisConnectionSettings,
  'redis.pool': setting.int({
    doc: 'Accepted: each task has one connection for events and one for values',
    default: 8,
    importance: 'LOW',
    group: 'Connection',
  }),
  topic: setting.string({
    doc: 'Name of the destination topic',
    default: 'rediskeys',
    group: GROUP,
    check: (topic) => (topic === '' ? 'String must be non-empty' : undefined),
  }),
  'redis.keys.pattern': setting.string({
    doc: `Keyspace glob-style pattern to subscribe to. ${LOSS}`,
    default: '*',
    group: GROUP,
    check: (pattern) => (pattern === '' ? 'String must be non-empty' : undefined),
  }),
  'redis.keys.timeout': setting.long({
    doc: 'Idle timeout in millis, after which the task reads nothing more. Use 0 to disable.',
    default: 0,
    least: 0,
    importance: 'LOW',
    group: GROUP,
  }),
  mode: setting.oneOf(['LIVE', 'LIVEONLY'], {
    doc: 'Key reading mode. Use LIVE for snapshot + updates, LIVEONLY for just updates. LIVE reads all keys again after each interruption.',
    default: 'LIVE',
    group: GROUP,
  }),
  'batch.size': setting.int({
    doc: 'Maximum number of keys to read in a single batch; of large values it is less, so that a batch has about 8 MiB',
    default: 500,
    least: 1,
    importance: 'LOW',
    group: GROUP,
    check: (size) => (size > 10_000 ? 'Value must be at most 10000' : undefined),
  }),
  'redis.keys.zset': setting.oneOf(['scores', 'members'], {
    doc: 'How a sorted set is written: a map of scores to members, which holds one member of each score, or of members to scores',
    default: 'scores',
    group: GROUP,
  }),
  'redis.keys.buffer': setting.int({
    doc: 'How many changed keys may wait to be read. The events of further keys are dropped, counted and told.',
    default: 100_000,
    least: 1,
    group: GROUP,
  }),
  'redis.keys.watch.interval.ms': setting.int({
    doc: 'How often a cluster is asked for masters that have joined or left, in ms',
    default: 10_000,
    least: 100,
    importance: 'LOW',
    group: GROUP,
  }),
} as const

export type KeysConfig = ConfigOf<typeof settings>

export const check = (config: KeysConfig): SettingProblem[] => checkRedisConnection(config)
