/**
 * Kafka's client settings in a worker's file (`producer.linger.ms`) and in the config of a connector (`producer.override.linger.ms`):
 * which ones our clients have, which one counts, and how they are translated. The order is that of Kafka Connect's Worker
 * (baseProducerConfigs, baseConsumerConfigs, adminConfigs): the connector's override, then the worker's setting with the prefix of the
 * client. The worker's settings without a prefix are for admin clients as well; producers and consumers get none of its security.
 */
import type { ClientSettings, ConsumerSettings, ProducerSettings, TransactionalProducerSettings } from '../../core/client/types.ts'
import { type ConfigOf, type Setting, type Settings, setting } from '../sdk/index.ts'
import { settingsUnder } from '../sdk/prefixed-settings.ts'
import type { ConnectorConfig } from '../types.ts'
import { clientSecuritySettings, isSecuritySetting, securityInUse } from './client-security-settings.ts'

export const clientKinds = ['producer', 'consumer', 'admin'] as const
export type ClientKind = (typeof clientKinds)[number]

type Properties = Readonly<Record<string, string>>

const atLeast = (least: number) => (value: number) => (value < least ? `Value must be at least ${least}` : undefined)
const doc = "Kafka's client setting of this name."
const int = (least = 0) => setting.int({ default: null, doc, check: atLeast(least) })
const long = (least = 0) => setting.long({ default: null, doc, check: atLeast(least) })

/** What decides about the connections of a client. Where it is not set, the worker's own setting counts. */
const connection = {
  'bootstrap.servers': setting.list({ default: null, doc }),
  'client.id': setting.string({ default: null, doc }),
  'request.timeout.ms': int(),
  'metadata.max.age.ms': long(),
  'connections.max.idle.ms': setting.long({ default: null, doc }),
  'reconnect.backoff.ms': long(),
  'reconnect.backoff.max.ms': long(),
  'retry.backoff.ms': long(),
  'retry.backoff.max.ms': long(),
} as const

const rack = { 'client.rack': setting.string({ default: null, doc }) } as const

const producer = {
  acks: setting.oneOf(['all', '-1', '1', '0'], { default: null, exactCase: true, doc }),
  'enable.idempotence': setting.boolean({ default: null, doc }),
  'compression.type': setting.oneOf(['none', 'gzip', 'snappy', 'lz4', 'zstd'], { default: null, exactCase: true, doc }),
  'batch.size': int(),
  'linger.ms': long(),
  'buffer.memory': long(),
  'max.in.flight.requests.per.connection': int(1),
  'max.request.size': int(),
  'delivery.timeout.ms': int(),
  'max.block.ms': long(),
  'transaction.timeout.ms': int(),
} as const

/** Java's classes of assignors, and their names in the group protocol. */
const assignors: Readonly<Record<string, string>> = {
  'org.apache.kafka.clients.consumer.RangeAssignor': 'range',
  'org.apache.kafka.clients.consumer.RoundRobinAssignor': 'roundrobin',
  'org.apache.kafka.clients.consumer.StickyAssignor': 'sticky',
  'org.apache.kafka.clients.consumer.CooperativeStickyAssignor': 'cooperative-sticky',
}

const consumer = {
  'group.id': setting.string({ default: null, doc }),
  'group.instance.id': setting.string({ default: null, doc }),
  'auto.offset.reset': setting.oneOf(['earliest', 'latest', 'none'], { default: null, doc }),
  'isolation.level': setting.oneOf(['read_uncommitted', 'read_committed'], { default: null, exactCase: true, doc }),
  'fetch.min.bytes': int(),
  'fetch.max.wait.ms': int(),
  'fetch.max.bytes': int(),
  'max.partition.fetch.bytes': int(),
  'max.poll.records': int(1),
  'session.timeout.ms': int(),
  'heartbeat.interval.ms': int(),
  'max.poll.interval.ms': int(1),
  'allow.auto.create.topics': setting.boolean({ default: null, doc }),
  'partition.assignment.strategy': setting.list({
    default: null,
    doc,
    check: (classes) => {
      const unknown = classes.find((name) => !Object.hasOwn(assignors, name))
      return unknown === undefined ? undefined : `Class ${unknown} could not be found.`
    },
  }),
} as const

/** The settings that have an effect, besides those of security, by the kind of client. */
export const clientSettings = {
  producer: { ...producer, ...connection },
  consumer: { ...consumer, ...connection, ...rack },
  admin: connection,
} as const satisfies Record<ClientKind, Settings>

/** One setting of a client; undefined where neither our clients nor Kafka's security have it. */
export function clientSetting(kind: ClientKind, name: string): Setting<unknown> | undefined {
  const declared: Settings = clientSettings[kind]
  if (Object.hasOwn(declared, name)) return declared[name]
  return Object.hasOwn(clientSecuritySettings, name) ? clientSecuritySettings[name] : undefined
}

/** A setting that Kafka's clients or their plugins may have and ours have not. */
export const unknownClientSetting: Setting<unknown> = setting.string({ default: null, doc: 'A setting without effect.' })

/** Without the keys whose value is undefined: they would hide the client's defaults. */
function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T
}

/** Parses what `layers` set; of two layers the first counts. Errors name the setting with its prefix. */
function read<S extends Settings>(
  settings: S,
  layers: readonly (readonly [prefix: string, properties: Properties])[],
): { [K in keyof S]?: NonNullable<ConfigOf<S>[K]> } {
  const values: Record<string, unknown> = {}
  for (const [name, declared] of Object.entries(settings)) {
    const layer = layers.find(([prefix, properties]) => Object.hasOwn(properties, prefix + name))
    if (layer) values[name] = declared.parse(layer[0] + name, layer[1][layer[0] + name]!)
  }
  return values as { [K in keyof S]?: NonNullable<ConfigOf<S>[K]> }
}

const layersOf = (kind: ClientKind, worker: Properties, connector: ConnectorConfig) =>
  [
    [`${kind}.override.`, connector],
    [`${kind}.`, worker],
  ] as const

/** What decides whether two clients are one: where they connect to, how, and as whom. */
export interface ClientConnection {
  readonly settings: Omit<ClientSettings, 'security'>
  /** Those of Kafka's security settings that have an effect; none for PLAINTEXT. */
  readonly security: Properties
}

/** The worker's own client: its settings without a prefix. `defaults` are those of the worker. */
export function workerConnection(worker: Properties, defaults: Omit<ClientSettings, 'security'>): ClientConnection {
  return { settings: defaults, security: securityInUse(Object.entries(worker)) }
}

/** A client of a connector. */
export function connectorConnection(
  kind: ClientKind,
  worker: Properties,
  connector: ConnectorConfig,
  defaults: Omit<ClientSettings, 'security'>,
): ClientConnection {
  const layers = layersOf(kind, worker, connector)
  const values = read({ ...connection, ...(kind === 'consumer' ? rack : {}) }, layers)
  const settings = {
    ...defaults,
    ...defined({
      bootstrapServers: values['bootstrap.servers'],
      clientId: values['client.id'],
      requestTimeoutMs: values['request.timeout.ms'],
      metadataMaxAgeMs: values['metadata.max.age.ms'],
      connectionsMaxIdleMs: values['connections.max.idle.ms'],
      reconnectBackoffMs: values['reconnect.backoff.ms'],
      reconnectBackoffMaxMs: values['reconnect.backoff.max.ms'],
      retryBackoffMs: values['retry.backoff.ms'],
      retryBackoffMaxMs: values['retry.backoff.max.ms'],
      clientRack: (values as { 'client.rack'?: string })['client.rack'],
    }),
  } as ClientConnection['settings']
  const security = [
    ...(kind === 'admin' ? Object.entries(worker) : []),
    ...layers.toReversed().flatMap(([prefix, properties]) => Object.entries(settingsUnder(prefix, properties))),
  ]
  return { settings, security: securityInUse(security.filter(([name]) => isSecuritySetting(name))) }
}

export function producerSettings(worker: Properties, connector: ConnectorConfig): ProducerSettings {
  const values = read(producer, layersOf('producer', worker, connector))
  const { acks } = values
  return defined({
    acks: acks === undefined || acks === '-1' ? 'all' : acks === 'all' ? acks : (Number(acks) as 0 | 1),
    enableIdempotence: values['enable.idempotence'],
    compressionType: values['compression.type'],
    batchSize: values['batch.size'],
    lingerMs: values['linger.ms'],
    bufferMemory: values['buffer.memory'],
    maxInFlight: values['max.in.flight.requests.per.connection'],
    maxRequestSize: values['max.request.size'],
    // As in Kafka Connect, the producer retries until the cluster accepts or refuses a record.
    deliveryTimeoutMs: values['delivery.timeout.ms'] ?? 2147483647,
  } as ProducerSettings)
}

/** How long the producer of an exactly-once source waits for its coordinator, as in Kafka Connect without a limit. */
const UNLIMITED_BLOCK_MS = 2147483647

/**
 * The producer of an exactly-once source task. As in Kafka Connect, `transactional.id` and `enable.idempotence` cannot be set to anything
 * else.
 */
export function transactionalProducerSettings(
  worker: Properties,
  connector: ConnectorConfig,
  transactionalId: string,
): TransactionalProducerSettings {
  const values = read(
    { 'max.block.ms': producer['max.block.ms'], 'transaction.timeout.ms': producer['transaction.timeout.ms'] },
    layersOf('producer', worker, connector),
  )
  return {
    ...producerSettings(worker, connector),
    enableIdempotence: true,
    transactionalId,
    maxBlockMs: Math.min(values['max.block.ms'] ?? UNLIMITED_BLOCK_MS, UNLIMITED_BLOCK_MS),
    ...defined({ transactionTimeoutMs: values['transaction.timeout.ms'] }),
  }
}

/** The brokers of a client of a connector; undefined where they are the worker's. */
export const bootstrapServersOf = (kind: ClientKind, worker: Properties, connector: ConnectorConfig): readonly string[] | undefined =>
  read({ 'bootstrap.servers': connection['bootstrap.servers'] }, layersOf(kind, worker, connector))['bootstrap.servers']

/** The group of a sink. */
export const sinkGroupId = (worker: Properties, connector: ConnectorConfig, name: string): string =>
  read({ 'group.id': consumer['group.id'] }, layersOf('consumer', worker, connector))['group.id'] ?? `connect-${name}`

export function consumerSettings(worker: Properties, connector: ConnectorConfig, name: string): ConsumerSettings {
  const values = read(consumer, layersOf('consumer', worker, connector))
  return defined({
    groupId: sinkGroupId(worker, connector, name),
    groupInstanceId: values['group.instance.id'],
    autoOffsetReset: values['auto.offset.reset'] ?? 'earliest',
    isolationLevel: values['isolation.level'],
    fetchMinBytes: values['fetch.min.bytes'],
    fetchMaxWaitMs: values['fetch.max.wait.ms'],
    fetchMaxBytes: values['fetch.max.bytes'],
    maxPartitionFetchBytes: values['max.partition.fetch.bytes'],
    maxPollRecords: values['max.poll.records'],
    sessionTimeoutMs: values['session.timeout.ms'],
    heartbeatIntervalMs: values['heartbeat.interval.ms'],
    rebalanceTimeoutMs: values['max.poll.interval.ms'],
    allowAutoCreateTopics: values['allow.auto.create.topics'],
    partitionAssignors: values['partition.assignment.strategy']?.map((name) => assignors[name]!),
  } as ConsumerSettings)
}
