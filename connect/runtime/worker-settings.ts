/**
 * The worker's settings under Kafka Connect's names and with its defaults, declared once. The internal topics' names and the converters
 * have defaults here that Kafka Connect's sample files set.
 */
import { type ConfigOf, parseSettings, setting } from '../sdk/index.ts'

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
const partitions = (byDefault: number, doc: string) =>
  setting.int({
    default: byDefault,
    importance: 'LOW',
    doc,
    check: (value) => (value === -1 || value > 0 ? undefined : "Number of partitions must be positive, or -1 to use the broker's default"),
  })

export const workerSettings = {
  'bootstrap.servers': setting.list({ default: ['localhost:9092'], importance: 'HIGH', doc: 'Brokers to begin with, host:port.' }),
  'group.id': setting.string({ default: 'connect', importance: 'HIGH', doc: 'The group of workers that this one belongs to.' }),
  'security.protocol': setting.string({
    default: 'PLAINTEXT',
    importance: 'MEDIUM',
    doc: 'How the cluster is reached. Only PLAINTEXT is built.',
    check: (value) =>
      value.toUpperCase() === 'PLAINTEXT' ? undefined : 'only PLAINTEXT is built: name such a listener in bootstrap.servers',
  }),
  'client.id': setting.string({ default: '', importance: 'LOW', doc: 'What the worker calls itself to the cluster.' }),
  'key.converter': setting.class({
    default: jsonConverter,
    importance: 'HIGH',
    doc: 'The converter of keys, where a connector names none.',
  }),
  'value.converter': setting.class({
    default: jsonConverter,
    importance: 'HIGH',
    doc: 'The converter of values, where a connector names none.',
  }),
  'header.converter': setting.class({
    default: 'org.apache.kafka.connect.storage.SimpleHeaderConverter',
    importance: 'LOW',
    doc: 'The converter of headers, where a connector names none.',
  }),
  'config.storage.topic': storage('config', 'connect-configs')['config.storage.topic']!,
  'config.storage.replication.factor': replication('Copies of the config topic.'),
  'offset.storage.topic': storage('offset', 'connect-offsets')['offset.storage.topic']!,
  'offset.storage.partitions': partitions(25, 'Partitions of the offset topic; -1 for as many as the cluster gives by default.'),
  'offset.storage.replication.factor': replication('Copies of the offset topic.'),
  'offset.storage.file.filename': setting.string({
    default: null,
    importance: 'HIGH',
    doc: 'A worker that stands alone keeps its positions in this file (as JSON).',
  }),
  'status.storage.topic': storage('status', 'connect-status')['status.storage.topic']!,
  'status.storage.partitions': partitions(5, 'Partitions of the status topic; -1 for as many as the cluster gives by default.'),
  'status.storage.replication.factor': replication('Copies of the status topic.'),
  'offset.flush.interval.ms': setting.long({
    default: 60_000,
    importance: 'LOW',
    doc: 'How often positions are stored at the least. Where it costs little they are stored sooner.',
    check: atLeast(1),
  }),
  'offset.flush.timeout.ms': setting.long({
    default: 5_000,
    importance: 'LOW',
    doc: 'How long storing positions may take.',
    check: atLeast(1),
  }),
  'task.shutdown.graceful.timeout.ms': setting.long({
    default: 5_000,
    importance: 'LOW',
    doc: 'How long all tasks together have to end in peace.',
    check: atLeast(0),
  }),
  'session.timeout.ms': setting.int({
    default: 10_000,
    importance: 'HIGH',
    doc: 'How long a silent worker counts as alive.',
    check: atLeast(1),
  }),
  'heartbeat.interval.ms': setting.int({
    default: 3_000,
    importance: 'HIGH',
    doc: 'How often a worker tells that it is alive.',
    check: atLeast(1),
  }),
  'rebalance.timeout.ms': setting.int({
    default: 60_000,
    importance: 'HIGH',
    doc: 'How long a worker has to join a rebalance.',
    check: atLeast(1),
  }),
  'request.timeout.ms': setting.int({
    default: 40_000,
    importance: 'MEDIUM',
    doc: 'How long a request to the cluster may take.',
    check: atLeast(0),
  }),
  'metadata.max.age.ms': setting.long({
    default: 300_000,
    importance: 'LOW',
    doc: 'When to ask the cluster again what there is.',
    check: atLeast(0),
  }),
  'connections.max.idle.ms': setting.long({ default: 540_000, importance: 'LOW', doc: 'When an idle connection is closed.' }),
  'reconnect.backoff.ms': setting.long({
    default: 50,
    importance: 'LOW',
    doc: 'The first wait before connecting again.',
    check: atLeast(0),
  }),
  'reconnect.backoff.max.ms': setting.long({
    default: 1_000,
    importance: 'LOW',
    doc: 'The longest wait before connecting again.',
    check: atLeast(0),
  }),
  'retry.backoff.ms': setting.long({ default: 100, importance: 'LOW', doc: 'The first wait before asking again.', check: atLeast(0) }),
  'retry.backoff.max.ms': setting.long({
    default: 1_000,
    importance: 'LOW',
    doc: 'The longest wait before asking again.',
    check: atLeast(0),
  }),
  'worker.sync.timeout.ms': setting.int({
    default: 3_000,
    importance: 'MEDIUM',
    doc: 'How long to read the config topic in a rebalance.',
    check: atLeast(1),
  }),
  'worker.unsync.backoff.ms': setting.int({
    default: 300_000,
    importance: 'MEDIUM',
    doc: 'How long to stay away after that failed.',
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
    doc: 'How long the work of a worker that vanished waits for its return.',
    check: (value) => (value < 0 || value > 2147483647 ? 'Value must be at least 0' : undefined),
  }),
  'inter.worker.key.ttl.ms': setting.int({
    default: 3_600_000,
    importance: 'LOW',
    doc: 'How long a key that signs requests between workers is good.',
  }),
  'inter.worker.key.generation.algorithm': setting.string({
    default: 'HmacSHA256',
    importance: 'LOW',
    doc: 'The algorithm that such keys are made for.',
  }),
  'inter.worker.key.size': setting.int({ default: null, importance: 'LOW', doc: 'Bits of such a key.' }),
  'inter.worker.signature.algorithm': setting.string({ default: 'HmacSHA256', importance: 'LOW', doc: 'The algorithm that signs.' }),
  'inter.worker.verification.algorithms': setting.list({
    default: ['HmacSHA256'],
    importance: 'LOW',
    doc: 'The algorithms that are taken.',
  }),
  'exactly.once.source.support': setting.oneOf(['disabled', 'preparing', 'enabled'], {
    default: 'disabled',
    importance: 'HIGH',
    doc: 'Whether sources write their records and positions in one transaction. Only `disabled` is taken.',
    check: (value) => (value === 'disabled' ? undefined : 'sources deliver at least once here: set it to disabled'),
  }),
  'connector.client.config.override.policy': setting.string({
    default: 'All',
    importance: 'MEDIUM',
    doc: 'Which client settings a connector may override. Only `All` is built.',
    check: (value) =>
      /(^|\.)All(ConnectorClientConfigOverridePolicy)?$/.test(value)
        ? undefined
        : 'only All is built, and connectors would override what this forbids: take the line out to let them',
  }),
  'config.providers': setting.list({
    default: [],
    importance: 'LOW',
    doc: 'Where the references in a config are looked up. None is built.',
    check: (value) =>
      value.every((name) => name === '') ? undefined : 'none is built, and references would be passed on as they are: write the values out',
  }),
  'topic.tracking.enable': setting.boolean({ default: true, importance: 'LOW', doc: "Remember each connector's topics." }),
  'topic.tracking.allow.reset': setting.boolean({ default: true, importance: 'LOW', doc: 'Let users make the worker forget them.' }),
  'topic.creation.enable': setting.boolean({ default: true, importance: 'LOW', doc: 'Create topics for sources whose config says how.' }),
} as const

/** Kafka Connect's, and without a meaning here: a file that has them is right. A star stands for whatever begins so. */
export const ineffectiveSettings: readonly string[] = [
  'admin.*',
  'auto.include.jmx.reporter',
  'client.dns.lookup',
  'config.providers.*',
  'config.storage.*',
  'consumer.*',
  'enable.metrics.push',
  'metadata.recovery.*',
  'metric.reporters',
  'metrics.*',
  'offset.storage.*',
  'plugin.discovery',
  'plugin.path',
  'producer.*',
  'receive.buffer.bytes',
  'sasl.*',
  'security.providers',
  'send.buffer.bytes',
  'socket.connection.setup.timeout.*',
  'ssl.*',
  'status.storage.*',
]

/** Names that the worker hands on with what follows them. */
const handedOn = ['key.converter.', 'value.converter.', 'header.converter.']

/** Names in a worker's file that neither Kafka Connect nor Tributary has; `others` are those that another part reads. */
export function unknownSettings(properties: Readonly<Record<string, string>>, others: readonly string[] = []): string[] {
  const prefixes = [...handedOn, ...ineffectiveSettings.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1))]
  const known = new Set([...Object.keys(workerSettings), ...ineffectiveSettings, ...others])
  return Object.keys(properties).filter((name) => !known.has(name) && !prefixes.some((prefix) => name.startsWith(prefix)))
}

export type WorkerConfig = ConfigOf<typeof workerSettings>

/** The worker's own settings, checked together. Converters' settings and client overrides stay in the raw properties. */
export function parseWorkerSettings(properties: Readonly<Record<string, string>>): WorkerConfig {
  const config = parseSettings(workerSettings, properties)
  if (config['heartbeat.interval.ms'] >= config['session.timeout.ms'])
    throw new Error(
      `heartbeat.interval.ms (${config['heartbeat.interval.ms']}) must be lower than session.timeout.ms (${config['session.timeout.ms']})`,
    )
  return config
}

/** The converters of connectors that name none. */
export const defaultConverters = (config: WorkerConfig) => ({
  'key.converter': config['key.converter'],
  'value.converter': config['value.converter'],
  'header.converter': config['header.converter'],
})
