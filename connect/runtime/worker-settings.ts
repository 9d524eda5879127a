/**
 * The worker's settings, with the names and defaults of Kafka Connect. The names of the internal topics and the converters, which are
 * required there, have the values of its sample files as defaults.
 */
import { allowedAddressProblem } from '../sdk/address-rules.ts'
import { type ConfigOf, InvalidSetting, parseSettings, setting, type WorkerLimits } from '../sdk/index.ts'
import { securityProtocol } from './client-security-settings.ts'
import { isolationSettings } from './isolation/isolation-settings.ts'
import { POLICY_INTERFACE, policyNamed, policyNames } from './override-policy.ts'
import { workerRecoverySettings } from './recovery-settings.ts'

const atLeast = (least: number) => (value: number) => (value < least ? `Value must be at least ${least}` : undefined)
const jsonConverter = 'org.apache.kafka.connect.json.JsonConverter'

const storage = (what: string, topic: string) => ({
  [`${what}.storage.topic`]: setting.string({ default: topic, importance: 'HIGH', doc: `The compacted ${what} topic.` }),
})
const replication = (doc: string) =>
  setting.short({
    default: 3,
    importance: 'LOW',
    doc,
    check: (value) =>
      value === -1 || value > 0
        ? undefined
        : "Replication factor must be positive and not larger than the number of brokers in the Kafka cluster, or -1 to use the broker's default",
  })
const partitions = (defaultCount: number, doc: string) =>
  setting.int({
    default: defaultCount,
    importance: 'LOW',
    doc,
    check: (value) => (value === -1 || value > 0 ? undefined : "Number of partitions must be positive, or -1 to use the broker's default"),
  })

export const workerSettings = {
  'bootstrap.servers': setting.list({
    default: ['localhost:9092'],
    importance: 'HIGH',
    doc: 'The brokers to connect to first, host:port.',
  }),
  'group.id': setting.string({ default: 'connect', importance: 'HIGH', doc: 'The group of workers that this worker joins.' }),
  'security.protocol': setting.string({
    default: 'PLAINTEXT',
    importance: 'MEDIUM',
    doc: "The security protocol of the brokers, for the worker's own clients and the admin clients of connectors.",
    ...securityProtocol,
  }),
  'client.id': setting.string({ default: '', importance: 'LOW', doc: 'The client id of the worker.' }),
  'key.converter': setting.class({
    default: jsonConverter,
    importance: 'HIGH',
    doc: 'The converter of keys, for connectors that do not set one.',
  }),
  'value.converter': setting.class({
    default: jsonConverter,
    importance: 'HIGH',
    doc: 'The converter of values, for connectors that do not set one.',
  }),
  'header.converter': setting.class({
    default: 'org.apache.kafka.connect.storage.SimpleHeaderConverter',
    importance: 'LOW',
    doc: 'The converter of headers, for connectors that do not set one.',
  }),
  'config.storage.topic': storage('config', 'connect-configs')['config.storage.topic']!,
  'config.storage.replication.factor': replication('The replication factor of the config topic.'),
  'offset.storage.topic': storage('offset', 'connect-offsets')['offset.storage.topic']!,
  'offset.storage.partitions': partitions(25, 'The number of partitions of the offset topic; -1 for the default of the cluster.'),
  'offset.storage.replication.factor': replication('The replication factor of the offset topic.'),
  'offset.storage.file.filename': setting.string({
    default: null,
    importance: 'HIGH',
    doc: 'The file in which a standalone worker stores positions (as JSON).',
  }),
  'status.storage.topic': storage('status', 'connect-status')['status.storage.topic']!,
  'status.storage.partitions': partitions(5, 'The number of partitions of the status topic; -1 for the default of the cluster.'),
  'status.storage.replication.factor': replication('The replication factor of the status topic.'),
  'offset.flush.interval.ms': setting.long({
    default: 60_000,
    importance: 'LOW',
    doc: 'The maximum interval at which positions are stored. They are stored more often where that costs little.',
    check: atLeast(1),
  }),
  'offset.flush.timeout.ms': setting.long({
    default: 5_000,
    importance: 'LOW',
    doc: 'The timeout of storing positions.',
    check: atLeast(1),
  }),
  'task.shutdown.graceful.timeout.ms': setting.long({
    default: 5_000,
    importance: 'LOW',
    doc: 'The time that all tasks together have to stop before they are cancelled.',
    check: atLeast(0),
  }),
  'session.timeout.ms': setting.int({
    default: 10_000,
    importance: 'HIGH',
    doc: 'The time without heartbeats after which a worker is removed from the group.',
    check: atLeast(1),
  }),
  'heartbeat.interval.ms': setting.int({
    default: 3_000,
    importance: 'HIGH',
    doc: 'The interval of heartbeats.',
    check: atLeast(1),
  }),
  'rebalance.timeout.ms': setting.int({
    default: 60_000,
    importance: 'HIGH',
    doc: 'The time that a worker has to join a rebalance.',
    check: atLeast(1),
  }),
  'request.timeout.ms': setting.int({
    default: 40_000,
    importance: 'MEDIUM',
    doc: 'The timeout of requests to the brokers.',
    check: atLeast(0),
  }),
  'metadata.max.age.ms': setting.long({
    default: 300_000,
    importance: 'LOW',
    doc: 'The age after which metadata is refreshed.',
    check: atLeast(0),
  }),
  'connections.max.idle.ms': setting.long({
    default: 540_000,
    importance: 'LOW',
    doc: 'The time after which an idle connection is closed.',
  }),
  'reconnect.backoff.ms': setting.long({
    default: 50,
    importance: 'LOW',
    doc: 'The first delay before a broker is connected to again.',
    check: atLeast(0),
  }),
  'reconnect.backoff.max.ms': setting.long({
    default: 1_000,
    importance: 'LOW',
    doc: 'The maximum delay before a broker is connected to again.',
    check: atLeast(0),
  }),
  'retry.backoff.ms': setting.long({
    default: 100,
    importance: 'LOW',
    doc: 'The first delay before a request is retried.',
    check: atLeast(0),
  }),
  'retry.backoff.max.ms': setting.long({
    default: 1_000,
    importance: 'LOW',
    doc: 'The maximum delay before a request is retried.',
    check: atLeast(0),
  }),
  'worker.sync.timeout.ms': setting.int({
    default: 3_000,
    importance: 'MEDIUM',
    doc: 'The timeout of reading the config topic during a rebalance.',
    check: atLeast(1),
  }),
  'worker.unsync.backoff.ms': setting.int({
    default: 300_000,
    importance: 'MEDIUM',
    doc: 'The delay before joining the group again after worker.sync.timeout.ms.',
    check: atLeast(1),
  }),
  'connect.protocol': setting.oneOf(['eager', 'compatible', 'sessioned'], {
    default: 'sessioned',
    importance: 'LOW',
    doc: 'The newest group protocol that this worker offers.',
  }),
  'scheduled.rebalance.max.delay.ms': setting.int({
    default: 300_000,
    importance: 'LOW',
    doc: 'The time that the connectors and tasks of a lost worker wait for it to return.',
    check: (value) => (value < 0 || value > 2147483647 ? 'Value must be at least 0' : undefined),
  }),
  'inter.worker.key.ttl.ms': setting.int({
    default: 3_600_000,
    importance: 'LOW',
    doc: 'The time after which a new session key is generated, which signs requests between workers.',
  }),
  'inter.worker.key.generation.algorithm': setting.string({
    default: 'HmacSHA256',
    importance: 'LOW',
    doc: 'The algorithm that session keys are generated for.',
  }),
  'inter.worker.key.size': setting.int({ default: null, importance: 'LOW', doc: 'The size of session keys, in bits.' }),
  'inter.worker.signature.algorithm': setting.string({
    default: 'HmacSHA256',
    importance: 'LOW',
    doc: 'The algorithm that signs requests between workers.',
  }),
  'inter.worker.verification.algorithms': setting.list({
    default: ['HmacSHA256'],
    importance: 'LOW',
    doc: 'The accepted algorithms of signatures.',
  }),
  'exactly.once.source.support': setting.oneOf(['disabled', 'preparing', 'enabled'], {
    default: 'disabled',
    importance: 'HIGH',
    recommended: [],
    doc: 'Whether sources write their records and positions in one transaction. To enable it in a running cluster, set it to `preparing` on every worker, then to `enabled`; a rolling restart does for both.',
  }),
  'connector.client.config.override.policy': setting.string({
    default: 'All',
    importance: 'MEDIUM',
    doc: `The client settings that the config of a connector may override: ${policyNames.join(', ')}, or a class of Kafka Connect's.`,
    check: (value) =>
      policyNamed(value) === null
        ? `Failed to find any class that implements interface ${POLICY_INTERFACE} and which name matches ${value}: set one of ${policyNames.join(', ')}`
        : undefined,
  }),
  'connector.client.config.override.allowlist': setting.list({
    default: [],
    importance: 'MEDIUM',
    doc: 'The client settings that connectors may override where the policy is Allowlist.',
  }),
  'connector.private.addresses.allowlist': setting.list({
    default: ['*'],
    importance: 'MEDIUM',
    doc:
      'The networks (10.0.0.0/8), addresses and host names that are not public and that connectors may reach where their configs allow it, ' +
      'with http.allow.private.addresses. `*` is no limit; empty is none. Connectors of HTTP keep it.',
    check: (entries) => entries.map(allowedAddressProblem).find((problem) => problem !== undefined),
  }),
  'config.providers': setting.list({
    default: [],
    importance: 'LOW',
    doc: 'The names of the configuration providers, for references in this file and in the configs of connectors.',
    check: (value) => (new Set(value).size < value.length ? 'its names must not be duplicated' : undefined),
  }),
  'metrics.sample.window.ms': setting.long({
    default: 30_000,
    importance: 'LOW',
    doc: 'The length of a window of rates, averages and maxima.',
    check: atLeast(1),
  }),
  'metrics.num.samples': setting.int({
    default: 2,
    importance: 'LOW',
    doc: 'The number of windows of rates, averages and maxima.',
    check: atLeast(1),
  }),
  'tracing.otlp.endpoint': setting.string({
    default: null,
    importance: 'LOW',
    doc: 'The URL that traces of tasks are sent to, by OTLP over HTTP: http://127.0.0.1:4318/v1/traces. OTEL_EXPORTER_OTLP_ENDPOINT has the same effect; without either there is no tracing.',
    check: (value) => (/^https?:\/\//.test(value) && URL.canParse(value) ? undefined : 'it must be an http or https URL'),
  }),
  'topic.tracking.enable': setting.boolean({
    default: true,
    importance: 'LOW',
    doc: "Whether each connector's active topics are recorded.",
  }),
  'topic.tracking.allow.reset': setting.boolean({ default: true, importance: 'LOW', doc: 'Whether users may reset the active topics.' }),
  'topic.creation.enable': setting.boolean({
    default: true,
    importance: 'LOW',
    doc: 'Whether topics are created for sources that have topic.creation settings.',
  }),
  'plugin.path': setting.list({
    default: [],
    importance: 'LOW',
    doc:
      'The folders of plugins: packages, and single modules. New and changed ones are found without a restart of the worker; what cannot be ' +
      'loaded is left out, and the log says why.',
  }),
  'plugin.discovery': setting.oneOf(['only_scan', 'hybrid_warn', 'hybrid_fail', 'service_load'], {
    default: 'hybrid_warn',
    importance: 'LOW',
    doc: 'With hybrid_fail the worker does not start where something in plugin.path cannot be loaded. All other values mean the same.',
  }),
  ...isolationSettings,
  ...workerRecoverySettings,
} as const

/** Settings of Kafka Connect that are accepted and have no effect here. A star matches the rest of a name. */
export const ineffectiveSettings: readonly string[] = [
  'admin.*',
  'auto.include.jmx.reporter',
  'client.dns.lookup',
  'config.storage.*',
  'consumer.*',
  'enable.metrics.push',
  'metadata.recovery.*',
  'metric.reporters',
  'metrics.context.*',
  'metrics.recording.level',
  'offset.storage.*',
  'producer.*',
  'receive.buffer.bytes',
  'security.providers',
  'send.buffer.bytes',
  'socket.connection.setup.timeout.*',
  'status.storage.*',
]

/** Why a setting in a worker's file has no effect here. Those of clients under a prefix are not among them: many have one. */
const reasons: readonly (readonly [name: string, reason: string])[] = [
  ['auto.include.jmx.reporter', 'metrics are served at GET /metrics'],
  ['client.dns.lookup', 'the operating system resolves names'],
  ['enable.metrics.push', 'metrics are served at GET /metrics'],
  ['metadata.recovery.', 'the client decides itself when it asks bootstrap.servers again'],
  ['metric.reporters', 'metrics are served at GET /metrics'],
  ['metrics.context.', 'metrics are served at GET /metrics'],
  ['metrics.recording.level', 'all metrics are recorded'],
  ['receive.buffer.bytes', 'the operating system sizes the buffers of sockets'],
  ['security.providers', 'there are no security providers of Java'],
  ['send.buffer.bytes', 'the operating system sizes the buffers of sockets'],
  ['socket.connection.setup.timeout.', 'the client waits for a connection as long as for a request'],
]

/** The settings of the file that have no effect here, with the reason. */
export const withoutEffect = (properties: Readonly<Record<string, string>>): { name: string; reason: string }[] =>
  Object.keys(properties).flatMap((name) => {
    const found = reasons.find(([known]) => (known.endsWith('.') ? name.startsWith(known) : name === known))
    return found ? [{ name, reason: found[1] }] : []
  })

/** The settings of its security, which decide together how the worker's own clients connect. */
export const securitySettings: readonly string[] = ['sasl.*', 'ssl.*']

/** The classes and parameters of its configuration providers. */
export const providerSettings: readonly string[] = ['config.providers.*']

/** Prefixes of settings that the worker passes to its converters. */
const converterPrefixes = ['key.converter.', 'value.converter.', 'header.converter.']

/**
 * Settings in a worker's file that neither Kafka Connect nor Tributary has. `otherSettings` are read by other parts of the process; a star
 * matches the rest of a name.
 */
export function unknownSettings(properties: Readonly<Record<string, string>>, otherSettings: readonly string[] = []): string[] {
  const patterns = [...ineffectiveSettings, ...securitySettings, ...providerSettings, ...otherSettings].filter((name) => name.endsWith('*'))
  const prefixes = [...converterPrefixes, ...patterns.map((name) => name.slice(0, -1))]
  const known = new Set([...Object.keys(workerSettings), ...ineffectiveSettings, ...otherSettings])
  return Object.keys(properties).filter((name) => !known.has(name) && !prefixes.some((prefix) => name.startsWith(prefix)))
}

export type WorkerConfig = ConfigOf<typeof workerSettings>

/** What connectors may do, whatever their configs say. */
export const workerLimits = (config: WorkerConfig): WorkerLimits => ({ privateAddresses: config['connector.private.addresses.allowlist'] })

/** Parses the worker's settings. Settings of converters and clients stay in the properties. */
export function parseWorkerSettings(properties: Readonly<Record<string, string>>): WorkerConfig {
  const config = parseSettings(workerSettings, properties)
  if (config['heartbeat.interval.ms'] >= config['session.timeout.ms'])
    throw new Error(
      `heartbeat.interval.ms (${config['heartbeat.interval.ms']}) must be lower than session.timeout.ms (${config['session.timeout.ms']})`,
    )
  const signature = config['inter.worker.signature.algorithm']
  if (!config['inter.worker.verification.algorithms'].includes(signature))
    throw new InvalidSetting(
      'inter.worker.signature.algorithm',
      signature,
      'Signature algorithm must be present in inter.worker.verification.algorithms list',
    )
  return config
}

/** The converters of connectors that do not set any. */
export const defaultConverters = (config: WorkerConfig) => ({
  'key.converter': config['key.converter'],
  'value.converter': config['value.converter'],
  'header.converter': config['header.converter'],
})
