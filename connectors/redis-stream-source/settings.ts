/**
 * The settings of the stream source: those of Redis's own connector to the letter, and ours beside them; and how tasks divide streams.
 * Each worker loads this file at its start, so it loads no client.
 */
import { type ConfigOf, namesIn, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { checkRedisConnection, redisConnectionSettings, TASK_TOKEN } from '../redis-driver/connection-settings.ts'
import { isEntryIdOrTime } from '../redis-driver/entry-id.ts'

// biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the setting
export const STREAM_TOKEN = '${stream}'
const GROUP = 'Stream'
const LEAST_CLAIM_IDLE_MS = 1000

export const settings = {
  ...redisConnectionSettings,
  'redis.stream.name': setting.string({
    doc: 'Name of the Redis stream to read from; several with commas',
    importance: 'HIGH',
    group: GROUP,
    check: (text) => (namesIn(text).length === 0 ? 'it must name a stream' : undefined),
  }),
  topic: setting.string({
    doc: `Name of the destination topic, which may contain '${STREAM_TOKEN}' as a placeholder for the originating stream name`,
    default: STREAM_TOKEN,
    group: GROUP,
    check: (topic) => (topic === '' ? 'String must be non-empty' : undefined),
  }),
  'redis.stream.offset': setting.string({
    doc: 'Stream offset to start reading from: 0-0 is the first entry, $ what is added from now on, an id what is after it. It counts where there is no group yet, or no position.',
    default: '0-0',
    group: GROUP,
    check: (text) => (text === '$' || isEntryIdOrTime(text) ? undefined : 'it must be $ or the id of an entry, as 0-0 or 1526919030474-55'),
  }),
  'redis.stream.delivery': setting.oneOf(['at-least-once', 'at-most-once', 'exactly-once'], {
    doc: 'Stream message delivery guarantee. at-least-once acknowledges an entry (XACK) when its record is in Kafka; at-most-once does when it is read; exactly-once uses no consumer group and goes on after the position in the offsets of the connector.',
    default: 'at-least-once',
    group: GROUP,
  }),
  'redis.stream.consumer.group': setting.string({
    doc: 'Stream consumer group; it is created where it does not exist',
    default: 'kafka-consumer-group',
    group: GROUP,
    check: (text) => (text === '' ? 'String must be non-empty' : undefined),
  }),
  'redis.stream.consumer.name': setting.string({
    doc: `A format string for the stream consumer, which may contain '${TASK_TOKEN}' as a placeholder for the task id. Two tasks must not have the same name.`,
    default: `consumer-${TASK_TOKEN}`,
    group: GROUP,
    check: (text) => (text === '' ? 'String must be non-empty' : undefined),
  }),
  'redis.stream.block': setting.long({
    doc: 'The max amount of time in milliseconds to wait while polling for stream messages (XREAD [BLOCK milliseconds])',
    default: 100,
    least: 1,
    importance: 'LOW',
    group: GROUP,
  }),
  'batch.size': setting.int({
    doc: 'Maximum number of entries of one stream in a single read; of large entries it is less, so that a read has about 8 MiB',
    default: 500,
    least: 1,
    importance: 'LOW',
    group: GROUP,
    check: (size) => (size > 100_000 ? 'Value must be at most 100000' : undefined),
  }),
  'redis.stream.claim.idle.ms': setting.long({
    doc: 'Entries that another consumer of the group has taken and not acknowledged for so long, in ms, are claimed (XAUTOCLAIM): it is dead. It must be longer than Kafka may take to acknowledge a record. 0 claims nothing.',
    default: 300_000,
    least: 0,
    group: GROUP,
  }),
  'redis.stream.watch.interval.ms': setting.long({
    doc: 'How often each task looks for entries to claim, and for entries that were trimmed before they were read, in ms',
    default: 10_000,
    least: 100,
    importance: 'LOW',
    group: GROUP,
  }),
  'redis.stream.body': setting.oneOf(['string', 'bytes'], {
    doc: 'What the values of an entry become: strings, which must be UTF-8, or bytes',
    default: 'string',
    importance: 'LOW',
    group: GROUP,
  }),
  'task.streams.shared': setting.boolean({
    doc: 'Whether other tasks read the streams of this task too. The connector sets it.',
    default: false,
    importance: 'LOW',
    group: GROUP,
    visible: false,
  }),
} as const

export type StreamSourceConfig = ConfigOf<typeof settings>

export const streamsOf = (config: StreamSourceConfig): string[] => [...new Set(namesIn(config['redis.stream.name']))]

export function check(config: StreamSourceConfig): SettingProblem[] {
  const problems = checkRedisConnection(config)
  if (config['redis.stream.block'] >= config['redis.timeout'] * 1000)
    problems.push({ setting: 'redis.stream.block', why: 'it must be shorter than redis.timeout, after which a server counts as lost' })
  const isGroup = config['redis.stream.delivery'] !== 'exactly-once'
  if (isGroup && config['redis.stream.claim.idle.ms'] > 0 && config['redis.stream.claim.idle.ms'] < LEAST_CLAIM_IDLE_MS)
    problems.push({
      setting: 'redis.stream.claim.idle.ms',
      why: `it must be 0 or at least ${LEAST_CLAIM_IDLE_MS}: a live consumer needs time until Kafka has its records`,
    })
  return problems
}

/** Each stream has one task; with more tasks than streams, several read a stream through its group. */
export function tasks(config: StreamSourceConfig, maxTasks: number): Record<string, string>[] {
  const streams = streamsOf(config)
  const isGroup = config['redis.stream.delivery'] !== 'exactly-once'
  const count = isGroup ? maxTasks : Math.min(maxTasks, streams.length)
  if (count <= streams.length)
    return Array.from({ length: count }, (_, task) => ({
      'redis.stream.name': streams.filter((_, index) => index % count === task).join(','),
    }))
  if (!config['redis.stream.consumer.name'].includes(TASK_TOKEN))
    throw new Error(
      `${count} tasks share ${streams.length} streams, and each needs a consumer of its own: put ${TASK_TOKEN} into redis.stream.consumer.name, or set tasks.max=${streams.length}`,
    )
  return Array.from({ length: count }, (_, task) => {
    const index = task % streams.length
    // Another task has the same index.
    const isShared = index < count - streams.length || task >= streams.length
    return { 'redis.stream.name': streams[index]!, 'task.streams.shared': String(isShared) }
  })
}
