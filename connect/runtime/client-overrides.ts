/**
 * Kafka's client settings in the configs of workers (`producer.linger.ms`) and connectors (`producer.override.linger.ms`), translated for
 * our client. Settings of Kafka's clients that ours does not have are ignored.
 */
import type { ConsumerSettings, ProducerSettings } from '../../core/client/types.ts'
import { type Setting, type Settings, setting } from '../sdk/index.ts'
import { settingsUnder } from '../sdk/prefixed-settings.ts'
import type { ConnectorConfig } from '../types.ts'

const atLeast = (least: number) => (value: number) => (value < least ? `Value must be at least ${least}` : undefined)
const doc = "Kafka's client setting of this name."
const int = (least = 0) => setting.int({ default: null, doc, check: atLeast(least) })
const long = (least = 0) => setting.long({ default: null, doc, check: atLeast(least) })

const producer = {
  acks: setting.oneOf(['all', '-1', '1', '0'], { default: null, doc }),
  'enable.idempotence': setting.boolean({ default: null, doc }),
  'compression.type': setting.oneOf(['none', 'gzip', 'snappy', 'lz4', 'zstd'], { default: null, doc }),
  'batch.size': int(),
  'linger.ms': long(),
  'buffer.memory': long(),
  'max.in.flight.requests.per.connection': int(1),
  'max.request.size': int(),
  'delivery.timeout.ms': int(),
  'request.timeout.ms': int(),
} as const

const consumer = {
  'group.id': setting.string({ default: null, doc }),
  'group.instance.id': setting.string({ default: null, doc }),
  'auto.offset.reset': setting.oneOf(['earliest', 'latest', 'none'], { default: null, doc }),
  'isolation.level': setting.oneOf(['read_uncommitted', 'read_committed'], { default: null, doc }),
  'fetch.min.bytes': int(),
  'fetch.max.wait.ms': int(),
  'fetch.max.bytes': int(),
  'max.partition.fetch.bytes': int(),
  'max.poll.records': int(1),
  'session.timeout.ms': int(),
  'heartbeat.interval.ms': int(),
  'max.poll.interval.ms': int(1),
} as const

/** The settings that have an effect, by the kind of client. */
export const clientSettings = { producer, consumer } as const

/** The overrides in a connector's config, as settings to validate. */
export function clientOverrides(config: ConnectorConfig): Settings {
  const overrides: Settings = {}
  for (const [prefix, known] of [
    ['producer.override.', producer],
    ['consumer.override.', consumer],
  ] as const)
    for (const [name, declared] of Object.entries(known))
      if (config[prefix + name] !== undefined) overrides[prefix + name] = declared as Setting<unknown>
  return overrides
}

/** Reads a setting under the first prefix that has it. */
function reader(settings: Settings, layers: readonly (readonly [prefix: string, config: Readonly<Record<string, string>>])[]) {
  const values = layers.map(([prefix, config]) => ({ prefix, under: settingsUnder(prefix, config) }))
  return <T>(name: string): T | undefined => {
    for (const { prefix, under } of values) {
      const text = under[name]
      if (text !== undefined) return settings[name]!.parse(prefix + name, text) as T
    }
    return undefined
  }
}

/** Without the keys whose value is undefined: they would hide the client's defaults. */
function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T
}

export function producerSettings(worker: Readonly<Record<string, string>>, connector: ConnectorConfig): ProducerSettings {
  const read = reader(producer, [
    ['producer.override.', connector],
    ['producer.', worker],
  ])
  const acks = read<'all' | '-1' | '1' | '0'>('acks')
  return defined({
    acks: acks === undefined || acks === '-1' ? 'all' : acks === 'all' ? acks : (Number(acks) as 0 | 1),
    enableIdempotence: read('enable.idempotence'),
    compressionType: read('compression.type'),
    batchSize: read('batch.size'),
    lingerMs: read('linger.ms'),
    bufferMemory: read('buffer.memory'),
    maxInFlight: read('max.in.flight.requests.per.connection'),
    maxRequestSize: read('max.request.size'),
    // As in Kafka Connect, the producer retries until the cluster accepts or refuses a record.
    deliveryTimeoutMs: read('delivery.timeout.ms') ?? 2147483647,
    requestTimeoutMs: read('request.timeout.ms'),
  })
}

export function consumerSettings(worker: Readonly<Record<string, string>>, connector: ConnectorConfig, name: string): ConsumerSettings {
  const read = reader(consumer, [
    ['consumer.override.', connector],
    ['consumer.', worker],
  ])
  return defined({
    groupId: reader(consumer, [['consumer.override.', connector]])<string>('group.id') ?? `connect-${name}`,
    groupInstanceId: read('group.instance.id'),
    autoOffsetReset: read('auto.offset.reset') ?? 'earliest',
    isolationLevel: read('isolation.level'),
    fetchMinBytes: read('fetch.min.bytes'),
    fetchMaxWaitMs: read('fetch.max.wait.ms'),
    fetchMaxBytes: read('fetch.max.bytes'),
    maxPartitionFetchBytes: read('max.partition.fetch.bytes'),
    maxPollRecords: read('max.poll.records'),
    sessionTimeoutMs: read('session.timeout.ms'),
    heartbeatIntervalMs: read('heartbeat.interval.ms'),
    rebalanceTimeoutMs: read('max.poll.interval.ms'),
  })
}
