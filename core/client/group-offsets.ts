/**
 * A group's committed offsets: committed and fetched (OffsetCommit, OffsetFetch). The admin client, the consumer and the group member have
 * them in common. Requests go to the group's coordinator and are retried on retriable errors until a deadline.
 */
import offsetCommit from '../apis/08-offset-commit.ts'
import offsetFetch from '../apis/09-offset-fetch.ts'
import { errorName, isRetriable, KafkaError } from '../errors.ts'
import { byTopic } from '../topic-partition.ts'
import type { RequestRouter } from './transport/request-router.ts'
import type { CommitOffset, TopicPartition } from './types.ts'

/** The last version with topic names instead of ids: a deleted topic has no id. */
const BY_NAME = 9

export interface GroupMembership {
  generation: number
  memberId: string
  groupInstanceId?: string | undefined
}

const MOVED = ['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE']

/** Asks a group's coordinator, wherever it is, until `take` has no retriable error to tell or the time is over. */
export type CoordinatorOutcome<T> = { value: T } | { error: number; about: string }

export async function askCoordinator<T>(
  network: RequestRouter,
  groupId: string,
  options: { timeoutMs?: number | undefined; signal?: AbortSignal | undefined },
  once: (deadline: number) => Promise<CoordinatorOutcome<T>>,
): Promise<T> {
  const { clock } = network.system
  const deadline = clock.monotonic() + (options.timeoutMs ?? network.settings.requestTimeoutMs * 2)
  for (let attempt = 0; ; attempt++) {
    const outcome = await once(deadline)
    if ('value' in outcome) return outcome.value
    const name = errorName(outcome.error)
    if (MOVED.includes(name)) network.coordinators.forget(groupId)
    const failure = new KafkaError(name, `${outcome.about}: ${name}`)
    if (!isRetriable(name)) throw failure
    const waitMs = network.backoffMs(attempt)
    if (options.signal?.aborted || network.closed || clock.monotonic() + waitMs >= deadline) throw failure
    await network.sleep(waitMs, options.signal)
  }
}

export function commitOffsets(
  network: RequestRouter,
  groupId: string,
  offsets: readonly CommitOffset[],
  options: { member?: GroupMembership; lane?: string; timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<void> {
  if (offsets.length === 0) return Promise.resolve()
  const { member } = options
  return askCoordinator<void>(network, groupId, options, async (deadline) => {
    const answer = await network.send(
      { group: groupId },
      offsetCommit,
      {
        groupId,
        generationIdOrMemberEpoch: member?.generation ?? -1,
        memberId: member?.memberId ?? '',
        groupInstanceId: member?.groupInstanceId ?? null,
        topics: [...byTopic(offsets)].map(([name, list]) => ({
          name,
          partitions: list.map(({ partition, offset, metadata, leaderEpoch }) => ({
            partitionIndex: partition,
            committedOffset: offset,
            committedLeaderEpoch: leaderEpoch ?? -1,
            committedMetadata: metadata ?? '',
          })),
        })),
      },
      {
        maxVersion: BY_NAME,
        timeoutMs: Math.max(1, deadline - network.system.clock.monotonic()),
        ...(options.lane === undefined ? {} : { lane: options.lane }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
    )
    for (const topic of answer.topics)
      for (const entry of topic.partitions)
        if (entry.errorCode !== 0)
          return { error: entry.errorCode, about: `commit of group ${groupId} for ${topic.name}-${entry.partitionIndex}` }
    return { value: undefined }
  })
}

export interface CommittedOffset extends CommitOffset {
  leaderEpoch: number
  metadata: string
}

/** What a group has committed; `partitions` null: everything. Partitions without a commit are left out. */
export function fetchCommitted(
  network: RequestRouter,
  groupId: string,
  partitions: readonly TopicPartition[] | null,
  options: { lane?: string; timeoutMs?: number; signal?: AbortSignal; requireStable?: boolean } = {},
): Promise<CommittedOffset[]> {
  if (partitions?.length === 0) return Promise.resolve([])
  return askCoordinator<CommittedOffset[]>(network, groupId, options, async (deadline) => {
    const topics =
      partitions && [...byTopic(partitions)].map(([name, list]) => ({ name, partitionIndexes: list.map((entry) => entry.partition) }))
    const answer = await network.send(
      { group: groupId },
      offsetFetch,
      { groupId, topics, groups: [{ groupId, topics }], requireStable: options.requireStable ?? false },
      {
        maxVersion: BY_NAME,
        timeoutMs: Math.max(1, deadline - network.system.clock.monotonic()),
        ...(options.lane === undefined ? {} : { lane: options.lane }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
    )
    const group = answer.groups[0] ?? answer
    if (group.errorCode !== 0) return { error: group.errorCode, about: `offsets of group ${groupId}` }
    const value: CommittedOffset[] = []
    for (const topic of group.topics)
      for (const entry of topic.partitions) {
        if (entry.errorCode !== 0)
          return { error: entry.errorCode, about: `offset of group ${groupId} in ${topic.name}-${entry.partitionIndex}` }
        if (entry.committedOffset >= 0)
          value.push({
            topic: topic.name,
            partition: entry.partitionIndex,
            offset: entry.committedOffset,
            leaderEpoch: entry.committedLeaderEpoch,
            metadata: entry.metadata ?? '',
          })
      }
    return { value }
  })
}
