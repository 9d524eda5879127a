/**
 * The records of changes of topics and configs, in Kafka's order: a topic, its configs, its partitions. Pure: a change is validated before
 * it becomes records.
 */
import type { NewMetadataRecord } from '../wire/metadata-records.ts'
import { since } from './features.ts'
import { configResourceTypes } from './image/configurations-image.ts'
import type { ConfigResource, Topic } from './types.ts'

export interface Placement {
  readonly nodeId: number
  readonly metadataVersion: number
  /** The id of the log directory of each partition. */
  readonly directories: readonly string[]
}

export const newTopicRecords = (topic: Topic, placement: Placement): NewMetadataRecord[] => [
  { type: 'TopicRecord', name: topic.name, topicId: topic.id },
  ...Object.entries(topic.configs).map(
    ([name, value]): NewMetadataRecord => ({
      type: 'ConfigRecord',
      resourceType: configResourceTypes.topic,
      resourceName: topic.name,
      name,
      value,
    }),
  ),
  ...newPartitionRecords(topic, 0, placement),
]

/** The partitions of `topic` from `from` on: this node leads them. */
export function newPartitionRecords(topic: Topic, from: number, { nodeId, metadataVersion, directories }: Placement): NewMetadataRecord[] {
  const replicas = [nodeId]
  const leadership = { replicas, isr: replicas, leader: nodeId, leaderEpoch: 0, partitionEpoch: 0 }
  return directories.map((directory, index) => ({
    type: 'PartitionRecord',
    partitionId: from + index,
    topicId: topic.id,
    ...leadership,
    ...(metadataVersion >= since.directoryAssignment ? { directories: [directory] } : {}),
  }))
}

/** What makes `next` of `current`: a record for each value that differs. */
export function configChangeRecords(
  { type, name: resourceName }: ConfigResource,
  current: Readonly<Record<string, string>>,
  next: Readonly<Record<string, string>>,
): NewMetadataRecord[] {
  const resourceType = configResourceTypes[type]
  const names = new Set([...Object.keys(current), ...Object.keys(next)])
  return [...names]
    .filter((name) => current[name] !== next[name])
    .map((name) => ({ type: 'ConfigRecord', resourceType, resourceName, name, value: next[name] ?? null }))
}
