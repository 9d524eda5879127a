/**
 * The metadata of this one-node cluster for the rest of the broker: reads come from the image; each change is validated, becomes one batch of
 * the metadata log, and is durable when its method resolves (Invariant 1). New logs are opened before the batch: if a folder cannot be
 * created nothing has happened, and after a crash the next start sets the folders aside.
 */
import { invariant, KafkaError } from '../errors.ts'
import type { LogConfig, Logs, PartitionLog } from '../log/types.ts'
import type { BrokerSettingName, BrokerSettings, BrokerValues, ListenerSettings } from '../settings.ts'
import type { System } from '../system/index.ts'
import { brokerRegistration, fenceRecords } from './activation.ts'
import { Configs } from './configs.ts'
import type { Controller } from './controller.ts'
import { type FeatureUpdate, featureUpdateRecords } from './feature-updates.ts'
import { KRAFT_VERSION, supportedFeatures } from './features.ts'
import type { ClientQuota } from './image/client-quotas-image.ts'
import type { ScramCredential } from './image/credentials-image.ts'
import type { MetadataImage } from './image/metadata-image.ts'
import { isInternal } from './image/topics-image.ts'
import { METADATA_TOPIC } from './metadata-log.ts'
import { PartitionLogs } from './partition-logs.ts'
import { type ActiveBroker, activate } from './takeover.ts'
import { configChangeRecords, newPartitionRecords, newTopicRecords } from './topic-records.ts'
import { checkNewPartitions, checkPartitionCount, checkPartitions, checkTopicName, collisionKey, isTopicName } from './topic-validation.ts'
import type {
  Cluster,
  ClusterFeatures,
  ConfigChange,
  ConfigChanges,
  ConfigEntry,
  ConfigResource,
  NewPartitions,
  NewTopic,
  PartitionState,
  Quorum,
  Topic,
} from './types.ts'

/** The size of a block of producer ids, as in Kafka. */
const PRODUCER_ID_BLOCK = 1000

export interface ClusterOptions {
  settings: BrokerSettings
  logs: Logs
  system: System
}

/** Loads the metadata log, becomes the controller, and opens the logs of all partitions. */
export async function openCluster({ settings, logs, system }: ClusterOptions): Promise<Cluster> {
  const active = await activate(settings, logs, system)
  const cluster = new LocalCluster(settings, logs, system, active)
  cluster.logInvalidConfigs()
  await cluster.openLogs()
  cluster.configureLogs()
  logs.renameStrays()
  active.controller.start()
  return cluster
}

type Outcome<T> = T | KafkaError
type DeletionListener = (topic: Topic, logs: readonly PartitionLog[]) => void

class LocalCluster implements Cluster {
  readonly brokerEpoch: number
  readonly #settings: BrokerSettings
  readonly #logs: Logs
  readonly #system: System
  readonly #controller: Controller
  readonly #active: ActiveBroker
  readonly #configs: Configs
  readonly #partitionLogs: PartitionLogs
  readonly #creating = new Map<string, Promise<Topic>>()
  readonly #deletionListeners = new Set<DeletionListener>()
  /** The block of producer ids: the next one, and its end. */
  #nextProducerId = 0
  #producerIdsEnd = 0

  constructor(settings: BrokerSettings, logs: Logs, system: System, active: ActiveBroker) {
    this.#settings = settings
    this.#logs = logs
    this.#system = system
    this.#active = active
    this.#controller = active.controller
    this.brokerEpoch = active.brokerEpoch
    this.#configs = new Configs(settings, this.#image)
    this.#partitionLogs = new PartitionLogs(logs, (topic) => this.logConfig(topic))
  }

  get clusterId(): string {
    return this.#logs.clusterId
  }

  get #image(): MetadataImage {
    return this.#controller.image
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

  isTopicName(name: string): boolean {
    return isTopicName(name)
  }

  partitionState(topic: Topic, partition: number): PartitionState {
    const state = this.#image.partitionState(topic.name, partition)
    invariant(state, `partition ${partition} of ${topic.name}`)
    return state
  }

  logConfig(topic: Topic): LogConfig {
    return this.#configs.logConfig(topic.configs)
  }

  finalizedFeature(name: string): number {
    return name === KRAFT_VERSION ? this.#controller.kraftVersion : (this.#image.features.get(name) ?? 0)
  }

  features(): ClusterFeatures {
    const levels = new Map([...this.#image.features, [KRAFT_VERSION, this.#controller.kraftVersion] as const])
    const finalized = [...levels].filter(([, level]) => level > 0).map(([name, level]) => ({ name, level }))
    return { supported: supportedFeatures, finalized, finalizedEpoch: this.#controller.lastOffset }
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

  onTopicDeleted(listener: DeletionListener): () => void {
    this.#deletionListeners.add(listener)
    return () => this.#deletionListeners.delete(listener)
  }

  checkPartitionCount(topics: readonly NewTopic[]): void {
    checkPartitionCount(topics, this.#settings.values['num.partitions'])
  }

  async createTopic(topic: NewTopic, options: { validateOnly?: boolean } = {}): Promise<Topic> {
    return only(await this.createTopics([topic], options))
  }

  createTopics(topics: readonly NewTopic[], { validateOnly = false }: { validateOnly?: boolean } = {}): Promise<Outcome<Topic>[]> {
    return this.#controller.run(() => this.#create(topics, validateOnly))
  }

  async ensureTopic(name: string, partitions = -1, configs: Record<string, string> = {}): Promise<Topic> {
    const existing = this.#image.topic(name)
    if (existing) return existing
    const inProgress = this.#creating.get(name)
    if (inProgress) return inProgress
    const replicationFactor = isInternal(name) ? 1 : -1
    const creation = this.#controller.run(
      async () => this.#image.topic(name) ?? only(await this.#create([{ name, partitions, replicationFactor, configs }], false)),
    )
    this.#creating.set(name, creation)
    try {
      return await creation
    } finally {
      this.#creating.delete(name)
    }
  }

  async deleteTopic(name: string): Promise<void> {
    only(await this.deleteTopics([name]))
  }

  deleteTopics(names: readonly string[]): Promise<Outcome<null>[]> {
    return this.#controller.run(async () => {
      const outcomes = names.map((name, index) =>
        outcomeOf(() => {
          const topic = this.#existing(name)
          invariant(names.indexOf(name) === index, `topic ${name} is deleted twice`)
          if (!this.#settings.values['delete.topic.enable']) throw new KafkaError('TOPIC_DELETION_DISABLED', 'Topic deletion is disabled.')
          return topic
        }),
      )
      const topics = outcomes.filter(isDone)
      await this.#controller.write(topics.map(({ id: topicId }) => ({ type: 'RemoveTopicRecord', topicId })))
      for (const topic of topics) {
        const logs = await this.#partitionLogs.remove(topic)
        for (const listener of this.#deletionListeners) listener(topic, logs)
        this.#system.logger.info({ topic: topic.name, topicId: topic.id }, 'topic deleted')
      }
      return outcomes.map((outcome) => (isDone(outcome) ? null : outcome))
    })
  }

  async createPartitions(
    name: string,
    count: number,
    validateOnly: boolean,
    assignments: readonly (readonly number[])[] | null = null,
  ): Promise<Topic> {
    return only(await this.createPartitionsOf([{ name, count, assignments }], validateOnly))
  }

  createPartitionsOf(topics: readonly NewPartitions[], validateOnly: boolean): Promise<Outcome<Topic>[]> {
    return this.#controller.run(async () => {
      const outcomes = topics.map((extension) =>
        outcomeOf(() => {
          const topic = this.#image.topic(extension.name)
          if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
          invariant(topics.filter(({ name }) => name === topic.name).length === 1, `topic ${topic.name} is extended twice`)
          checkNewPartitions(topic, extension, this.#settings.nodeId)
          return { ...topic, partitions: extension.count }
        }),
      )
      if (validateOnly) return outcomes
      return this.#addPartitions(outcomes, (topic) => this.#image.topic(topic.name)!.partitions)
    })
  }

  async alterConfigs(resource: ConfigResource, changes: readonly ConfigChange[], validateOnly: boolean): Promise<void> {
    only(await this.alterConfigsOf([{ resource, changes }], validateOnly))
  }

  alterConfigsOf(resources: readonly ConfigChanges[], validateOnly: boolean): Promise<Outcome<null>[]> {
    return this.#controller.run(async () => {
      const outcomes = resources.map(({ resource, changes }) => outcomeOf(() => this.#configRecords(resource, changes)))
      if (!validateOnly) {
        await this.#controller.write(outcomes.filter(isDone).flat())
        const done = resources.filter((_, index) => isDone(outcomes[index]!)).map(({ resource }) => resource)
        const concernsBroker = done.some(({ type }) => type === 'broker')
        if (concernsBroker) for (const topic of this.#image.topics()) this.#partitionLogs.configure(topic)
        else for (const { name } of done) this.#partitionLogs.configure(this.#existing(name))
        if (concernsBroker) this.configureLogs()
      }
      return outcomes.map((outcome) => (isDone(outcome) ? null : outcome))
    })
  }

  async nextProducerId(): Promise<number> {
    while (this.#nextProducerId >= this.#producerIdsEnd) {
      await this.#controller.run(async () => {
        if (this.#nextProducerId < this.#producerIdsEnd) return
        const first = Math.max(0, this.#image.nextProducerId)
        const nextProducerId = first + PRODUCER_ID_BLOCK
        const { nodeId: brokerId } = this.#settings
        await this.#controller.write([{ type: 'ProducerIdsRecord', brokerId, brokerEpoch: this.brokerEpoch, nextProducerId }])
        this.#nextProducerId = first
        this.#producerIdsEnd = nextProducerId
      })
    }
    return this.#nextProducerId++
  }

  updateFeatures(updates: readonly FeatureUpdate[], validateOnly: boolean): Promise<void> {
    return this.#controller.run(async () => {
      const records = featureUpdateRecords(this.#settings.nodeId, this.#image.features, this.#controller.kraftVersion, updates)
      if (!validateOnly) await this.#controller.write(records)
    })
  }

  quorum(): Quorum {
    const { log, voter } = this.#controller
    return { leaderEpoch: log.epoch, highWatermark: log.highWatermark, logEndOffset: log.endOffset, voter }
  }

  clientQuotas(): Iterable<ClientQuota> {
    return this.#image.clientQuotas()
  }

  scramCredentials(): Iterable<ScramCredential> {
    return this.#image.scramCredentials()
  }

  configResources(resourceType: number): Iterable<string> {
    return this.#image.configResources(resourceType)
  }

  listening(listeners: readonly ListenerSettings[]): Promise<void> {
    return this.#controller.run(async () => {
      const { incarnation } = this.#active
      const isRegistered = incarnation.settings.listeners.every(
        (listener, index) => listener.advertisedPort === listeners[index]?.advertisedPort,
      )
      if (!isRegistered)
        await this.#controller.write([brokerRegistration({ ...incarnation, settings: { ...incarnation.settings, listeners } }, false)])
    })
  }

  close(): Promise<void> {
    return this.#controller.close(fenceRecords(this.#settings.nodeId, this.brokerEpoch, this.#controller.metadataVersion))
  }

  logInvalidConfigs(): void {
    for (const { topic, broker, ...details } of this.#configs.invalidConfigs()) {
      const resource = topic !== null ? { topic } : { broker: broker === '' ? 'default' : broker }
      this.#system.logger.warn({ ...resource, ...details }, 'a stored config is invalid and ignored: alter or delete it with kafka-configs')
    }
  }

  openLogs(): Promise<void> {
    return this.#active.openLogs(this.#partitionLogs)
  }

  /** Applies the broker settings that all logs share. */
  configureLogs(): void {
    this.#logs.producerIdExpirationMs = this.#configs.brokerValue('producer.id.expiration.ms')
    this.#logs.configureCleaner({
      enable: this.#configs.brokerValue('log.cleaner.enable'),
      threads: this.#configs.brokerValue('log.cleaner.threads'),
      dedupeBufferBytes: this.#configs.brokerValue('log.cleaner.dedupe.buffer.size'),
      loadFactor: this.#configs.brokerValue('log.cleaner.io.buffer.load.factor'),
      ioBufferBytes: this.#configs.brokerValue('log.cleaner.io.buffer.size'),
      ioBytesPerSecond: this.#configs.brokerValue('log.cleaner.io.max.bytes.per.second'),
      backoffMs: this.#configs.brokerValue('log.cleaner.backoff.ms'),
    })
  }

  async #create(topics: readonly NewTopic[], validateOnly: boolean): Promise<Outcome<Topic>[]> {
    const names = new Map<string, string>()
    const outcomes = topics.map((topic) =>
      outcomeOf(() => {
        const created = this.#validated(topic)
        const key = collisionKey(topic.name)
        const other = names.get(key)
        if (other !== undefined) throw collision(topic.name, other)
        names.set(key, topic.name)
        return created
      }),
    )
    return validateOnly ? outcomes : this.#addPartitions(outcomes, () => 0)
  }

  #validated(topic: NewTopic): Topic {
    const { name } = topic
    if (name === METADATA_TOPIC) throw new KafkaError('INVALID_REQUEST', `Creation of internal topic ${name} is prohibited.`)
    checkTopicName(name)
    if (this.#image.topic(name)) throw new KafkaError('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
    const other = this.#image.collidingTopic(name)
    if (other) throw collision(name, other)
    const configs = this.#configs.validateTopic(topic.configs ?? {})
    this.checkPartitionCount([topic])
    const { values, nodeId } = this.#settings
    const partitions = checkPartitions(topic, nodeId, {
      partitions: values['num.partitions'],
      replicationFactor: values['default.replication.factor'],
    })
    return { name, id: this.#system.random.uuid(), partitions, internal: isInternal(name), configs }
  }

  /** Opens the logs of the partitions that are new in `topics`, then writes their records. A topic whose logs fail has its error. */
  async #addPartitions(topics: readonly Outcome<Topic>[], existing: (topic: Topic) => number): Promise<Outcome<Topic>[]> {
    const { nodeId } = this.#settings
    const { metadataVersion } = this.#controller
    const outcomes: Outcome<Topic>[] = []
    const added: { topic: Topic; from: number; directories: readonly string[] }[] = []
    for (const topic of topics) {
      if (!isDone(topic)) {
        outcomes.push(topic)
        continue
      }
      const from = existing(topic)
      const directories = this.#logs.directoriesForNew(topic.partitions - from)
      const error = await this.#openNew(topic, from, directories)
      outcomes.push(error ?? topic)
      if (error === null) added.push({ topic, from, directories })
    }
    const records = added.flatMap(({ topic, from, directories }) => {
      const placement = { nodeId, metadataVersion, directories }
      return from === 0 ? newTopicRecords(topic, placement) : newPartitionRecords(topic, from, placement)
    })
    try {
      await this.#controller.write(records)
    } catch (error) {
      for (const { topic, from } of added) await this.#partitionLogs.remove(topic, from)
      throw error
    }
    for (const { topic, from } of added) {
      const { name, id: topicId, partitions, configs } = topic
      this.#system.logger.info({ topic: name, topicId, partitions, configs }, from === 0 ? 'topic created' : 'partitions created')
    }
    return outcomes.map((outcome) => (isDone(outcome) ? this.#image.topicById(outcome.id)! : outcome))
  }

  /** Returns the error where a log cannot be opened; no log of the new partitions is there then. */
  async #openNew(topic: Topic, from: number, directories: readonly string[]): Promise<KafkaError | null> {
    try {
      await this.#partitionLogs.open(directories.map((directory, index) => ({ topic, partition: from + index, leaderEpoch: 0, directory })))
      return null
    } catch (cause) {
      await this.#partitionLogs.remove(topic, from)
      return new KafkaError('KAFKA_STORAGE_ERROR', `The folders of topic '${topic.name}' could not be created.`, { cause })
    }
  }

  #configRecords(resource: ConfigResource, changes: readonly ConfigChange[]) {
    if (resource.type === 'broker') {
      this.#checkBroker(resource.name, 'Node id', '')
      return configChangeRecords(resource, this.#image.brokerConfigs(resource.name), this.#configs.alterBroker(resource.name, changes))
    }
    if (resource.name === '') throw new KafkaError('INVALID_REQUEST', 'Default topic resources are not allowed.')
    checkTopicName(resource.name)
    const topic = this.#image.topic(resource.name)
    if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${resource.name}' does not exist.`)
    return configChangeRecords(resource, topic.configs, this.#configs.alterTopic(topic, changes))
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

const collision = (name: string, other: string) =>
  new KafkaError('INVALID_TOPIC_EXCEPTION', `Topic '${name}' collides with existing topic: ${other}`)

const isDone = <T>(outcome: Outcome<T>): outcome is T => !(outcome instanceof KafkaError)

function outcomeOf<T>(change: () => T): Outcome<T> {
  try {
    return change()
  } catch (error) {
    if (error instanceof KafkaError) return error
    throw error
  }
}

/** The result of a list with one change. */
function only<T>([outcome]: readonly Outcome<T>[]): T {
  if (!isDone(outcome as Outcome<T>)) throw outcome
  return outcome as T
}
