/**
 * Topics and the state of their partitions. A `Topic` that was returned does not change any more: the next one after a change is another
 * object. Pure.
 */
import { type MetadataRecord, type MetadataRecordOf, recordVersion } from '../../wire/metadata-records.ts'
import type { Topic } from '../types.ts'
import { metadataCheck } from './damaged-metadata.ts'
import {
  changedPartitionState,
  newPartitionState,
  type PartitionState,
  partitionRecord,
  SharedLists,
  withoutElr,
} from './partition-state.ts'

const internalTopics = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state'])
export const isInternal = (name: string): boolean => internalTopics.has(name)

/** Kafka's metrics print "." as "_": topic names that differ only there collide. */
const unifiedTopicName = (name: string): string => name.replaceAll('.', '_')

/** The most partitions of one topic (Invariant 13). */
const MAX_PARTITIONS = 1_000_000

interface TopicEntry {
  name: string
  id: string
  /** By partition. */
  partitions: PartitionState[]
  /** Null after a change. */
  topic: Topic | null
}

export class TopicsImage {
  readonly #byName = new Map<string, TopicEntry>()
  readonly #byId = new Map<string, TopicEntry>()
  /** Topic names by unified name. */
  readonly #collisions = new Map<string, Set<string>>()
  readonly #lists = new SharedLists()
  readonly #configs: (name: string) => Readonly<Record<string, string>>
  #partitionCount = 0

  /** `configs` gives the configs of a topic. */
  constructor(configs: (name: string) => Readonly<Record<string, string>>) {
    this.#configs = configs
  }

  get topicCount(): number {
    return this.#byName.size
  }

  get partitionCount(): number {
    return this.#partitionCount
  }

  topic(name: string): Topic | undefined {
    const entry = this.#byName.get(name)
    return entry && this.#topicOf(entry)
  }

  topicById(id: string): Topic | undefined {
    const entry = this.#byId.get(id)
    return entry && this.#topicOf(entry)
  }

  *topics(): Iterable<Topic> {
    for (const entry of this.#byName.values()) yield this.#topicOf(entry)
  }

  partitionState(name: string, partition: number): PartitionState | undefined {
    return this.#byName.get(name)?.partitions[partition]
  }

  /** By partition; empty for an unknown topic. */
  partitionStates(name: string): readonly PartitionState[] {
    return this.#byName.get(name)?.partitions ?? []
  }

  /** The name of an existing topic that `name` collides with. */
  collidingTopic(name: string): string | undefined {
    const existing = this.#collisions.get(unifiedTopicName(name))
    return existing?.has(name) ? undefined : existing?.values().next().value
  }

  addTopic({ name, topicId }: MetadataRecordOf<'TopicRecord'>): void {
    metadataCheck(!this.#byName.has(name), `topic ${name} is created twice`)
    metadataCheck(!this.#byId.has(topicId), `topic id ${topicId} is given twice`)
    const entry: TopicEntry = { name, id: topicId, partitions: [], topic: null }
    this.#byName.set(name, entry)
    this.#byId.set(topicId, entry)
    const unified = unifiedTopicName(name)
    this.#collisions.set(unified, (this.#collisions.get(unified) ?? new Set()).add(name))
  }

  /** Returns the name of the topic that is gone. */
  removeTopic({ topicId }: MetadataRecordOf<'RemoveTopicRecord'>): string {
    const entry = this.#existing(topicId)
    this.#byId.delete(topicId)
    this.#byName.delete(entry.name)
    const unified = unifiedTopicName(entry.name)
    const others = this.#collisions.get(unified)
    others?.delete(entry.name)
    if (others?.size === 0) this.#collisions.delete(unified)
    this.#partitionCount -= entry.partitions.length
    return entry.name
  }

  setPartition(record: MetadataRecordOf<'PartitionRecord'>): void {
    const { partitions, name, topic } = this.#existing(record.topicId)
    const { partitionId } = record
    metadataCheck(partitionId >= 0 && partitionId < MAX_PARTITIONS, `partition ${partitionId} of topic ${name}`)
    const before = partitions.length
    partitions[partitionId] = newPartitionState(record, this.#lists)
    this.#partitionCount += partitions.length - before
    if (topic && partitions.length > before) this.configsChanged(name)
  }

  changePartition(record: MetadataRecordOf<'PartitionChangeRecord'>): void {
    const { partitions, name } = this.#existing(record.topicId)
    const state = partitions[record.partitionId]
    metadataCheck(state, `a change of partition ${record.partitionId} of topic ${name}, which does not exist`)
    partitions[record.partitionId] = changedPartitionState(state, record, this.#lists)
  }

  clearElr({ topicName }: MetadataRecordOf<'ClearElrRecord'>): void {
    const named = this.#byName.get(topicName)
    metadataCheck(topicName === '' || named, `a ClearElrRecord for topic ${topicName}, which does not exist`)
    for (const { partitions } of named ? [named] : this.#byName.values()) {
      for (const [partition, state] of partitions.entries()) if (state) partitions[partition] = withoutElr(state)
    }
  }

  /** The next `Topic` has the present configs. */
  configsChanged(name: string): void {
    const entry = this.#byName.get(name)
    if (entry) entry.topic = null
  }

  *toRecords(metadataVersion: number): Iterable<MetadataRecord> {
    const version = recordVersion('PartitionRecord', metadataVersion)
    for (const { name, id, partitions } of this.#byName.values()) {
      yield { type: 'TopicRecord', name, topicId: id }
      for (const [partition, state] of partitions.entries()) if (state) yield partitionRecord(id, partition, state, version)
    }
  }

  #topicOf(entry: TopicEntry): Topic {
    if (entry.topic) return entry.topic
    const { name, id, partitions } = entry
    const missing = partitions.findIndex((state) => !state)
    metadataCheck(missing === -1, `topic ${name} has ${partitions.length} partitions, without partition ${missing}`)
    entry.topic = { name, id, partitions: partitions.length, internal: isInternal(name), configs: this.#configs(name) }
    return entry.topic
  }

  #existing(id: string): TopicEntry {
    const entry = this.#byId.get(id)
    metadataCheck(entry, `a record for topic id ${id}, which does not exist`)
    return entry
  }
}
