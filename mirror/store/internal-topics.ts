/**
 * Makes the mirror's own topics: compacted, with the replication factor that was asked for, or as many copies as there are brokers where
 * nobody asked.
 */

import { awaitTopicLeaders, type Client, createMissingTopics } from '../../core/client/index.ts'
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

/** The factor to ask for: a default bends to the brokers that are there, a given one does not. */
export async function bentFactor(client: Client, factor: number, given: boolean): Promise<number> {
  if (given || factor < 2) return factor
  const { brokers } = await client.admin.describeCluster()
  return Math.max(1, Math.min(factor, brokers.length))
}

/** Creates those that do not exist and waits until all of them have leaders. */
export async function ensureInternalTopics(
  client: Client,
  clock: Clock,
  topics: readonly InternalTopic[],
  signal: AbortSignal,
): Promise<void> {
  const wanted = await Promise.all(
    topics.map(async ({ name, partitions, replicationFactor, factorGiven, configs }) => ({
      name,
      partitions,
      replicationFactor: (await client.topic(name)) ? replicationFactor : await bentFactor(client, replicationFactor, factorGiven),
      configs: { 'cleanup.policy': 'compact', ...configs },
    })),
  )
  await createMissingTopics(client, wanted, 'its replication.factor')
  await Promise.all(topics.map((topic) => awaitTopicLeaders(client, clock, topic.name, { signal })))
}
