/**
 * The metadata of the cluster in memory, as the records of the metadata log define it. Pure: no disk, no clock. A record for an unknown
 * topic is a bug or a damaged metadata log, and throws.
 */
import { invariant } from '../errors.ts'
import type { Topic } from './types.ts'

export type MetadataRecord =
  | { type: 'topic'; name: string; id: string; partitions: number; configs: Record<string, string> }
  | { type: 'partitions'; id: string; partitions: number }
  | { type: 'topicConfigs'; id: string; configs: Record<string, string> }
  | { type: 'topicDeleted'; id: string }
  /** `broker` is a node id, or empty for the cluster-wide default. */
  | { type: 'brokerConfigs'; broker: string; configs: Record<string, string> }
  /** Every producer id below `end` may have been allocated. */
  | { type: 'producerIds'; end: number }
  /** Resets the image: the following records of the batch are the complete metadata. */
  | { type: 'snapshot' }

const internalTopics = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state'])
export const isInternal = (name: string): boolean => internalTopics.has(name)

/** Kafka's metrics print "." as "_": topic names that differ only there collide. */
const unifiedTopicName = (name: string): string => name.replaceAll('.', '_')

export class MetadataImage {
  readonly #byName = new Map<string, Topic>()
  readonly #byId = new Map<string, Topic>()
  readonly #byCollisionKey = new Map<string, string>()
  readonly #brokerConfigs = new Map<string, Readonly<Record<string, string>>>()
  #producerIdsEnd = 0

  get producerIdsEnd(): number {
    return this.#producerIdsEnd
  }

  /** The number of records of a snapshot, approximately. */
  get size(): number {
    return this.#byName.size + this.#brokerConfigs.size + 1
  }

  topic(name: string): Topic | undefined {
    return this.#byName.get(name)
  }

  topicById(id: string): Topic | undefined {
    return this.#byId.get(id)
  }

  topics(): Iterable<Topic> {
    return this.#byName.values()
  }

  /** The name of an existing topic that `name` collides with. */
  collidingTopic(name: string): string | undefined {
    const existing = this.#byCollisionKey.get(unifiedTopicName(name))
    return existing === name ? undefined : existing
  }

  brokerConfigs(broker: string): Readonly<Record<string, string>> {
    return this.#brokerConfigs.get(broker) ?? {}
  }

  apply(record: MetadataRecord): void {
    switch (record.type) {
      case 'topic':
        invariant(!this.#byName.has(record.name), `topic ${record.name} exists already`)
        this.#set({
          name: record.name,
          id: record.id,
          partitions: record.partitions,
          internal: isInternal(record.name),
          configs: record.configs,
        })
        return
      case 'partitions':
        this.#set({ ...this.#existing(record.id), partitions: record.partitions })
        return
      case 'topicConfigs':
        this.#set({ ...this.#existing(record.id), configs: record.configs })
        return
      case 'topicDeleted': {
        const topic = this.#existing(record.id)
        this.#byId.delete(topic.id)
        this.#byName.delete(topic.name)
        this.#byCollisionKey.delete(unifiedTopicName(topic.name))
        return
      }
      case 'brokerConfigs':
        if (Object.keys(record.configs).length === 0) this.#brokerConfigs.delete(record.broker)
        else this.#brokerConfigs.set(record.broker, record.configs)
        return
      case 'producerIds':
        invariant(record.end >= this.#producerIdsEnd, 'the end of the producer ids decreases')
        this.#producerIdsEnd = record.end
        return
      case 'snapshot':
        this.#byName.clear()
        this.#byId.clear()
        this.#byCollisionKey.clear()
        this.#brokerConfigs.clear()
        return
    }
  }

  /** A snapshot: the records that build this image. */
  toRecords(): MetadataRecord[] {
    const records: MetadataRecord[] = [{ type: 'snapshot' }, { type: 'producerIds', end: this.#producerIdsEnd }]
    for (const { name, id, partitions, configs } of this.#byName.values())
      records.push({ type: 'topic', name, id, partitions, configs: { ...configs } })
    for (const [broker, configs] of this.#brokerConfigs) records.push({ type: 'brokerConfigs', broker, configs: { ...configs } })
    return records
  }

  #set(topic: Topic): void {
    this.#byName.set(topic.name, topic)
    this.#byId.set(topic.id, topic)
    this.#byCollisionKey.set(unifiedTopicName(topic.name), topic.name)
  }

  #existing(id: string): Topic {
    const topic = this.#byId.get(id)
    invariant(topic, `the metadata log refers to topic id ${id}, which does not exist`)
    return topic
  }
}
