/**
 * Kafka's validation of a new topic: its name, its partitions and its replicas. Pure: each check throws a KafkaError with Kafka's error
 * message, or changes nothing.
 */
import { KafkaError } from '../errors.ts'
import type { NewPartitions, NewTopic, Topic } from './types.ts'

const MAX_NAME_LENGTH = 249
/** The most partitions that one request may create (Invariant 13), as in Kafka. */
export const MAX_PARTITIONS_PER_REQUEST = 10_000

/** Why `name` is not a valid topic name, or null. */
function invalidNameReason(name: string): string | null {
  if (name === '') return 'the empty string is not allowed'
  if (name === '.' || name === '..') return `'${name}' is not allowed`
  if (name.length > MAX_NAME_LENGTH) return `the length of '${name}' is longer than the max allowed length ${MAX_NAME_LENGTH}`
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) return `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
  return null
}

export const isTopicName = (name: string): boolean => invalidNameReason(name) === null

/** Throws INVALID_TOPIC_EXCEPTION. */
export function checkTopicName(name: string): void {
  const reason = invalidNameReason(name)
  if (reason !== null) throw new KafkaError('INVALID_TOPIC_EXCEPTION', `Topic name is invalid: ${reason}`)
}

/** Throws POLICY_VIOLATION where `topics` together have more partitions than one request may create. */
export function checkPartitionCount(topics: readonly NewTopic[], defaultPartitions: number): void {
  let sum = 0
  for (const { partitions, assignments = [] } of topics)
    sum += assignments.length > 0 ? assignments.length : partitions === -1 ? defaultPartitions : Math.max(0, partitions)
  if (sum > MAX_PARTITIONS_PER_REQUEST) throw new KafkaError('POLICY_VIOLATION', 'Excessively large number of partitions per request.')
}

/** Validates the replicas of one partition in a manual assignment. */
export function checkReplicas(brokerIds: readonly number[], nodeId: number): void {
  const fail = (why: string): never => {
    throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', `The manual partition assignment includes ${why}`)
  }
  if (brokerIds.length === 0) fail('an empty replica list.')
  // In the order of ids, so that the first broker at fault is the one that Kafka names.
  const sorted = brokerIds.toSorted((a, b) => a - b)
  for (const [index, id] of sorted.entries()) {
    if (id !== nodeId) fail(`broker ${id}, but no such broker is registered.`)
    if (index > 0 && id === sorted[index - 1]) fail(`the broker ${id} more than once.`)
  }
}

/** The partition count of a new topic. Throws Kafka's error for an invalid count, replication factor or assignment. */
export function checkPartitions(topic: NewTopic, nodeId: number, defaults: { partitions: number; replicationFactor: number }): number {
  const { assignments = [] } = topic
  if (assignments.length > 0) {
    if (topic.replicationFactor !== -1)
      throw new KafkaError('INVALID_REQUEST', 'A manual partition assignment was specified, but replication factor was not set to -1.')
    if (topic.partitions !== -1)
      throw new KafkaError('INVALID_REQUEST', 'A manual partition assignment was specified, but numPartitions was not set to -1.')
    const indexes = assignments.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b)
    const twice = indexes.find((index, position) => index === indexes[position - 1])
    if (twice !== undefined)
      throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', `Found multiple manual partition assignments for partition ${twice}`)
    if (indexes.some((index, position) => index !== position))
      throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', 'partitions should be a consecutive 0-based integer sequence')
    for (const { brokerIds } of assignments) checkReplicas(brokerIds, nodeId)
    return assignments.length
  }
  if (topic.replicationFactor < -1 || topic.replicationFactor === 0)
    throw new KafkaError('INVALID_REPLICATION_FACTOR', 'Replication factor must be larger than 0, or -1 to use the default value.')
  if (topic.partitions < -1 || topic.partitions === 0)
    throw new KafkaError('INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.')
  const partitions = topic.partitions === -1 ? defaults.partitions : topic.partitions
  const replicas = topic.replicationFactor === -1 ? defaults.replicationFactor : topic.replicationFactor
  if (replicas !== 1)
    throw new KafkaError(
      'INVALID_REPLICATION_FACTOR',
      `Unable to replicate the partition ${replicas} time(s): The target replication factor of ${replicas} cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.`,
    )
  return partitions
}

/** Throws Kafka's error where `topic` cannot get so many partitions. */
export function checkNewPartitions(topic: Topic, { count, assignments }: NewPartitions, nodeId: number): void {
  if (count === topic.partitions) throw new KafkaError('INVALID_PARTITIONS', `Topic already has ${count} partition(s).`)
  if (count < topic.partitions)
    throw new KafkaError(
      'INVALID_PARTITIONS',
      `The topic ${topic.name} currently has ${topic.partitions} partition(s); ${count} would not be an increase.`,
    )
  const added = count - topic.partitions
  if (added > MAX_PARTITIONS_PER_REQUEST) throw new KafkaError('POLICY_VIOLATION', 'Excessively large number of partitions per request.')
  if (!assignments) return
  if (assignments.length !== added)
    throw new KafkaError(
      'INVALID_REPLICA_ASSIGNMENT',
      `Attempted to add ${added} additional partition(s), but only ${assignments.length} assignment(s) were specified.`,
    )
  for (const brokerIds of assignments) checkReplicas(brokerIds, nodeId)
}
