/**
 * Kafka's broker settings that have no effect here: a file may set them. And settings that an operator relies on and that are not
 * implemented: a file that enables one is refused.
 */
import { brokerSettings } from './broker-settings.ts'
import type { SettingMap } from './setting.ts'
import { topicSettings } from './topic-settings.ts'

const topics = Object.entries(topicSettings as SettingMap)

/** False for the default of topic settings that have no effect. */
const hasEffect = (name: string): boolean => {
  const defaultOf = topics.filter(([, { synonyms }]) => synonyms.some((synonym) => synonym.name === name))
  return defaultOf.length === 0 || defaultOf.some(([, { ineffective }]) => !ineffective)
}

const declared = Object.keys(brokerSettings)

export const effectiveBrokerSettings: readonly string[] = declared.filter(hasEffect)
export const effectiveTopicSettings: readonly string[] = topics.filter(([, { ineffective }]) => !ineffective).map(([name]) => name)
export const ineffectiveTopicSettings: readonly string[] = topics.filter(([, { ineffective }]) => ineffective).map(([name]) => name)

const accepted = new Set(
  `auto.leader.rebalance.enable background.threads
  broker.heartbeat.interval.ms broker.session.timeout.ms
  controlled.shutdown.enable cordoned.log.dirs delete.records.purgatory.purge.interval.requests early.start.listeners
  fetch.purgatory.purge.interval.requests follower.fetch.last.tiered.offset.enable initial.broker.registration.timeout.ms
  leader.imbalance.check.interval.seconds log.dir.failure.timeout.ms log.flush.scheduler.interval.ms
  max.incremental.fetch.session.cache.slots metadata.max.idle.interval.ms
  num.io.threads num.network.threads num.recovery.threads.per.data.dir
  num.replica.alter.log.dirs.threads num.replica.fetchers offsets.commit.timeout.ms offsets.load.buffer.size offsets.topic.compression.codec
  principal.builder.class producer.purgatory.purge.interval.requests queued.max.requests replica.selector.class
  request.timeout.ms security.inter.broker.protocol security.providers socket.receive.buffer.bytes socket.send.buffer.bytes
  socket.connection.setup.timeout.max.ms socket.connection.setup.timeout.ms telemetry.max.bytes transaction.state.log.load.buffer.size
  unstable.api.versions.enable unstable.feature.versions.enable`.split(/\s+/),
)

/** Under it a listener has settings of its own; those of security have an effect. */
export const LISTENER_PREFIX = 'listener.name.'

const acceptedPrefixes = [
  'alter.log.dirs.replication.',
  'controller.',
  'group.consumer.',
  'group.coordinator.',
  'group.share.',
  'group.streams.',
  'kafka.metrics.',
  LISTENER_PREFIX,
  'metadata.log.',
  'metric.',
  'metrics.',
  'password.encoder.',
  'remote.log.',
  'replica.',
  'replication.quota.',
  'sasl.',
  'share.',
  'ssl.',
  'streams.',
]

/** All broker settings without an effect, for the documents; `prefix.*` for every name under a prefix. */
export const acceptedSettings: readonly string[] = [
  ...accepted,
  ...declared.filter((name) => !hasEffect(name)),
  ...acceptedPrefixes.filter((prefix) => prefix !== LISTENER_PREFIX).map((prefix) => `${prefix}*`),
].sort()

/** Of the providers that have replaced the references of the file before it gets here. */
export const isProviderParameter = (name: string): boolean => name.startsWith('config.providers.')

export const isAccepted = (name: string): boolean =>
  accepted.has(name) || isProviderParameter(name) || acceptedPrefixes.some((prefix) => name.startsWith(prefix))

export const refusedSettings: readonly { name: string; harmless: readonly string[]; why: string }[] = [
  { name: 'create.topic.policy.class.name', harmless: [''], why: 'policies are Java classes: the broker would not enforce it' },
  { name: 'alter.config.policy.class.name', harmless: [''], why: 'policies are Java classes: the broker would not enforce it' },
  { name: 'client.quota.callback.class', harmless: [''], why: 'quota callbacks are Java classes: the broker would not enforce it' },
  { name: 'remote.log.storage.system.enable', harmless: ['', 'false'], why: 'there is no tiered storage' },
]

/** The error message for a file that sets `name` to `value`, or null. */
export function refusal(name: string, value: string): string | null {
  const refused = refusedSettings.find((candidate) => candidate.name === name)
  if (!refused || refused.harmless.includes(value.trim().toLowerCase())) return null
  return `${name}=${value}: ${refused.why}. Remove the line to start without it.`
}

/** True for names that only `refusal` decides about. */
export const isRefusable = (name: string): boolean => refusedSettings.some((candidate) => candidate.name === name)
