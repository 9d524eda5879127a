/**
 * The metadata of the cluster in memory, as the records of Kafka's metadata log define it: what this release does not use is kept as well.
 * `apply` takes records in the order of the log; those that open, end and abort a metadata transaction are for the reader of the log.
 * `toRecords` is the content of a snapshot, in Kafka's order. A record that does not fit throws DamagedMetadata. Pure.
 */
import type { Acl } from '../../security/acl/acl.ts'
import type { MetadataRecord } from '../../wire/metadata-records.ts'
import type { Topic } from '../types.ts'
import { type ClientQuota, ClientQuotasImage, type QuotaEntity } from './client-quotas-image.ts'
import { type BrokerRegistration, ClusterImage, type ControllerRegistration } from './cluster-image.ts'
import { type Configs, ConfigurationsImage, configResourceTypes } from './configurations-image.ts'
import { type AccessControlEntry, CredentialsImage, type DelegationToken, type ScramCredential } from './credentials-image.ts'
import { metadataCheck } from './damaged-metadata.ts'
import { FeaturesImage } from './features-image.ts'
import type { PartitionState } from './partition-state.ts'
import { TopicsImage } from './topics-image.ts'

export class MetadataImage {
  readonly #features = new FeaturesImage()
  readonly #cluster = new ClusterImage()
  readonly #configs = new ConfigurationsImage()
  readonly #topics = new TopicsImage((name) => this.#configs.configs(configResourceTypes.topic, name))
  readonly #quotas = new ClientQuotasImage()
  readonly #credentials = new CredentialsImage()
  #nextProducerId = -1

  /** The first producer id that no block holds; -1 where none was handed out. */
  get nextProducerId(): number {
    return this.#nextProducerId
  }

  /** The level of each finalized feature, metadata.version among them. */
  get features(): ReadonlyMap<string, number> {
    return this.#features.levels
  }

  get metadataVersion(): number {
    return this.#features.metadataVersion
  }

  get brokers(): ReadonlyMap<number, BrokerRegistration> {
    return this.#cluster.brokers
  }

  get controllers(): ReadonlyMap<number, ControllerRegistration> {
    return this.#cluster.controllers
  }

  get topicCount(): number {
    return this.#topics.topicCount
  }

  get partitionCount(): number {
    return this.#topics.partitionCount
  }

  topic(name: string): Topic | undefined {
    return this.#topics.topic(name)
  }

  topicById(id: string): Topic | undefined {
    return this.#topics.topicById(id)
  }

  topics(): Iterable<Topic> {
    return this.#topics.topics()
  }

  /** The name of an existing topic that `name` collides with. */
  collidingTopic(name: string): string | undefined {
    return this.#topics.collidingTopic(name)
  }

  partitionState(topic: string, partition: number): PartitionState | undefined {
    return this.#topics.partitionState(topic, partition)
  }

  /** By partition; empty for an unknown topic. */
  partitionStates(topic: string): readonly PartitionState[] {
    return this.#topics.partitionStates(topic)
  }

  /** The configs of a resource, as they were set; `resourceType` is one of `configResourceTypes`. */
  configs(resourceType: number, resourceName: string): Configs {
    return this.#configs.configs(resourceType, resourceName)
  }

  /** The resources of a type that have configs. */
  configResources(resourceType: number): Iterable<string> {
    return this.#configs.resourceNames(resourceType)
  }

  /** `broker` is a node id, or empty for the cluster-wide default. */
  brokerConfigs(broker: string): Configs {
    return this.#configs.configs(configResourceTypes.broker, broker)
  }

  quotasOf(entity: QuotaEntity): Readonly<Record<string, number>> {
    return this.#quotas.quotas(entity)
  }

  clientQuotas(): Iterable<ClientQuota> {
    return this.#quotas.entries()
  }

  scramCredentials(): Iterable<ScramCredential> {
    return this.#credentials.scramCredentials()
  }

  /** `mechanism` is 1 for SCRAM-SHA-256, 2 for SCRAM-SHA-512. */
  scramCredential(mechanism: number, user: string): ScramCredential | undefined {
    return this.#credentials.scramCredential(mechanism, user)
  }

  /** By id. */
  get accessControlEntries(): ReadonlyMap<string, AccessControlEntry> {
    return this.#credentials.accessControlEntries
  }

  /** The ids of the entries that say the same as `acl`. */
  aclIds(acl: Acl): readonly string[] {
    return this.#credentials.aclIds(acl)
  }

  /** By token id. */
  get delegationTokens(): ReadonlyMap<string, DelegationToken> {
    return this.#credentials.delegationTokens
  }

  apply(record: MetadataRecord): void {
    switch (record.type) {
      case 'PartitionRecord':
        this.#topics.setPartition(record)
        return
      case 'PartitionChangeRecord':
        this.#topics.changePartition(record)
        return
      case 'TopicRecord':
        this.#topics.addTopic(record)
        // The configs of a topic follow it. Earlier ones are those of a deleted topic: snapshots of Apache Kafka may still have them.
        this.#configs.remove(configResourceTypes.topic, record.name)
        return
      case 'RemoveTopicRecord':
        this.#configs.remove(configResourceTypes.topic, this.#topics.removeTopic(record))
        return
      case 'ClearElrRecord':
        this.#topics.clearElr(record)
        return
      case 'ConfigRecord':
        this.#configs.set(record)
        if (record.resourceType === configResourceTypes.topic) this.#topics.configsChanged(record.resourceName)
        return
      case 'FeatureLevelRecord':
        this.#features.set(record)
        return
      case 'ProducerIdsRecord':
        metadataCheck(
          record.nextProducerId >= this.#nextProducerId,
          `the next producer id goes back from ${this.#nextProducerId} to ${record.nextProducerId}`,
        )
        this.#nextProducerId = record.nextProducerId
        return
      case 'RegisterBrokerRecord':
        this.#cluster.registerBroker(record)
        return
      case 'UnregisterBrokerRecord':
        this.#cluster.unregisterBroker(record)
        return
      case 'FenceBrokerRecord':
        this.#cluster.setFenced(record, true)
        return
      case 'UnfenceBrokerRecord':
        this.#cluster.setFenced(record, false)
        return
      case 'BrokerRegistrationChangeRecord':
        this.#cluster.changeBroker(record)
        return
      case 'RegisterControllerRecord':
        this.#cluster.registerController(record)
        return
      case 'ClientQuotaRecord':
        this.#quotas.set(record)
        return
      case 'UserScramCredentialRecord':
        this.#credentials.setScram(record)
        return
      case 'RemoveUserScramCredentialRecord':
        this.#credentials.removeScram(record)
        return
      case 'AccessControlEntryRecord':
        this.#credentials.addAcl(record)
        return
      case 'RemoveAccessControlEntryRecord':
        this.#credentials.removeAcl(record)
        return
      case 'DelegationTokenRecord':
        this.#credentials.setToken(record)
        return
      case 'RemoveDelegationTokenRecord':
        this.#credentials.removeToken(record)
        return
      case 'NoOpRecord':
      case 'ZkMigrationStateRecord':
        return
      case 'BeginTransactionRecord':
      case 'EndTransactionRecord':
      case 'AbortTransactionRecord':
        throw new TypeError(`${record.type} is for the reader of the metadata log: what it brackets reaches the image whole or not at all`)
    }
  }

  /** The records that build this image. */
  *toRecords(): Iterable<MetadataRecord> {
    yield* this.#features.toRecords()
    yield* this.#cluster.toRecords()
    yield* this.#topics.toRecords(this.metadataVersion)
    yield* this.#configs.toRecords()
    yield* this.#quotas.toRecords()
    if (this.#nextProducerId >= 0) yield { type: 'ProducerIdsRecord', brokerId: -1, brokerEpoch: -1, nextProducerId: this.#nextProducerId }
    yield* this.#credentials.toRecords()
  }
}
