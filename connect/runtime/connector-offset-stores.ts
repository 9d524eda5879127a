/**
 * Which store has the positions of a connector: the worker's, or one of its own (`offsets.storage.topic`), which is in the cluster of the
 * connector's producer. The rules are those of Kafka Connect's Worker.
 */
import type { Client, Producer } from '../../core/client/types.ts'
import type { System } from '../../core/system/index.ts'
import { ConnectorOffsetBackingStore } from '../storage/connector-offset-backing-store.ts'
import { KafkaBasedLog } from '../storage/kafka-based-log.ts'
import type { OffsetBackingStore, SourceOffsets } from '../storage/offset-backing-store.ts'
import type { ConnectorConfig } from '../types.ts'
import { bootstrapServersOf } from './client-overrides.ts'
import type { WorkerConfig } from './worker-settings.ts'

export interface ConnectorOffsetStoresOptions {
  config: WorkerConfig
  /** As they are written in the worker's file. */
  properties: Readonly<Record<string, string>>
  ofWorker: OffsetBackingStore
  /** Its positions are in a file, and no connector has its own topic. */
  isStandalone: boolean
  system: System
}

/** The clients of the connector. */
export interface OffsetClients {
  of(kind: 'admin' | 'consumer'): Client
}

export interface ConnectorOffsetStore {
  offsets: SourceOffsets
  /** In the cluster of the connector's producer; null where positions are in a file. */
  topic: string | null
}

export class ConnectorOffsetStores {
  readonly #options: ConnectorOffsetStoresOptions

  constructor(options: ConnectorOffsetStoresOptions) {
    this.#options = options
  }

  get isStandalone(): boolean {
    return this.#options.isStandalone
  }

  get exactlyOnce(): boolean {
    return !this.#options.isStandalone && this.#options.config['exactly.once.source.support'] === 'enabled'
  }

  /** Whether the connector needs an admin and a consumer client for its positions. */
  isSeparate(connector: ConnectorConfig): boolean {
    const { config, isStandalone, properties } = this.#options
    if (isStandalone) return false
    const own = ownTopic(connector)
    if (own === undefined && !this.exactlyOnce) return false
    const sameTopic = (own ?? config['offset.storage.topic']) === config['offset.storage.topic']
    const ofProducer = bootstrapServersOf('producer', properties, connector) ?? config['bootstrap.servers']
    return !sameTopic || !sameServers(ofProducer, config['bootstrap.servers'])
  }

  /** Call `open` before reading and `release` in the end. `producer` is that of the task; null where nothing is written. */
  of(connector: ConnectorConfig, clients: OffsetClients, producer: Producer | null): ConnectorOffsetStore {
    const { config, ofWorker, system, isStandalone } = this.#options
    if (!this.isSeparate(connector)) return { offsets: ofWorker, topic: isStandalone ? null : config['offset.storage.topic'] }
    const topic = ownTopic(connector) ?? config['offset.storage.topic']
    const log = new KafkaBasedLog(
      { admin: clients.of('admin'), consumer: clients.of('consumer'), producer },
      {
        topic,
        partitions: config['offset.storage.partitions'],
        replicationFactor: config['offset.storage.replication.factor'],
        setting: 'offsets.storage.topic',
        replicationSetting: 'offset.storage.replication.factor of the worker',
        readCommitted: true,
      },
      system,
    )
    const warn = (message: string, details: object) => system.logger.warn({ topic, connector: connector.name, ...details }, message)
    return { offsets: new ConnectorOffsetBackingStore(log, ofWorker, warn), topic }
  }
}

const sameServers = (a: readonly string[], b: readonly string[]) =>
  a.every((server) => b.includes(server)) && b.every((server) => a.includes(server))

/** Undefined where the connector has none. */
const ownTopic = (connector: ConnectorConfig): string | undefined => connector['offsets.storage.topic']?.trim() || undefined
