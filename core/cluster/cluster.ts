/**
 * The cluster of this node: asks the rules, writes the journal, then changes the image and the logs, one change at a time. What a method
 * promises is durable when it resolves (Invariant 1). The journal goes first: a crash between it and the folders leaves folders to be made at the
 * next start, never folders that nobody knows.
 */
import { invariant, KafkaError } from '../errors.ts'
import type { LogConfig, Logs, PartitionLog } from '../log/types.ts'
import type { BrokerSettingName, BrokerSettings, BrokerValues } from '../settings.ts'
import type { System } from '../system/index.ts'
import { Configs } from './configs.ts'
import { type ClusterEvent, ClusterImage, isInternal } from './metadata-image.ts'
import { Journal, METADATA_TOPIC } from './metadata-log.ts'
import { checkPartitionsTogether, checkReplicas, checkTopicName, isTopicName, PARTITION_LIMIT, partitionsOf } from './topic-validation.ts'
import type { Cluster, ConfigChange, ConfigEntry, ConfigResource, NewTopic, Topic } from './types.ts'

const ignore = () => {}

/** As many as Kafka's controller gives to a broker at a time. */
const PRODUCER_ID_BLOCK = 1000
/** Logs that are opened side by side. */
const OPEN_AT_ONCE = 16

export interface ClusterOptions {
  settings: BrokerSettings
  logs: Logs
  system: System
}

/** Reads the journal and opens the log of every partition that it names. */
export async function openCluster({ settings, logs, system }: ClusterOptions): Promise<Cluster> {
  const image = new ClusterImage()
  const journal = await Journal.open(logs, system.clock, image)
  const cluster = new LocalCluster(settings, logs, system, image, journal)
  await cluster.openLogs()
  cluster.configureLogs()
  logs.dropStrays()
  await journal.shorten(image)
  return cluster
}

class LocalCluster implements Cluster {
  readonly #settings: BrokerSettings
  readonly #logs: Logs
  readonly #system: System
  readonly #image: ClusterImage
  readonly #journal: Journal
  readonly #configs: Configs
  readonly #creating = new Map<string, Promise<Topic>>()
  readonly #deleted = new Set<(topic: Topic, logs: readonly PartitionLog[]) => void>()
  #nextProducerId: number
  #queue: Promise<unknown> = Promise.resolve()

  constructor(settings: BrokerSettings, logs: Logs, system: System, image: ClusterImage, journal: Journal) {
    this.#settings = settings
    this.#logs = logs
    this.#system = system
    this.#image = image
    this.#journal = journal
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
      return this.#configs.describeTopic(this.#known(resource.name), names)
    }
    this.#checkBroker(resource.name, 'Broker id', ' or empty string')
    return this.#configs.describeBroker(resource.name, names)
  }

  /** The configs that a topic with these overrides has: what CreateTopics answers. */
  describeNewTopic(topic: Topic): ConfigEntry[] {
    return this.#configs.describeTopic(topic, null)
  }

  onTopicDeleted(listener: (topic: Topic, logs: readonly PartitionLog[]) => void): () => void {
    this.#deleted.add(listener)
    return () => this.#deleted.delete(listener)
  }

  checkSize(topics: readonly NewTopic[]): void {
    checkPartitionsTogether(topics, this.#settings.values['num.partitions'])
  }

  createTopic(topic: NewTopic, options: { validateOnly?: boolean } = {}): Promise<Topic> {
    return this.#inTurn(() => this.#create(topic, options.validateOnly ?? false))
  }

  async ensureTopic(name: string, partitions = -1, configs: Record<string, string> = {}): Promise<Topic> {
    const there = this.#image.topic(name)
    if (there) return there
    const underWay = this.#creating.get(name)
    if (underWay) return underWay
    const replicationFactor = isInternal(name) ? 1 : -1
    const creation = this.#inTurn(
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
    return this.#inTurn(async () => {
      const topic = this.#known(name)
      if (!this.#settings.values['delete.topic.enable']) throw new KafkaError('TOPIC_DELETION_DISABLED', 'Topic deletion is disabled.')
      await this.#commit({ type: 'topicDeleted', id: topic.id })
      const logs: PartitionLog[] = []
      for (let partition = 0; partition < topic.partitions; partition++) {
        const log = this.#logs.get(name, partition)
        if (log) logs.push(log)
      }
      await this.#eachPartition(topic, 0, topic.partitions, (partition) => this.#logs.remove(name, partition))
      for (const listener of this.#deleted) listener(topic, logs)
      this.#system.logger.info({ topic: name, topicId: topic.id }, 'topic deleted')
    })
  }

  createPartitions(
    name: string,
    count: number,
    validateOnly: boolean,
    assignments: readonly (readonly number[])[] | null = null,
  ): Promise<Topic> {
    return this.#inTurn(async () => {
      const topic = this.#image.topic(name)
      if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
      if (count === topic.partitions) throw new KafkaError('INVALID_PARTITIONS', `Topic already has ${count} partition(s).`)
      if (count < topic.partitions)
        throw new KafkaError(
          'INVALID_PARTITIONS',
          `The topic ${name} currently has ${topic.partitions} partition(s); ${count} would not be an increase.`,
        )
      if (count - topic.partitions > PARTITION_LIMIT)
        throw new KafkaError('POLICY_VIOLATION', 'Excessively large number of partitions per request.')
      if (assignments) {
        const more = count - topic.partitions
        if (assignments.length !== more)
          throw new KafkaError(
            'INVALID_REPLICA_ASSIGNMENT',
            `Attempted to add ${more} additional partition(s), but only ${assignments.length} assignment(s) were specified.`,
          )
        for (const brokerIds of assignments) checkReplicas(brokerIds, this.#settings.nodeId)
      }
      if (validateOnly) return { ...topic, partitions: count }
      await this.#journal.append([{ type: 'partitions', id: topic.id, partitions: count }])
      const grown = { ...topic, partitions: count }
      await this.#openOr(grown, topic.partitions, { type: 'partitions', id: topic.id, partitions: topic.partitions })
      this.#image.apply({ type: 'partitions', id: topic.id, partitions: count })
      return grown
    })
  }

  alterConfigs(resource: ConfigResource, changes: readonly ConfigChange[], validateOnly: boolean): Promise<void> {
    return this.#inTurn(async () => {
      if (resource.type === 'topic') {
        if (resource.name === '') throw new KafkaError('INVALID_REQUEST', 'Default topic resources are not allowed.')
        checkTopicName(resource.name)
        const topic = this.#image.topic(resource.name)
        if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${resource.name}' does not exist.`)
        const configs = this.#configs.alterTopic(topic, changes)
        if (validateOnly) return
        await this.#commit({ type: 'topicConfigs', id: topic.id, configs })
        this.#configure(this.#known(resource.name))
        return
      }
      this.#checkBroker(resource.name, 'Node id', '')
      const configs = this.#configs.alterBroker(resource.name, changes)
      if (validateOnly) return
      await this.#commit({ type: 'brokerConfigs', broker: resource.name, configs })
      for (const topic of this.#image.topics()) this.#configure(topic)
      this.configureLogs()
    })
  }

  async nextProducerId(): Promise<number> {
    while (this.#nextProducerId >= this.#image.producerIdsEnd) {
      await this.#inTurn(async () => {
        if (this.#nextProducerId < this.#image.producerIdsEnd) return
        await this.#commit({ type: 'producerIds', end: this.#image.producerIdsEnd + PRODUCER_ID_BLOCK })
      })
    }
    return this.#nextProducerId++
  }

  async openLogs(): Promise<void> {
    for (const topic of this.#image.topics()) await this.#open(topic, 0)
  }

  /** What all logs go by, and no topic has of its own. */
  configureLogs(): void {
    this.#logs.producerIdExpirationMs = this.#configs.brokerValue('producer.id.expiration.ms')
  }

  async #create(topic: NewTopic, validateOnly: boolean): Promise<Topic> {
    const { name } = topic
    if (name === METADATA_TOPIC) throw new KafkaError('INVALID_REQUEST', `Creation of internal topic ${name} is prohibited.`)
    checkTopicName(name)
    if (this.#image.topic(name)) throw new KafkaError('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
    const collision = this.#image.collision(name)
    if (collision) throw new KafkaError('INVALID_TOPIC_EXCEPTION', `Topic '${name}' collides with existing topic: ${collision}`)
    const configs = this.#configs.checkTopic(topic.configs ?? {})
    this.checkSize([topic])
    const { values, nodeId } = this.#settings
    const partitions = partitionsOf(topic, nodeId, {
      partitions: values['num.partitions'],
      replicationFactor: values['default.replication.factor'],
    })
    const made: Topic = { name, id: this.#system.random.uuid(), partitions, internal: isInternal(name), configs }
    if (validateOnly) return made
    await this.#journal.append([{ type: 'topic', name, id: made.id, partitions, configs }])
    await this.#openOr(made, 0, { type: 'topicDeleted', id: made.id })
    this.#image.apply({ type: 'topic', name, id: made.id, partitions, configs })
    this.#system.logger.info({ topic: name, topicId: made.id, partitions, configs }, 'topic created')
    return made
  }

  #open(topic: Topic, from: number): Promise<void> {
    const config = this.#configs.logConfig(topic.configs)
    return this.#eachPartition(topic, from, topic.partitions, async (partition) => {
      await this.#logs.open(topic.name, topic.id, partition, config)
    })
  }

  /** Opens what the journal tells already. Where the disk refuses, nothing of it stays: no folder, and no word in the journal. */
  async #openOr(topic: Topic, from: number, undoing: ClusterEvent): Promise<void> {
    try {
      await this.#open(topic, from)
    } catch (cause) {
      await this.#eachPartition(topic, from, topic.partitions, (partition) => this.#logs.remove(topic.name, partition))
      await this.#journal.takeBack(undoing)
      throw new KafkaError('KAFKA_STORAGE_ERROR', `The folders of topic '${topic.name}' could not be made.`, { cause })
    }
  }

  async #eachPartition(topic: Topic, from: number, to: number, task: (partition: number) => Promise<void>): Promise<void> {
    invariant(from <= to, `partitions ${from} to ${to} of ${topic.name}`)
    let next = from
    const worker = async () => {
      try {
        while (next < to) await task(next++)
      } catch (error) {
        // the others end what they are at
        next = to
        throw error
      }
    }
    const ends = await Promise.allSettled(Array.from({ length: Math.min(OPEN_AT_ONCE, to - from) }, worker))
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed) throw failed.reason
  }

  #configure(topic: Topic): void {
    const config = this.#configs.logConfig(topic.configs)
    for (let partition = 0; partition < topic.partitions; partition++) this.#logs.get(topic.name, partition)?.configure(config)
  }

  async #commit(event: ClusterEvent): Promise<void> {
    await this.#journal.append([event])
    this.#image.apply(event)
  }

  #known(name: string): Topic {
    const topic = this.#image.topic(name)
    if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.')
    return topic
  }

  #checkBroker(name: string, what: string, orElse: string): void {
    if (name === '') return
    if (!/^-?\d+$/.test(name)) throw new KafkaError('INVALID_REQUEST', `${what} must be an integer, but it is: ${name}`)
    if (Number(name) !== this.#settings.nodeId)
      throw new KafkaError('INVALID_REQUEST', `Unexpected broker id, expected ${this.#settings.nodeId}${orElse}, but received ${name}`)
  }

  /** One change after the other: each sees what the one before has made. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(change)
    // A failed change is its caller's to hear of; the next one goes on.
    this.#queue = result.then(ignore, ignore)
    return result
  }
}
