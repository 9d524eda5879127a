/**
 * Kafka's broker settings that have nothing to do here: a file that names them is taken without a word. And those that would be dangerous to
 * pass over, because the operator relies on them: a file that turns one on is refused.
 */
const accepted = new Set(
  `add.partitions.to.txn.retry.backoff.max.ms add.partitions.to.txn.retry.backoff.ms auto.leader.rebalance.enable background.threads
  broker.heartbeat.interval.ms broker.session.timeout.ms connection.failed.authentication.delay.ms connections.max.reauth.ms
  controlled.shutdown.enable cordoned.log.dirs delete.records.purgatory.purge.interval.requests early.start.listeners
  fetch.purgatory.purge.interval.requests follower.fetch.last.tiered.offset.enable initial.broker.registration.timeout.ms
  leader.imbalance.check.interval.seconds log.dir.failure.timeout.ms log.flush.scheduler.interval.ms max.connection.creation.rate
  max.connections.per.ip.overrides max.incremental.fetch.session.cache.slots metadata.log.dir metadata.max.idle.interval.ms
  metadata.max.retention.bytes metadata.max.retention.ms num.io.threads num.network.threads num.recovery.threads.per.data.dir
  num.replica.alter.log.dirs.threads num.replica.fetchers offsets.commit.timeout.ms offsets.load.buffer.size offsets.topic.compression.codec
  principal.builder.class producer.purgatory.purge.interval.requests queued.max.requests quota.window.num quota.window.size.seconds replica.selector.class
  request.timeout.ms security.inter.broker.protocol security.providers socket.receive.buffer.bytes socket.send.buffer.bytes
  socket.connection.setup.timeout.max.ms socket.connection.setup.timeout.ms telemetry.max.bytes transactional.id.expiration.ms
  unstable.api.versions.enable unstable.feature.versions.enable super.users allow.everyone.if.no.acl.found`.split(/\s+/),
)

const acceptedPrefixes = [
  'alter.log.dirs.replication.',
  'controller.',
  'delegation.token.',
  'group.consumer.',
  'group.coordinator.',
  'group.share.',
  'group.streams.',
  'kafka.metrics.',
  'listener.name.',
  'log.cleaner.',
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
  'transaction.',
]

/** All of them, for the documents; a prefix stands for whatever begins with it. */
export const acceptedSettings: readonly string[] = [...accepted, ...acceptedPrefixes.map((prefix) => `${prefix}*`)].sort()

export const isAccepted = (name: string): boolean => accepted.has(name) || acceptedPrefixes.some((prefix) => name.startsWith(prefix))

export const refusedSettings: readonly { name: string; harmless: readonly string[]; why: string }[] = [
  { name: 'authorizer.class.name', harmless: [''], why: 'access control lists are not built: the broker would let everybody in' },
  {
    name: 'config.providers',
    harmless: [''],
    why: 'references to configuration providers are not resolved in a broker file: write the values out',
  },
  { name: 'create.topic.policy.class.name', harmless: [''], why: 'policies are Java classes: the broker would not enforce it' },
  { name: 'alter.config.policy.class.name', harmless: [''], why: 'policies are Java classes: the broker would not enforce it' },
  { name: 'client.quota.callback.class', harmless: [''], why: 'quota callbacks are Java classes: the broker would not enforce it' },
  { name: 'remote.log.storage.system.enable', harmless: ['', 'false'], why: 'there is no tiered storage' },
]

/** Why a file with `name` at `value` cannot be served, or null. */
export function refusal(name: string, value: string): string | null {
  const found = refusedSettings.find((candidate) => candidate.name === name)
  if (!found || found.harmless.includes(value.trim().toLowerCase())) return null
  return `${name}=${value}: ${found.why}. Remove the line to go on without it.`
}

/** Names that are judged by `refusal` alone. */
export const isJudged = (name: string): boolean => refusedSettings.some((candidate) => candidate.name === name)
