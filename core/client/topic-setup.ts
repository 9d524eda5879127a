/**
 * Creates topics that do not exist yet and waits for their leaders. Used for the internal topics of the worker and the mirror, mirrored
 * topics, topics of source connectors and dead-letter topics.
 */
import { KafkaError } from '../errors.ts'
import type { Clock } from '../system/clock.ts'
import type { Client, NewTopic } from './types.ts'

const POLL_MS = 20
const LEADER_TIMEOUT_MS = 30_000

/** `createTopicsIfAbsent` for those of `topics` that the cluster does not list. */
export async function createMissingTopics(
  client: Client,
  topics: readonly NewTopic[],
  replicationSetting = 'replication.factor',
): Promise<Set<string>> {
  const existing = await Promise.all(topics.map((topic) => client.topic(topic.name)))
  const missing = topics.filter((_, index) => !existing[index])
  return missing.length === 0 ? new Set() : createTopicsIfAbsent(client, missing, replicationSetting)
}

/**
 * Creates topics that the caller has found missing. Returns the names of the topics that this call created, not of a topic that
 * another client created at the same time.
 * @param replicationSetting the setting that the error message names where the cluster has too few brokers for the replication factor.
 * @throws KafkaError with the broker's error code, which shows whether a retry may help.
 */
export async function createTopicsIfAbsent(
  client: Client,
  topics: readonly NewTopic[],
  replicationSetting = 'replication.factor',
): Promise<Set<string>> {
  const created = new Set<string>()
  const errors = await client.admin.createTopics(topics)
  for (const topic of topics) {
    const error = errors.get(topic.name)
    if (!error) created.add(topic.name)
    else if (!(error instanceof KafkaError && error.error === 'TOPIC_ALREADY_EXISTS')) throw creationError(topic, error, replicationSetting)
  }
  return created
}

function creationError({ name, partitions, replicationFactor }: NewTopic, error: Error, replicationSetting: string): KafkaError {
  const code = error instanceof KafkaError ? error.error : 'UNKNOWN_SERVER_ERROR'
  const describeCount = (count: number) => (count < 0 ? "the cluster's default" : String(count))
  const hint =
    code === 'INVALID_REPLICATION_FACTOR'
      ? ` Set ${replicationSetting} to at most the number of brokers, or to -1 for the default of the cluster.`
      : ''
  return new KafkaError(
    code,
    `topic ${name} (partitions: ${describeCount(partitions)}, replication factor: ${describeCount(replicationFactor)}) could not be created: ${error.message}${hint}`,
    { cause: error },
  )
}

export interface LeaderWait {
  /** The partitions that the topic must have at least. */
  partitions?: number
  signal?: AbortSignal | undefined
}

/**
 * Resolves with the topic's metadata once every partition has a leader.
 * @throws KafkaError LEADER_NOT_AVAILABLE after 30 s, or when `signal` aborts.
 */
export async function awaitTopicLeaders(client: Client, clock: Clock, name: string, { partitions = 1, signal }: LeaderWait = {}) {
  const deadline = clock.monotonic() + LEADER_TIMEOUT_MS
  for (let refresh = false; ; refresh = true) {
    const topic = await client.topic(name, { refresh })
    if (topic && topic.partitions.length >= partitions && topic.partitions.every((partition) => partition.leader >= 0)) return topic
    if (signal?.aborted || clock.monotonic() > deadline)
      throw new KafkaError(
        'LEADER_NOT_AVAILABLE',
        `topic ${name} has partitions without a leader after ${LEADER_TIMEOUT_MS / 1000} s: check the brokers that host it`,
      )
    await clock.sleep(POLL_MS, signal)
  }
}
