/**
 * The metadata of this one-node cluster for the rest of the broker: reads come from the image; each change is validated, becomes one batch
 * of the metadata log, and is durable when its method resolves (Invariant 1).
 */
import { invariant, KafkaError } from '../errors.ts'
import type { LogConfig, Logs, PartitionLog } from '../log/types.ts'
import type { BrokerSettingName, BrokerSettings, BrokerValues, ListenerSettings } from '../settings.ts'
import type { System } from '../system/index.ts'
import type { NewMetadataRecord } from '../wire/metadata-records.ts'
import { AccessControlEntries } from './access-control-entries.ts'
import { brokerRegistration, fenceRecords } from './activation.ts'
import { alterLoggers, describeLoggers, type NodeLoggers } from './broker-loggers.ts'
import { type ChangeResult, isDone, only, outcomeOf } from './change-result.ts'
import { checkChanges, configOperations } from './config-entries.ts'
import { Configs } from './configs.ts'
import type { Controller } from './controller.ts'
import { ControlledTokens } from './delegation-tokens.ts'
import { type FeatureUpdate, featureUpdateRecords, upgradesQuorum } from './feature-updates.ts'
import { KRAFT_VERSION, since, supportedFeatures } from './features.ts'
import { alterClientMetrics, alterGroup, describeClientMetrics, describeGroup } from './group-configs.ts'
import type { ClientQuota } from './image/client-quotas-image.ts'
import { configResourceTypes } from './image/configurations-image.ts'
import type { ScramCredential } from './image/credentials-image.ts'
import type { MetadataImage } from './image/metadata-image.ts'
import { isInternal } from './image/topics-image.ts'
import { PartitionLogs } from './partition-logs.ts'
import { hostsOf, type QuotaAlteration, type QuotaOutcome, quotaChanges } from './quota-changes.ts'
import { ReplicaPlacement } from './replica-placement.ts'
import { resolvableHosts } from './resolvable-hosts.ts'
import { type ScramDeletion, type ScramOutcome, type ScramUpsertion, scramChanges } from './scram-changes.ts'
import { type ActiveBroker, activate } from './takeover.ts'
import { TopicChanges } from './topic-changes.ts'
import { configChangeRecords } from './topic-records.ts'
import { checkPartitionCount, checkTopicName, isTopicName } from './topic-validation.ts'
import type {
  Cluster,
  ClusterFeatures,
  ConfigChange,
  ConfigChanges,
  ConfigEntry,
  ConfigReplacement,
  ConfigResource,
  ElectionResults,
  NewPartitions,
  NewTopic,
  PartitionQuota,
  PartitionState,
  PrepareProperties,
  Quorum,
  Reassignment,
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
  cluster.delegationTokens.start()
  return cluster
}

class LocalCluster implements Cluster {
  readonly brokerEpoch: number
  readonly acls: AccessControlEntries
  readonly delegationTokens: ControlledTokens
  readonly #settings: BrokerSettings
  readonly #logs: Logs
  readonly #system: System
  readonly #controller: Controller
  readonly #active: ActiveBroker
  readonly #configs: Configs
  readonly #partitionLogs: PartitionLogs
  readonly #topics: TopicChanges
  readonly #placement: ReplicaPlacement
  readonly #creating = new Map<string, Promise<Topic>>()
  /** The block of producer ids: the next one, and its end. */
  #nextProducerId = 0
  #producerIdsEnd = 0
  #prepareProperties: PrepareProperties = () => () => {}
  readonly #quotaTasks = new Set<() => void>()

  constructor(settings: BrokerSettings, logs: Logs, system: System, active: ActiveBroker) {
    this.#settings = settings
    this.#logs = logs
    this.#system = system
    this.#active = active
    this.#controller = active.controller
    this.brokerEpoch = active.brokerEpoch
    this.acls = new AccessControlEntries(active.controller, system)
    this.#configs = new Configs(settings, this.#image)
    this.#partitionLogs = new PartitionLogs(logs, (topic) => this.logConfig(topic))
    const { controller } = active
    this.#placement = new ReplicaPlacement({ nodeId: settings.nodeId, controller, configs: this.#configs, logs })
    this.delegationTokens = new ControlledTokens(settings, controller, system)
    this.#topics = new TopicChanges({ settings, system, logs, controller, configs: this.#configs, partitionLogs: this.#partitionLogs })
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

  checkTopicName(name: string): void {
    checkTopicName(name)
  }

  isInternalTopic(name: string): boolean {
    return isInternal(name)
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
    const stored = this.#storedConfigs(resource)
    if (resource.type === 'group') return describeGroup(resource.name, stored, names, this.#configs)
    if (resource.type === 'clientMetrics') return describeClientMetrics(resource.name, stored, names)
    this.#checkBroker(resource.name, 'Broker id', ' or empty string')
    return this.#configs.describeBroker(resource.name, names)
  }

  get #loggers(): NodeLoggers {
    return { nodeId: this.#settings.nodeId, logger: this.#system.logger }
  }

  describeLoggers(name: string, names: readonly string[] | null): ConfigEntry[] {
    return describeLoggers(this.#loggers, name, names)
  }

  checkConfigChanges(changes: readonly ConfigChange[]): void {
    checkChanges(changes)
  }

  alterLoggers(name: string, changes: readonly ConfigChange[], validateOnly: boolean): void {
    alterLoggers(this.#loggers, name, changes, validateOnly)
  }

  describeNewTopic(topic: Topic): ConfigEntry[] {
    return this.#configs.describeTopic(topic, null)
  }

  onTopicDeleted(listener: (topic: Topic, logs: readonly PartitionLog[]) => void): () => void {
    return this.#topics.onDeleted(listener)
  }

  checkPartitionCount(topics: readonly NewTopic[]): void {
    checkPartitionCount(topics, this.#settings.values['num.partitions'])
  }

  async createTopic(topic: NewTopic, options: { validateOnly?: boolean } = {}): Promise<Topic> {
    return only(await this.createTopics([topic], options))
  }

  createTopics(
    topics: readonly NewTopic[],
    { validateOnly = false, quota }: { validateOnly?: boolean; quota?: PartitionQuota } = {},
  ): Promise<ChangeResult<Topic>[]> {
    return this.#controller.run(() => this.#topics.create(topics, validateOnly, quota))
  }

  async ensureTopic(name: string, partitions = -1, configs: Record<string, string> = {}, quota?: PartitionQuota): Promise<Topic> {
    const existing = this.#image.topic(name)
    if (existing) return existing
    const inProgress = this.#creating.get(name)
    if (inProgress) return inProgress
    const replicationFactor = isInternal(name) ? 1 : -1
    const creation = this.#controller.run(
      async () =>
        this.#image.topic(name) ?? only(await this.#topics.create([{ name, partitions, replicationFactor, configs }], false, quota)),
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

  deleteTopics(names: readonly string[], quota?: PartitionQuota): Promise<ChangeResult<null>[]> {
    return this.#controller.run(() => this.#topics.delete(names, quota))
  }

  async createPartitions(
    name: string,
    count: number,
    validateOnly: boolean,
    assignments: readonly (readonly number[])[] | null = null,
  ): Promise<Topic> {
    return only(await this.createPartitionsOf([{ name, count, assignments }], validateOnly))
  }

  createPartitionsOf(topics: readonly NewPartitions[], validateOnly: boolean, quota?: PartitionQuota): Promise<ChangeResult<Topic>[]> {
    return this.#controller.run(() => this.#topics.extend(topics, validateOnly, quota))
  }

  async alterConfigs(resource: ConfigResource, changes: readonly ConfigChange[], validateOnly: boolean): Promise<void> {
    only(await this.alterConfigsOf([{ resource, changes }], validateOnly))
  }

  alterConfigsOf(resources: readonly ConfigChanges[], validateOnly: boolean): Promise<ChangeResult<null>[]> {
    return this.#changeConfigs(resources, validateOnly, ({ resource, changes }) => this.#configRecords(resource, changes))
  }

  replaceConfigsOf(resources: readonly ConfigReplacement[], validateOnly: boolean): Promise<ChangeResult<null>[]> {
    return this.#changeConfigs(resources, validateOnly, ({ resource, changes }) => {
      const sets = changes.map(({ name, value }) => ({ name, operation: configOperations.set, value }))
      const named = new Set(changes.map(({ name }) => name))
      const others = Object.keys(this.#storedConfigs(resource)).filter((name) => !named.has(name))
      const deletions = others.map((name) => ({ name, operation: configOperations.delete, value: null }))
      return this.#configRecords(resource, [...sets, ...deletions])
    })
  }

  electLeaders(electionType: number, asked: readonly { topic: string; partitions: readonly number[] }[] | null): ElectionResults {
    return this.#placement.elect(electionType, asked)
  }

  alterReassignments(reassignments: readonly Reassignment[], allowReplicationFactorChange: boolean): Promise<ChangeResult<null>[]> {
    return this.#controller.run(() => this.#placement.reassign(reassignments, allowReplicationFactorChange))
  }

  #changeConfigs<C extends { resource: ConfigResource }>(
    resources: readonly C[],
    validateOnly: boolean,
    recordsOf: (change: C) => NewMetadataRecord[],
  ): Promise<ChangeResult<null>[]> {
    return this.#controller.run(async () => {
      const outcomes = resources.map((change) => outcomeOf(() => recordsOf(change)))
      if (!validateOnly) {
        await this.#controller.write(outcomes.filter(isDone).flat())
        const done = resources.filter((_, index) => isDone(outcomes[index]!)).map(({ resource }) => resource)
        const concernsBroker = done.some(({ type }) => type === 'broker')
        if (concernsBroker) for (const topic of this.#image.topics()) this.#partitionLogs.configure(topic)
        else for (const { type, name } of done) if (type === 'topic') this.#partitionLogs.configure(this.#existing(name))
        if (concernsBroker) {
          this.configureLogs()
          this.#applyProperties()
        }
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
      const { kraftVersion } = this.#controller
      const records = featureUpdateRecords(this.#settings.nodeId, this.#image.features, kraftVersion, updates)
      if (validateOnly) return
      if (upgradesQuorum(kraftVersion, updates)) await this.#controller.upgradeQuorum(this.#logs.metadataDirectory.id)
      await this.#controller.write(records)
    })
  }

  quorum(): Quorum {
    const { log, voter } = this.#controller
    return { leaderEpoch: log.epoch, highWatermark: log.highWatermark, logEndOffset: log.endOffset, voter }
  }

  clientQuotas(): Iterable<ClientQuota> {
    return this.#image.clientQuotas()
  }

  async alterClientQuotas(alterations: readonly QuotaAlteration[], validateOnly: boolean): Promise<QuotaOutcome[]> {
    // Before the change: a name server may be slow, and other changes must not wait for it.
    const hosts = await resolvableHosts(hostsOf(alterations), this.#system)
    return this.#controller.run(async () => {
      const { outcomes, records } = quotaChanges(alterations, {
        quotas: (entity) => this.#image.quotasOf(entity),
        isHost: (name) => hosts.has(name),
      })
      if (validateOnly || records.length === 0) return outcomes
      await this.#controller.write(records)
      for (const task of this.#quotaTasks) task()
      return outcomes
    })
  }

  onClientQuotasChanged(task: () => void): () => void {
    this.#quotaTasks.add(task)
    return () => this.#quotaTasks.delete(task)
  }

  scramCredentials(): Iterable<ScramCredential> {
    return this.#image.scramCredentials()
  }

  scramCredential(mechanism: number, user: string): ScramCredential | undefined {
    return this.#image.scramCredential(mechanism, user)
  }

  alterScramCredentials(deletions: readonly ScramDeletion[], upsertions: readonly ScramUpsertion[]): Promise<ScramOutcome[]> {
    return this.#controller.run(async () => {
      const isSupported = this.#controller.metadataVersion >= since.scram
      const { outcomes, records } = scramChanges(deletions, upsertions, {
        isSupported,
        credential: (mechanism, user) => this.#image.scramCredential(mechanism, user),
      })
      await this.#controller.write(records)
      return outcomes
    })
  }

  brokerProperties(): Readonly<Record<string, string>> {
    return this.#propertiesWith({})
  }

  onBrokerProperties(prepare: PrepareProperties): void {
    this.#prepareProperties = prepare
  }

  /** `changed` are the configs of a broker, by its name, instead of the stored ones. */
  #propertiesWith(changed: Readonly<Record<string, Readonly<Record<string, string>>>>): Record<string, string> {
    const configs = (name: string) => changed[name] ?? this.#image.brokerConfigs(name)
    return { ...this.#settings.properties, ...configs(''), ...configs(String(this.#settings.nodeId)) }
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
    this.delegationTokens.close()
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

  #storedConfigs({ type, name }: ConfigResource): Readonly<Record<string, string>> {
    return this.#image.configs(configResourceTypes[type], name)
  }

  #configRecords(resource: ConfigResource, changes: readonly ConfigChange[]): NewMetadataRecord[] {
    const stored = this.#storedConfigs(resource)
    if (resource.type === 'group') return configChangeRecords(resource, stored, alterGroup(resource.name, stored, changes, this.#configs))
    if (resource.type === 'clientMetrics') return configChangeRecords(resource, stored, alterClientMetrics(resource.name, stored, changes))
    if (resource.type === 'broker') {
      this.#checkBroker(resource.name, 'Node id', '')
      const altered = this.#configs.alterBroker(resource.name, changes)
      this.#checkProperties(this.#propertiesWith({ [resource.name]: altered }))
      return configChangeRecords(resource, stored, altered)
    }
    if (resource.name === '') throw new KafkaError('INVALID_REQUEST', 'Default topic resources are not allowed.')
    checkTopicName(resource.name)
    const topic = this.#image.topic(resource.name)
    if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${resource.name}' does not exist.`)
    return configChangeRecords(resource, topic.configs, this.#configs.alterTopic(topic, changes))
  }

  /** They were possible before they were stored; a file may have changed since. */
  #applyProperties(): void {
    try {
      this.#prepareProperties(this.brokerProperties())()
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      const advice = 'the configs of a listener are stored and cannot be used: those before are; alter them with kafka-configs'
      this.#system.logger.error({ err: error }, advice)
    }
  }

  /** As Kafka: what a listener cannot use is refused before it is stored. */
  #checkProperties(properties: Readonly<Record<string, string>>): void {
    try {
      this.#prepareProperties(properties)
    } catch (error) {
      if (error instanceof KafkaError) throw new KafkaError('INVALID_REQUEST', error.message, { cause: error })
      throw error
    }
  }

  #existing(name: string): Topic {
    const topic = this.#image.topic(name)
    // Without a message, as in Kafka.
    if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', '')
    return topic
  }

  #checkBroker(name: string, idName: string, alternative: string): void {
    if (name === '') return
    if (!/^-?\d+$/.test(name)) throw new KafkaError('INVALID_REQUEST', `${idName} must be an integer, but it is: ${name}`)
    if (Number(name) !== this.#settings.nodeId)
      throw new KafkaError('INVALID_REQUEST', `Unexpected broker id, expected ${this.#settings.nodeId}${alternative}, but received ${name}`)
  }
}
