/**
 * The metadata of this one-node cluster: each change is validated, appended to the metadata log, then applied to the image and the logs,
 * one change at a time. It is durable when its method resolves (Invariant 1). The metadata log comes first: a crash before the folders are
 * created lets the next start create them, and leaves no folder without a topic.
 */
import { invariant, KafkaError } from '../errors.ts'
import type { LogConfig, Logs, PartitionLog } from '../log/types.ts'
import type { BrokerSettingName, BrokerSettings, BrokerValues } from '../settings.ts'
import type { System } from '../system/index.ts'
import { Semaphore } from '../system/semaphore.ts'
import { SerialQueue } from '../system/serial-queue.ts'
import { Configs } from './configs.ts'
import { isInternal, MetadataImage, type MetadataRecord } from './metadata-image.ts'
import { METADATA_TOPIC, MetadataLog } from './metadata-log.ts'
import {
  checkPartitionCount,
  checkPartitions,
  checkReplicas,
  checkTopicName,
  isTopicName,
  MAX_PARTITIONS_PER_REQUEST,
} from './topic-validation.ts'
import type { Cluster, ConfigChange, ConfigEntry, ConfigResource, FeatureName, NewTopic, Topic } from './types.ts'

/** The size of a block of producer ids, as in Kafka. */
const PRODUCER_ID_BLOCK = 1000
/** The most logs that are opened or removed at a time. */
const MAX_CONCURRENT_LOGS = 16

/** The levels of a new cluster of Kafka 4.3. */
const finalizedFeatures: Readonly<Record<FeatureName, number>> = { 'metadata.version': 30, 'transaction.version': 2 }

export interface ClusterOptions {
  settings: BrokerSettings
  logs: Logs
  system: System
}

/** Loads the metadata log and opens the logs of all partitions. */
export async function openCluster({ settings, logs, system }: ClusterOptions): Promise<Cluster> {
  const image = new MetadataImage()
  const metadataLog = await MetadataLog.open(logs, system.clock, image)
  const cluster = new LocalCluster(settings, logs, system, image, metadataLog)
  cluster.logInvalidConfigs()
  await cluster.openLogs()
  cluster.configureLogs()
  logs.renameStrays()
  await metadataLog.snapshotIfLarge(image)
  return cluster
}

class LocalCluster implements Cluster {
  readonly #settings: BrokerSettings
  readonly #logs: Logs
  readonly #system: System
  readonly #image: MetadataImage
  readonly #metadataLog: MetadataLog
  readonly #configs: Configs
  readonly #creating = new Map<string, Promise<Topic>>()
  readonly #deletionListeners = new Set<(topic: Topic, logs: readonly PartitionLog[]) => void>()
  #nextProducerId: number
  readonly #changes = new SerialQueue()

  constructor(settings: BrokerSettings, logs: Logs, system: System, image: MetadataImage, metadataLog: MetadataLog) {
    this.#settings = settings
    this.#logs = logs
    this.#system = system
    this.#image = image
    this.#metadataLog = metadataLog
    this.#configs = new Configs(settings, image)
    this.#nextProducerId = image.producerIdsEnd
  }

  get clusterId(): string {
    return this.#logs.clusterId
  }

  topic(name: string): Topic | undefined {
    return this.#image.topic(name)
  }

  topicById(id: string): Topic | undefined {
    return this.#image.topicById(id)
  }

  topics(): Iterable<Topic> {
    return this.#image.topics()
  }

  finalizedFeature(name: FeatureName): number {
    return finalizedFeatures[name]
  }

  isTopicName(name: string): boolean {
    return isTopicName(name)
  }

  logConfig(topic: Topic): LogConfig {
    return this.#configs.logConfig(topic.configs)
  }

  brokerValue<N extends BrokerSettingName>(name: N): BrokerValues[N] {
    return this.#configs.brokerValue(name)
  }

  describeConfigs(resource: ConfigResource, names: readonly string[] | null): ConfigEntry[] {
    if (resource.type === 'topic') {
      checkTopicName(resource.name)
      return this.#configs.describeTopic(this.#existing(resource.name), names)
    }
    this.#checkBroker(resource.name, 'Broker id', ' or empty string')
    return this.#configs.describeBroker(resource.name, names)
  }

  describeNewTopic(topic: Topic): ConfigEntry[] {
    return this.#configs.describeTopic(topic, null)
  }

  onTopicDeleted(listener: (topic: Topic, logs: readonly PartitionLog[]) => void): () => void {
    this.#deletionListeners.add(listener)
    return () => this.#deletionListeners.delete(listener)
  }

  checkPartitionCount(topics: readonly NewTopic[]): void {
    checkPartitionCount(topics, this.#settings.values['num.partitions'])
  }

  createTopic(topic: NewTopic, options: { validateOnly?: boolean } = {}): Promise<Topic> {
    return this.#changes.run(() => this.#create(topic, options.validateOnly ?? false))
  }

  async ensureTopic(name: string, partitions = -1, configs: Record<string, string> = {}): Promise<Topic> {
    const existing = this.#image.topic(name)
    if (existing) return existing
    const inProgress = this.#creating.get(name)
    if (inProgress) return inProgress
    const replicationFactor = isInternal(name) ? 1 : -1
    const creation = this.#changes.run(
      async () => this.#image.topic(name) ?? (await this.#create({ name, partitions, replicationFactor, configs }, false)),
    )
    this.#creating.set(name, creation)
    try {
      return await creation
    } finally {
      this.#creating.delete(name)
    }
  }

  deleteTopic(name: string): Promise<void> {
    return this.#changes.run(async () => {
      const topic = this.#existing(name)
      if (!this.#settings.values['delete.topic.enable']) throw new KafkaError('TOPIC_DELETION_DISABLED', 'Topic deletion is disabled.')
      await this.#append({ type: 'topicDeleted', id: topic.id })
      const logs: PartitionLog[] = []
      for (let partition = 0; partition < topic.partitions; partition++) {
        const log = this.#logs.get(name, partition)
        if (log) logs.push(log)
      }
      await this.#forEachPartition(topic, 0, topic.partitions, (partition) => this.#logs.remove(name, partition))
      for (const listener of this.#deletionListeners) listener(topic, logs)
      this.#system.logger.info({ topic: name, topicId: topic.id }, 'topic deleted')
    })
  }

  createPartitions(
    name: string,
    count: number,
    validateOnly: boolean,
    assignments: readonly (readonly number[])[] | null = null,
  ): Promise<Topic> {
    return this.#changes.run(async () => {
      const topic = this.#image.topic(name)
      if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
      if (count === topic.partitions) throw new KafkaError('INVALID_PARTITIONS', `Topic already has ${count} partition(s).`)
      if (count < topic.partitions)
        throw new KafkaError(
          'INVALID_PARTITIONS',
          `The topic ${name} currently has ${topic.partitions} partition(s); ${count} would not be an increase.`,
        )
      if (count - topic.partitions > MAX_PARTITIONS_PER_REQUEST)
        throw new KafkaError('POLICY_VIOLATION', 'Excessively large number of partitions per request.')
      if (assignments) {
        const added = count - topic.partitions
        if (assignments.length !== added)
          throw new KafkaError(
            'INVALID_REPLICA_ASSIGNMENT',
            `Attempted to add ${added} additional partition(s), but only ${assignments.length} assignment(s) were specified.`,
          )
        for (const brokerIds of assignments) checkReplicas(brokerIds, this.#settings.nodeId)
      }
      if (validateOnly) return { ...topic, partitions: count }
      await this.#metadataLog.append([{ type: 'partitions', id: topic.id, partitions: count }])
      const extended = { ...topic, partitions: count }
      await this.#openOrRevert(extended, topic.partitions, { type: 'partitions', id: topic.id, partitions: topic.partitions })
      this.#image.apply({ type: 'partitions', id: topic.id, partitions: count })
      return extended
    })
  }

  alterConfigs(resource: ConfigResource, changes: readonly ConfigChange[], validateOnly: boolean): Promise<void> {
    return this.#changes.run(async () => {
      if (resource.type === 'topic') {
        if (resource.name === '') throw new KafkaError('INVALID_REQUEST', 'Default topic resources are not allowed.')
        checkTopicName(resource.name)
        const topic = this.#image.topic(resource.name)
        if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${resource.name}' does not exist.`)
        const configs = this.#configs.alterTopic(topic, changes)
        if (validateOnly) return
        await this.#append({ type: 'topicConfigs', id: topic.id, configs })
        this.#configure(this.#existing(resource.name))
        return
      }
      this.#checkBroker(resource.name, 'Node id', '')
      const configs = this.#configs.alterBroker(resource.name, changes)
      if (validateOnly) return
      await this.#append({ type: 'brokerConfigs', broker: resource.name, configs })
      for (const topic of this.#image.topics()) this.#configure(topic)
      this.configureLogs()
    })
  }

  async nextProducerId(): Promise<number> {
    while (this.#nextProducerId >= this.#image.producerIdsEnd) {
      await this.#changes.run(async () => {
        if (this.#nextProducerId < this.#image.producerIdsEnd) return
        await this.#append({ type: 'producerIds', end: this.#image.producerIdsEnd + PRODUCER_ID_BLOCK })
      })
    }
    return this.#nextProducerId++
  }

  logInvalidConfigs(): void {
    for (const { topic, broker, ...details } of this.#configs.invalidConfigs()) {
      const resource = topic !== null ? { topic } : { broker: broker === '' ? 'default' : broker }
      this.#system.logger.warn({ ...resource, ...details }, 'a stored config is invalid and ignored: alter or delete it with kafka-configs')
    }
  }

  async openLogs(): Promise<void> {
    for (const topic of this.#image.topics()) await this.#open(topic, 0)
  }

  /** Applies the broker settings that all logs share. */
  configureLogs(): void {
    this.#logs.producerIdExpirationMs = this.#configs.brokerValue('producer.id.expiration.ms')
  }

  async #create(topic: NewTopic, validateOnly: boolean): Promise<Topic> {
    const { name } = topic
    if (name === METADATA_TOPIC) throw new KafkaError('INVALID_REQUEST', `Creation of internal topic ${name} is prohibited.`)
    checkTopicName(name)
    if (this.#image.topic(name)) throw new KafkaError('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
    const collision = this.#image.collidingTopic(name)
    if (collision) throw new KafkaError('INVALID_TOPIC_EXCEPTION', `Topic '${name}' collides with existing topic: ${collision}`)
    const configs = this.#configs.validateTopic(topic.configs ?? {})
    this.checkPartitionCount([topic])
    const { values, nodeId } = this.#settings
    const partitions = checkPartitions(topic, nodeId, {
      partitions: values['num.partitions'],
      replicationFactor: values['default.replication.factor'],
    })
    const created: Topic = { name, id: this.#system.random.uuid(), partitions, internal: isInternal(name), configs }
    if (validateOnly) return created
    await this.#metadataLog.append([{ type: 'topic', name, id: created.id, partitions, configs }])
    await this.#openOrRevert(created, 0, { type: 'topicDeleted', id: created.id })
    this.#image.apply({ type: 'topic', name, id: created.id, partitions, configs })
    this.#system.logger.info({ topic: name, topicId: created.id, partitions, configs }, 'topic created')
    return created
  }

  #open(topic: Topic, from: number): Promise<void> {
    const config = this.#configs.logConfig(topic.configs)
    return this.#forEachPartition(topic, from, topic.partitions, async (partition) => {
      await this.#logs.open(topic.name, topic.id, partition, config)
    })
  }

  /** Opens the logs of partitions that are in the metadata log already. If one cannot be opened, all are removed and `undo` is appended. */
  async #openOrRevert(topic: Topic, from: number, undo: MetadataRecord): Promise<void> {
    try {
      await this.#open(topic, from)
    } catch (cause) {
      await this.#forEachPartition(topic, from, topic.partitions, (partition) => this.#logs.remove(topic.name, partition))
      await this.#metadataLog.revert(undo)
      throw new KafkaError('KAFKA_STORAGE_ERROR', `The folders of topic '${topic.name}' could not be created.`, { cause })
    }
  }

  async #forEachPartition(topic: Topic, from: number, to: number, task: (partition: number) => Promise<void>): Promise<void> {
    invariant(from <= to, `partitions ${from} to ${to} of ${topic.name}`)
    const semaphore = new Semaphore(MAX_CONCURRENT_LOGS)
    let hasFailed = false
    const run = async (partition: number) => {
      if (hasFailed) return
      try {
        await task(partition)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
    const all = Array.from({ length: to - from }, (_, index) => semaphore.run(() => run(from + index)))
    const failed = (await Promise.allSettled(all)).find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }

  #configure(topic: Topic): void {
    const config = this.#configs.logConfig(topic.configs)
    for (let partition = 0; partition < topic.partitions; partition++) this.#logs.get(topic.name, partition)?.configure(config)
  }

  async #append(record: MetadataRecord): Promise<void> {
    await this.#metadataLog.append([record])
    this.#image.apply(record)
  }

  #existing(name: string): Topic {
    const topic = this.#image.topic(name)
    if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.')
    return topic
  }

  #checkBroker(name: string, idName: string, alternative: string): void {
    if (name === '') return
    if (!/^-?\d+$/.test(name)) throw new KafkaError('INVALID_REQUEST', `${idName} must be an integer, but it is: ${name}`)
    if (Number(name) !== this.#settings.nodeId)
      throw new KafkaError('INVALID_REQUEST', `Unexpected broker id, expected ${this.#settings.nodeId}${alternative}, but received ${name}`)
  }
}
