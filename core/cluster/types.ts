/**
 * The metadata of the cluster: topics, partitions, configs and producer ids. Types only, for the cluster's own files and for the handlers
 * of requests.
 */
import type { KafkaError } from '../errors.ts'
import type { LogConfig, PartitionLog } from '../log/types.ts'
import type { Acl, AclChange, StoredAcl } from '../security/acl/acl.ts'
import type { AclFilter } from '../security/acl/acl-filter.ts'
import type { BrokerSettingName, BrokerValues, ListenerSettings } from '../settings.ts'
import type { RaftVoter } from '../wire/control-records.ts'
import type { FeatureUpdate } from './feature-updates.ts'
import type { ClientQuota } from './image/client-quotas-image.ts'
import type { configResourceTypes } from './image/configurations-image.ts'
import type { ScramCredential } from './image/credentials-image.ts'
import type { PartitionState } from './image/partition-state.ts'
import type { QuotaAlteration, QuotaOutcome } from './quota-changes.ts'
import type { ScramDeletion, ScramOutcome, ScramUpsertion } from './scram-changes.ts'
import type { DelegationTokens } from './token-changes.ts'

export type { PartitionState }

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

/** What a client may still create and delete. */
export interface PartitionQuota {
  /** Before that many partitions are created or deleted. Throws THROTTLING_QUOTA_EXCEEDED. */
  record(partitions: number): void
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

export interface ConfigResource {
  readonly type: keyof typeof configResourceTypes
  readonly name: string
}
/** Kafka's AlterConfigOp: 0 set, 1 delete, 2 append, 3 subtract. */
export interface ConfigChange {
  name: string
  operation: number
  value: string | null
}

export interface NewPartitions {
  name: string
  /** Of the topic afterwards. */
  count: number
  assignments?: readonly (readonly number[])[] | null
}

export interface ConfigChanges {
  resource: ConfigResource
  changes: readonly ConfigChange[]
}

/** The configs that a resource has afterwards; it has no others. */
export interface ConfigReplacement {
  resource: ConfigResource
  changes: readonly { name: string; value: string | null }[]
}

export type PrepareProperties = (properties: Readonly<Record<string, string>>) => () => void

export interface Reassignment {
  readonly topic: string
  readonly partition: number
  /** Null cancels the reassignment in progress. */
  readonly replicas: readonly number[] | null
}

/** Why each partition has the leader that it had before. */
export type ElectionResults = { topic: string; partitions: { partition: number; error: KafkaError }[] }[]

/** The features of the cluster, for ApiVersions. */
export interface ClusterFeatures {
  readonly supported: readonly { readonly name: string; readonly minVersion: number; readonly maxVersion: number }[]
  /** Those at a level above 0. */
  readonly finalized: readonly { readonly name: string; readonly level: number }[]
  /** The offset of the metadata log that this is true at. */
  readonly finalizedEpoch: number
}

/** The quorum of the metadata log: this node is the only voter, and leads. */
export interface Quorum {
  readonly leaderEpoch: number
  readonly highWatermark: number
  readonly logEndOffset: number
  readonly voter: RaftVoter
}

/** Who may do what. The methods throw KafkaError, and a change is durable and in effect when it resolves. */
export interface AccessControlEntries {
  all(): Iterable<StoredAcl>
  /** There is one listener: the authorizer. */
  onChanged(listener: (change: AclChange) => void): void
  describe(filter: AclFilter): readonly StoredAcl[]
  /** The outcome of each entry. One that exists is created already. */
  create(acls: readonly Acl[]): Promise<readonly (KafkaError | null)[]>
  /** What each filter has deleted. */
  delete(filters: readonly AclFilter[]): Promise<readonly (readonly StoredAcl[] | KafkaError)[]>
}

/**
 * All methods throw KafkaError. Changes are durable when they resolve. Those of a list are one batch of the metadata log; one that is
 * invalid has its error at its place, and the others happen.
 */
export interface Cluster {
  readonly clusterId: string
  /** Of this incarnation of the broker. */
  readonly brokerEpoch: number
  topic(name: string): Topic | undefined
  topicById(id: string): Topic | undefined
  topics(): Iterable<Topic>
  /** True for a valid topic name. */
  isTopicName(name: string): boolean
  /** Throws INVALID_TOPIC_EXCEPTION, with the reason. */
  checkTopicName(name: string): void
  /** True for the name of an internal topic, also before it exists. */
  isInternalTopic(name: string): boolean
  partitionState(topic: Topic, partition: number): PartitionState
  logConfig(topic: Topic): LogConfig
  /** The level of a feature of the cluster, 0 where it is not finalized. */
  finalizedFeature(name: string): number
  features(): ClusterFeatures
  /** The current value of a broker setting, dynamic changes included. */
  brokerValue<N extends BrokerSettingName>(name: N): BrokerValues[N]
  /** Throws POLICY_VIOLATION where one request may not create so many partitions. */
  checkPartitionCount(topics: readonly NewTopic[]): void
  createTopic(topic: NewTopic, options?: { validateOnly?: boolean }): Promise<Topic>
  createTopics(topics: readonly NewTopic[], options?: { validateOnly?: boolean; quota?: PartitionQuota }): Promise<(Topic | KafkaError)[]>
  /** Creates the topic if it does not exist, for Metadata and FindCoordinator. Concurrent calls share one creation. */
  ensureTopic(name: string, partitions?: number, configs?: Record<string, string>, quota?: PartitionQuota): Promise<Topic>
  deleteTopic(name: string): Promise<void>
  deleteTopics(names: readonly string[], quota?: PartitionQuota): Promise<(KafkaError | null)[]>
  /** Calls `listener` when a topic and its logs are deleted. Returns a function that unsubscribes it. */
  onTopicDeleted(listener: (topic: Topic, logs: readonly PartitionLog[]) => void): () => void
  createPartitions(name: string, count: number, validateOnly: boolean, assignments?: readonly (readonly number[])[] | null): Promise<Topic>
  createPartitionsOf(topics: readonly NewPartitions[], validateOnly: boolean, quota?: PartitionQuota): Promise<(Topic | KafkaError)[]>
  describeConfigs(resource: ConfigResource, names: readonly string[] | null): ConfigEntry[]
  /** The levels of the loggers of broker `name`, which only that broker knows. */
  describeLoggers(name: string, names: readonly string[] | null): ConfigEntry[]
  /** Throws INVALID_REQUEST for a config that is named twice, and for one without the value that it needs. */
  checkConfigChanges(changes: readonly ConfigChange[]): void
  /** All of the changes, or none. They last until the process ends. */
  alterLoggers(name: string, changes: readonly ConfigChange[], validateOnly: boolean): void
  /** All configs of a new topic, for the CreateTopics response. */
  describeNewTopic(topic: Topic): ConfigEntry[]
  alterConfigs(resource: ConfigResource, changes: readonly ConfigChange[], validateOnly: boolean): Promise<void>
  alterConfigsOf(resources: readonly ConfigChanges[], validateOnly: boolean): Promise<(KafkaError | null)[]>
  replaceConfigsOf(resources: readonly ConfigReplacement[], validateOnly: boolean): Promise<(KafkaError | null)[]>
  /** Null for all partitions. Throws INVALID_REQUEST for an unknown type. */
  electLeaders(electionType: number, asked: readonly { topic: string; partitions: readonly number[] }[] | null): ElectionResults
  alterReassignments(reassignments: readonly Reassignment[], allowReplicationFactorChange: boolean): Promise<(KafkaError | null)[]>
  /** A producer id that was never allocated before, not even before a crash. */
  nextProducerId(): Promise<number>
  /** Throws INVALID_UPDATE_VERSION; nothing has changed then. */
  updateFeatures(updates: readonly FeatureUpdate[], validateOnly: boolean): Promise<void>
  quorum(): Quorum
  clientQuotas(): Iterable<ClientQuota>
  /** The outcome of each entity that is named. */
  alterClientQuotas(alterations: readonly QuotaAlteration[], validateOnly: boolean): Promise<QuotaOutcome[]>
  /** Runs `task` after each change of `clientQuotas()`. Returns a function that unsubscribes it. */
  onClientQuotasChanged(task: () => void): () => void
  scramCredentials(): Iterable<ScramCredential>
  /** `mechanism` is 1 for SCRAM-SHA-256, 2 for SCRAM-SHA-512. */
  scramCredential(mechanism: number, user: string): ScramCredential | undefined
  /** The outcome of each user that is named. */
  alterScramCredentials(deletions: readonly ScramDeletion[], upsertions: readonly ScramUpsertion[]): Promise<ScramOutcome[]>
  readonly acls: AccessControlEntries
  readonly delegationTokens: DelegationTokens
  /** The properties of the file, with those that were altered. */
  brokerProperties(): Readonly<Record<string, string>>
  /**
   * `prepare` gets what the properties of this broker would become: it throws KafkaError where they are not possible, or returns what puts
   * them into effect.
   */
  onBrokerProperties(prepare: PrepareProperties): void
  configResources(resourceType: number): Iterable<string>
  /** The ports of the listeners are known now: the registration of the broker names them. */
  listening(listeners: readonly ListenerSettings[]): Promise<void>
  /** After the last change: tells a controller that starts on this folder that the broker has stopped. */
  close(): Promise<void>
}
