/** The settings of the source of published messages. Loads no client. */
import { type ConfigOf, namesIn, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { checkRedisConnection, redisConnectionSettings } from '../redis-driver/connection-settings.ts'

// biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the setting
export const CHANNEL_TOKEN = '${channel}'
const GROUP = 'Subscription'
export const LOSS = 'Messages that are published while the task is not connected are lost: use a stream where none may be.'

export const settings = {
  ...redisConnectionSettings,
  'redis.channels': setting.string({
    doc: `The channels to subscribe to, with commas. ${LOSS}`,
    default: '',
    importance: 'HIGH',
    group: GROUP,
  }),
  'redis.channel.patterns': setting.string({
    doc: `Glob-style patterns of channels to subscribe to, with commas. ${LOSS}`,
    default: '',
    importance: 'HIGH',
    group: GROUP,
  }),
  topic: setting.string({
    doc: `Name of the destination topic, which may contain '${CHANNEL_TOKEN}' as a placeholder for the name of the channel`,
    default: CHANNEL_TOKEN,
    group: GROUP,
    check: (topic) => (topic === '' ? 'String must be non-empty' : undefined),
  }),
  'redis.message': setting.oneOf(['string', 'bytes'], {
    doc: 'What messages become: strings, in which what is not UTF-8 is replaced, or bytes',
    default: 'string',
    group: GROUP,
  }),
  'batch.size': setting.int({ doc: 'Maximum number of messages in one batch', default: 500, least: 1, importance: 'LOW', group: GROUP }),
  'redis.buffer.bytes': setting.long({
    doc: 'How many bytes of messages may wait for Kafka. Redis cannot wait: further messages are dropped, counted and told.',
    default: 67_108_864,
    least: 1,
    group: GROUP,
  }),
} as const

export type PubSubConfig = ConfigOf<typeof settings>

export const subscribedOf = (config: PubSubConfig) => ({
  channels: namesIn(config['redis.channels']),
  patterns: namesIn(config['redis.channel.patterns']),
})

export function check(config: PubSubConfig): SettingProblem[] {
  const problems = checkRedisConnection(config)
  const { channels, patterns } = subscribedOf(config)
  if (channels.length + patterns.length === 0) problems.push({ setting: 'redis.channels', why: 'set channels, or redis.channel.patterns' })
  return problems
}
