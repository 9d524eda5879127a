/**
 * Offsets of partitions and of groups, asked for and stored: what the admin, the consumer and the group member have in common.
 * Tries again what the protocol calls retriable, until a deadline.
 */
import listOffsetsApi from '../apis/02-list-offsets.ts'
import offsetCommit from '../apis/08-offset-commit.ts'
import offsetFetch from '../apis/09-offset-fetch.ts'
import { errorName, isRetriable, KafkaError } from '../errors.ts'
import { byTopic, partitionKey } from '../topic-partition.ts'
import type { RequestRouter } from './transport/request-router.ts'
import type { CommitOffset, TopicPartition } from './types.ts'

/** The last versions that name topics by name, so that a topic that is gone can still be spoken of. */
const BY_NAME = 9
const CONSUMER_REPLICA = -1

export interface PartitionOffset extends TopicPartition {
  offset: number
  timestamp: number
  leaderEpoch: number
  error: string | null
}

export async function listOffsets(
  network: RequestRouter,
  partitions: readonly (TopicPartition & { timestamp: number })[],
  options: { isolationLevel: 0 | 1; timeoutMs?: number; signal?: AbortSignal | undefined },
): Promise<PartitionOffset[]> {
  const { clock } = network.system
  const deadline = clock.monotonic() + (options.timeoutMs ?? network.settings.requestTimeoutMs)
  const done = new Map<string, PartitionOffset>()
  let open = [...partitions]
  for (let attempt = 0; open.length > 0; attempt++) {
    const byLeader = new Map<number, typeof open>()
    const failed = (entry: TopicPartition, error: string) =>
      void done.set(partitionKey(entry), { ...entry, offset: -1, timestamp: -1, leaderEpoch: -1, error })
    const again: typeof open = []
    if (attempt > 0) await network.metadata.refresh([...new Set(open.map((entry) => entry.topic))], { signal: options.signal })
    for (const entry of open) {
      const topic = attempt > 0 ? network.metadata.peek(entry.topic) : await network.metadata.topic(entry.topic)
      const leader = topic?.partitions[entry.partition]?.leader
      if (leader === undefined || leader < 0) {
        failed(entry, leader === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'LEADER_NOT_AVAILABLE')
        again.push(entry)
      } else if (byLeader.has(leader)) byLeader.get(leader)!.push(entry)
      else byLeader.set(leader, [entry])
    }
    await Promise.all(
      [...byLeader].map(async ([leader, entries]) => {
        try {
          const answer = await network.request(
            leader,
            listOffsetsApi,
            {
              replicaId: CONSUMER_REPLICA,
              isolationLevel: options.isolationLevel,
              topics: [...byTopic(entries)].map(([name, list]) => ({
                name,
                partitions: list.map(({ partition, timestamp }) => ({ partitionIndex: partition, timestamp })),
              })),
              timeoutMs: Math.max(1, Math.min(deadline - clock.monotonic(), 0x7fff_ffff)),
            },
            { lane: 'main', timeoutMs: Math.max(1, deadline - clock.monotonic()), signal: options.signal },
          )
          const wanted = new Map(entries.map((entry) => [partitionKey(entry), entry]))
          for (const topic of answer.topics)
            for (const found of topic.partitions) {
              const key = partitionKey({ topic: topic.name, partition: found.partitionIndex })
              const entry = wanted.get(key)
              if (!entry) continue
              const error = found.errorCode === 0 ? null : errorName(found.errorCode)
              const { offset, timestamp, leaderEpoch } = found
              done.set(key, { topic: entry.topic, partition: entry.partition, offset, timestamp, leaderEpoch, error })
              if (error && isRetriable(error)) again.push(entry)
            }
        } catch (error) {
          if (!(error instanceof KafkaError) || !error.retriable) throw error
          for (const entry of entries) {
            failed(entry, error.error)
            again.push(entry)
          }
        }
      }),
    )
    // A topic that stays unknown is an answer, not a wait.
    open = again.filter((entry) => done.get(partitionKey(entry))!.error !== 'UNKNOWN_TOPIC_OR_PARTITION' || attempt < 3)
    if (open.length === 0) break
    const waitMs = network.backoffMs(attempt)
    if (options.signal?.aborted || network.closed || clock.monotonic() + waitMs >= deadline) break
    await network.sleep(waitMs, options.signal)
  }
  return partitions.map((entry) => done.get(partitionKey(entry)) ?? { ...entry, offset: -1, leaderEpoch: -1, error: 'REQUEST_TIMED_OUT' })
}

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
