/**
 * What a consumer says when it joins a group, and what it does when it leads one: subscriptions read, partitions counted, an assignor asked,
 * assignments written.
 */
import { KafkaError } from '../../errors.ts'
import { byTopic } from '../../topic-partition.ts'
import { consumerAssignment, consumerSubscription } from '../../wire/structs/consumer-protocol.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { TopicPartition } from '../types.ts'
import type { Assignor, GroupSubscription } from './assignors/assignor.ts'
import { assignors } from './assignors/index.ts'
import { previouslyOwned } from './assignors/sticky.ts'

/** The first versions of the protocol had no owned partitions; the newest is what we write. */
const VERSION = 3

export function assignorNamed(name: string): Assignor {
  const found = assignors.get(name)
  if (!found)
    throw new KafkaError(
      'INVALID_CONFIG',
      `partition.assignment.strategy: "${name}" is not known; there are ${[...assignors.keys()].join(', ')}`,
    )
  return found
}

export function writeSubscription(
  assignor: Assignor,
  topics: readonly string[],
  owned: readonly TopicPartition[],
  generation: number,
  rackId: string,
): Buffer {
  return consumerSubscription.write(
    {
      topics,
      userData: assignor.userData?.(owned, generation) ?? null,
      ownedPartitions: [...byTopic(assignor.cooperative ? owned : [])].map(([topic, entries]) => ({
        topic,
        partitions: entries.map((entry) => entry.partition),
      })),
      generationId: generation,
      rackId: rackId === '' ? null : rackId,
    },
    VERSION,
  )
}

export function readSubscription(
  assignor: Assignor,
  memberId: string,
  groupInstanceId: string | null,
  metadata: Buffer,
): GroupSubscription {
  // A version that we do not know begins like the newest that we do.
  const bytes = metadata.readInt16BE(0) > VERSION ? withVersion(metadata, VERSION) : metadata
  const { topics, userData, ownedPartitions, generationId } = consumerSubscription.read(bytes)
  let owned = ownedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
  let generation = generationId
  if (assignor.name === 'sticky' && userData !== null && userData.length > 0) ({ owned, generation } = previouslyOwned(userData))
  else if (generation < 0 && assignor.cooperative && userData !== null && userData.length >= 4) generation = userData.readInt32BE(0)
  return { memberId, groupInstanceId, topics, owned, generation }
}

function withVersion(bytes: Buffer, version: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeInt16BE(version)
  return copy
}

export function readAssignment(bytes: Buffer): TopicPartition[] {
  if (bytes.length === 0) return []
  const read = consumerAssignment.read(bytes.readInt16BE(0) > VERSION ? withVersion(bytes, VERSION) : bytes)
  return read.assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
}

interface LedAssignment {
  assignments: Map<string, Buffer>
  /** What it was worked out from: when it changes, the group should meet again. Zero for topics that are not there. */
  partitionCounts: Map<string, number>
}

export async function assignAsLeader(
  router: RequestRouter,
  protocol: string,
  members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[],
): Promise<LedAssignment> {
  const assignor = assignorNamed(protocol)
  const subscriptions = members.map(({ memberId, groupInstanceId, metadata }) => {
    try {
      return readSubscription(assignor, memberId, groupInstanceId, metadata)
    } catch (error) {
      throw new Error(`the subscription of group member ${memberId} cannot be read: ${(error as Error).message}`, { cause: error })
    }
  })
  const topics = [...new Set(subscriptions.flatMap((subscription) => subscription.topics))]
  await router.metadata.refresh(topics)
  const partitionCounts = new Map(topics.map((topic) => [topic, router.metadata.peek(topic)?.partitions.length ?? 0]))
  const there = new Map([...partitionCounts].filter(([, count]) => count > 0))
  const assigned = assignor.assign(there, subscriptions)
  const assignments = new Map(
    [...assigned].map(([memberId, partitions]) => [
      memberId,
      consumerAssignment.write(
        {
          assignedPartitions: [...byTopic(partitions)].map(([topic, entries]) => ({
            topic,
            partitions: entries.map((entry) => entry.partition),
          })),
          userData: null,
        },
        VERSION,
      ),
    ]),
  )
  return { assignments, partitionCounts }
}
