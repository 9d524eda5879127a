/**
 * The consumer's part of the group protocol: writes the subscription of JoinGroup, reads the assignment of SyncGroup, and, as the group's
 * leader, has an assignor make the assignments of all members.
 */
import { KafkaError } from '../../errors.ts'
import { byTopic } from '../../topic-partition.ts'
import { consumerAssignment, consumerSubscription } from '../../wire/structs/consumer-protocol.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { TopicPartition } from '../types.ts'
import type { Assignor, GroupSubscription } from './assignors/assignor.ts'
import { assignors } from './assignors/index.ts'
import { previouslyOwned } from './assignors/sticky.ts'

/** The newest version of ConsumerProtocolSubscription and ConsumerProtocolAssignment. */
const VERSION = 3

export function assignorNamed(name: string): Assignor {
  const assignor = assignors.get(name)
  if (!assignor)
    throw new KafkaError(
      'INVALID_CONFIG',
      `partition.assignment.strategy: "${name}" is not supported; the assignors are ${[...assignors.keys()].join(', ')}`,
    )
  return assignor
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
  // Newer versions only add fields at the end.
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
  const assignment = consumerAssignment.read(bytes.readInt16BE(0) > VERSION ? withVersion(bytes, VERSION) : bytes)
  return assignment.assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
}

interface LeaderAssignment {
  assignments: Map<string, Buffer>
  /** By topic, at the time of the assignment: the group has to rebalance when one changes. Zero for topics that do not exist. */
  partitionCounts: Map<string, number>
}

/** @throws Error where the subscription of a member cannot be read: nobody gets an assignment then. */
export async function assignAsLeader(
  router: RequestRouter,
  protocol: string,
  members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[],
): Promise<LeaderAssignment> {
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
  const existing = new Map([...partitionCounts].filter(([, count]) => count > 0))
  const assigned = assignor.assign(existing, subscriptions)
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
