/**
 * Creates, extends and deletes topics: each change is validated against the image, and those that are valid are one batch of the metadata
 * log. The logs of new partitions are created after it, and after a crash by the next start. The caller runs one change at a time.
 */
import { invariant, KafkaError } from '../errors.ts'
import type { Logs, PartitionLog } from '../log/types.ts'
import type { BrokerSettings } from '../settings.ts'
import type { System } from '../system/index.ts'
import { type ChangeResult, isDone, outcomeOf } from './change-result.ts'
import type { Configs } from './configs.ts'
import type { Controller } from './controller.ts'
import type { MetadataImage } from './image/metadata-image.ts'
import { isInternal } from './image/topics-image.ts'
import { METADATA_TOPIC } from './metadata-log.ts'
import type { PartitionLogs } from './partition-logs.ts'
import { newPartitionRecords, newTopicRecords } from './topic-records.ts'
import { checkNewPartitions, checkPartitionCount, checkPartitions, checkTopicName } from './topic-validation.ts'
import type { NewPartitions, NewTopic, PartitionQuota, Topic } from './types.ts'

type DeletionListener = (topic: Topic, logs: readonly PartitionLog[]) => void

export interface TopicChangesParts {
  readonly settings: BrokerSettings
  readonly system: System
  readonly logs: Logs
  readonly controller: Controller
  readonly configs: Configs
  readonly partitionLogs: PartitionLogs
}

export class TopicChanges {
  readonly #settings: BrokerSettings
  readonly #system: System
  readonly #logs: Logs
  readonly #controller: Controller
  readonly #configs: Configs
  readonly #partitionLogs: PartitionLogs
  readonly #listeners = new Set<DeletionListener>()

  constructor({ settings, system, logs, controller, configs, partitionLogs }: TopicChangesParts) {
    this.#settings = settings
    this.#system = system
    this.#logs = logs
    this.#controller = controller
    this.#configs = configs
    this.#partitionLogs = partitionLogs
  }

  get #image(): MetadataImage {
    return this.#controller.image
  }

  onDeleted(listener: DeletionListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Inside a change of the controller. As in Kafka, the quota of a client counts what is only validated too. */
  async create(topics: readonly NewTopic[], validateOnly: boolean, quota?: PartitionQuota): Promise<ChangeResult<Topic>[]> {
    const outcomes = topics.map((topic) =>
      outcomeOf(() => {
        const created = this.#validated(topic)
        quota?.record(created.partitions)
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
    const { values, nodeId } = this.#settings
    checkPartitionCount([topic], values['num.partitions'])
    const partitions = checkPartitions(topic, nodeId, {
      partitions: values['num.partitions'],
      replicationFactor: values['default.replication.factor'],
    })
    return { name, id: this.#system.random.uuid(), partitions, internal: isInternal(name), configs }
  }

  /** Writes the records of the partitions that are new in `topics`. Their logs follow: as in Kafka, an answer does not wait for them. */
  async #addPartitions(outcomes: readonly ChangeResult<Topic>[], existing: (topic: Topic) => number): Promise<ChangeResult<Topic>[]> {
    const { nodeId } = this.#settings
    const { metadataVersion } = this.#controller
    const extended = outcomes.filter(isDone).map((topic) => ({ topic, from: existing(topic) }))
    const chosen = this.#logs.directoriesForNew(extended.reduce((count, { topic, from }) => count + topic.partitions - from, 0))
    const added = extended.map(({ topic, from }) => ({ topic, from, directories: chosen.splice(0, topic.partitions - from) }))
    const records = added.flatMap(({ topic, from, directories }) => {
      const placement = { nodeId, metadataVersion, directories }
      return from === 0 ? newTopicRecords(topic, placement) : newPartitionRecords(topic, from, placement)
    })
    await this.#controller.write(records)
    for (const { topic, from, directories } of added) {
      this.#partitionLogs.create(topic, from, directories)
      const { name, id: topicId, partitions, configs } = topic
      this.#system.logger.info({ topic: name, topicId, partitions, configs }, from === 0 ? 'topic created' : 'partitions created')
    }
    return outcomes.map((outcome) => (isDone(outcome) ? this.#image.topicById(outcome.id)! : outcome))
  }

  /** Inside a change of the controller. */
  async extend(topics: readonly NewPartitions[], validateOnly: boolean, quota?: PartitionQuota): Promise<ChangeResult<Topic>[]> {
    const outcomes = topics.map((extension) =>
      outcomeOf(() => {
        const topic = this.#image.topic(extension.name)
        if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
        invariant(topics.filter(({ name }) => name === topic.name).length === 1, `topic ${topic.name} is extended twice`)
        checkNewPartitions(topic, extension, this.#settings.nodeId)
        quota?.record(extension.count - topic.partitions)
        return { ...topic, partitions: extension.count }
      }),
    )
    if (validateOnly) return outcomes
    return this.#addPartitions(outcomes, (topic) => this.#image.topic(topic.name)!.partitions)
  }

  /** Inside a change of the controller. */
  async delete(names: readonly string[], quota?: PartitionQuota): Promise<ChangeResult<null>[]> {
    const outcomes = names.map((name, index) =>
      outcomeOf(() => {
        const topic = this.#image.topic(name)
        if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.')
        invariant(names.indexOf(name) === index, `topic ${name} is deleted twice`)
        if (!this.#settings.values['delete.topic.enable']) throw new KafkaError('TOPIC_DELETION_DISABLED', 'Topic deletion is disabled.')
        quota?.record(topic.partitions)
        return topic
      }),
    )
    const topics = outcomes.filter(isDone)
    await this.#controller.write(topics.map(({ id: topicId }) => ({ type: 'RemoveTopicRecord', topicId })))
    for (const topic of topics) {
      const logs = await this.#partitionLogs.remove(topic)
      for (const listener of this.#listeners) listener(topic, logs)
      this.#system.logger.info({ topic: topic.name, topicId: topic.id }, 'topic deleted')
    }
    return outcomes.map((outcome) => (isDone(outcome) ? null : outcome))
  }
}

const collision = (name: string, other: string) =>
  new KafkaError('INVALID_TOPIC_EXCEPTION', `Topic '${name}' collides with existing topic: ${other}`)
