/**
 * Makes the mirror's own topics: compacted, with the replication factor that was asked for, or as many copies as there are brokers where
 * nobody asked.
 */

import type { Client } from '../../core/client/index.ts'
import { KafkaError } from '../../core/errors.ts'
import type { Clock } from '../../core/system/clock.ts'

export interface InternalTopic {
  name: string
  partitions: number
  replicationFactor: number
  /** The user named the factor: it is not bent to the cluster. */
  factorGiven: boolean
  /** Beside compaction. */
  configs?: Readonly<Record<string, string>>
}

const POLL_MS = 20
const LEADER_TIMEOUT_MS = 30_000

/** The factor to ask for: a default bends to the brokers that are there, a given one does not. */
export async function bentFactor(client: Client, factor: number, given: boolean): Promise<number> {
  if (given || factor < 2) return factor
  const { brokers } = await client.admin.describeCluster()
  return Math.max(1, Math.min(factor, brokers.length))
}

/** Creates those that are missing and waits until all of them have leaders. */
export async function ensureInternalTopics(
  client: Client,
  clock: Clock,
  topics: readonly InternalTopic[],
  signal: AbortSignal,
): Promise<void> {
  const missing: InternalTopic[] = []
  for (const topic of topics) if (!(await client.topic(topic.name))) missing.push(topic)
  if (missing.length > 0) {
    const wanted = await Promise.all(
      missing.map(async (topic) => ({
        name: topic.name,
        partitions: topic.partitions,
        replicationFactor: await bentFactor(client, topic.replicationFactor, topic.factorGiven),
        configs: { 'cleanup.policy': 'compact', ...topic.configs },
      })),
    )
    for (const [name, error] of await client.admin.createTopics(wanted)) {
      if (!error || (error instanceof KafkaError && error.error === 'TOPIC_ALREADY_EXISTS')) continue
      const factor = wanted.find((topic) => topic.name === name)!.replicationFactor
      const mend =
        error instanceof KafkaError && error.error === 'INVALID_REPLICATION_FACTOR'
          ? `: ${factor} copies were asked for; set its replication.factor to what the cluster has brokers for`
          : ''
      throw error instanceof KafkaError
        ? new KafkaError(error.error, `making topic ${name}: ${error.message}${mend}`, { cause: error })
        : error
    }
  }
  await Promise.all(topics.map((topic) => awaitLeaders(client, clock, topic.name, signal)))
}

/** Resolves once every partition of the topic has a leader. */
export async function awaitLeaders(client: Client, clock: Clock, name: string, signal: AbortSignal, partitions = 1): Promise<void> {
  const deadline = clock.monotonic() + LEADER_TIMEOUT_MS
  for (let refresh = false; ; refresh = true) {
    const topic = await client.topic(name, { refresh })
    if (topic && topic.partitions.length >= partitions && topic.partitions.every((partition) => partition.leader >= 0)) return
    if (signal.aborted || clock.monotonic() > deadline)
      throw new KafkaError(
        'LEADER_NOT_AVAILABLE',
        `topic ${name} has no leader for all of its partitions; look at the brokers that hold it`,
      )
    await clock.sleep(POLL_MS, signal)
  }
}
