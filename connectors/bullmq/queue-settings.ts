/**
 * The settings that the source and the sink share: the connection, the keys of the queues in Redis, the headers. Loads no client.
 */
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { checkRedisConnection, redisConnectionOptions, redisConnectionSettings } from '../redis-driver/connection-settings.ts'

/** Stands for the name of the queue in the topic of its records. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the setting
export const QUEUE_TOKEN = '${queue}'
/** Stands for the topic of a record in the names of its queue and its job. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the setting
export const TOPIC_TOKEN = '${topic}'

/** BullMQ joins the parts of its keys with colons. */
export const queueNameProblem = (name: string): string | undefined =>
  name === '' ? 'the name of a queue is empty' : name.includes(':') ? `the name of a queue has no colon, and "${name}" has one` : undefined

export const queueSettings = {
  ...redisConnectionSettings,
  'queue.prefix': setting.string({
    doc: "The prefix of all keys of the queues, as BullMQ's option `prefix`. In a Redis cluster it must have braces, as {bull}, so that all keys of a queue are on one node.",
    default: 'bull',
    importance: 'MEDIUM',
    check: (prefix) => (prefix === '' ? 'it must not be empty' : undefined),
  }),
  'header.prefix': setting.string({
    doc: 'What the names of the headers with the options of a job begin with',
    default: 'bullmq.',
    importance: 'LOW',
  }),
} as const

type QueueConfig = ConfigOf<typeof queueSettings>

/** Whether Redis Cluster puts all keys with this prefix on one node. */
const hasHashTag = (prefix: string): boolean => /^[^{]*\{[^}]+\}/.test(prefix)

/** What several of these settings have wrong together. */
export function checkQueueSettings(config: QueueConfig): SettingProblem[] {
  const problems = checkRedisConnection(config)
  if (problems.length > 0) return problems
  const prefix = config['queue.prefix']
  if (redisConnectionOptions(config).mode === 'cluster' && !hasHashTag(prefix))
    problems.push({
      setting: 'queue.prefix',
      why: `in a Redis cluster all keys of a queue must be on one node: put the prefix in braces, as {${prefix}}, here and in BullMQ's option prefix`,
    })
  return problems
}
