/**
 * The metadata of the cluster: topics, partitions, configs and producer ids. Types only, for the cluster's own files and for the handlers
 * of requests.
 */
import type { LogConfig, PartitionLog } from '../log/types.ts'
import type { BrokerSettingName, BrokerValues } from '../settings.ts'

export interface Topic {
  readonly name: string
  readonly id: string
  readonly partitions: number
  readonly internal: boolean
  /** The overrides only, as they were set. */
  readonly configs: Readonly<Record<string, string>>
}

export interface NewTopic {
  name: string
  /** -1 for num.partitions. */
  partitions: number
  /** -1 for default.replication.factor. */
  replicationFactor: number
  assignments?: readonly { partitionIndex: number; brokerIds: readonly number[] }[]
  configs?: Readonly<Record<string, string | null>>
}

export interface ConfigEntry {
  name: string
  value: string | null
  readOnly: boolean
  isDefault: boolean
  isSensitive: boolean
  /** Kafka's ConfigSource: 1 dynamic topic, 2 dynamic broker, 3 dynamic default broker, 4 static broker, 5 default. */
  source: number
  /** Kafka's ConfigType: 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password. */
  type: number
  documentation: string
  synonyms: { name: string; value: string | null; source: number }[]
}

export type ConfigResource = { type: 'topic'; name: string } | { type: 'broker'; name: string }
/** Kafka's AlterConfigOp: 0 set, 1 delete, 2 append, 3 subtract. */
export interface ConfigChange {
  name: string
  operation: number
  value: string | null
}

/** The features that have levels in this cluster. */
export type FeatureName = 'metadata.version' | 'transaction.version'

/** All methods throw KafkaError. Changes are durable when they resolve. */
export interface Cluster {
  readonly clusterId: string
  topic(name: string): Topic | undefined
  topicById(id: string): Topic | undefined
  topics(): Iterable<Topic>
  /** True for a valid topic name. */
  isTopicName(name: string): boolean
  logConfig(topic: Topic): LogConfig
  /** The current value of a broker setting, dynamic changes included. */
  brokerValue<N extends BrokerSettingName>(name: N): BrokerValues[N]
  /** Throws POLICY_VIOLATION where one request may not create so many partitions. */
  checkPartitionCount(topics: readonly NewTopic[]): void
  createTopic(topic: NewTopic, options?: { validateOnly?: boolean }): Promise<Topic>
  /** Creates the topic if it does not exist, for Metadata and FindCoordinator. Concurrent calls share one creation. */
  ensureTopic(name: string, partitions?: number, configs?: Record<string, string>): Promise<Topic>
  deleteTopic(name: string): Promise<void>
  /** Calls `listener` when a topic and its logs are deleted. Returns a function that unsubscribes it. */
  onTopicDeleted(listener: (topic: Topic, logs: readonly PartitionLog[]) => void): () => void
  createPartitions(name: string, count: number, validateOnly: boolean, assignments?: readonly (readonly number[])[] | null): Promise<Topic>
  describeConfigs(resource: ConfigResource, names: readonly string[] | null): ConfigEntry[]
  /** All configs of a new topic, for the CreateTopics response. */
  describeNewTopic(topic: Topic): ConfigEntry[]
  alterConfigs(resource: ConfigResource, changes: readonly ConfigChange[], validateOnly: boolean): Promise<void>
  /** The finalized level of a feature as `kafka-features` shows it, 0 for one that is not finalized. */
  finalizedFeature(name: FeatureName): number
  /** A producer id that was never allocated before, not even before a crash. */
  nextProducerId(): Promise<number>
}
