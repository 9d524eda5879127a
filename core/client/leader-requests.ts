/**
 * Sends one request to the leader of each partition: groups the partitions by node, refreshes the metadata and repeats the request for
 * partitions with a retriable error, until the deadline. Each partition gets an outcome: a value or an error, never both.
 */
import { type ErrorName, errorName, isRetriable, KafkaError } from '../errors.ts'
import { partitionKey } from '../topic-partition.ts'
import type { RequestRouter } from './transport/request-router.ts'
import type { TopicPartition } from './types.ts'

/** Attempts before UNKNOWN_TOPIC_OR_PARTITION is final: not all brokers know a new topic at once. */
const UNKNOWN_TOPIC_ATTEMPTS = 4

/** A leader's response for one partition. */
interface PartitionResponse<R> extends TopicPartition {
  errorCode: number
  value: R
}

/** `error` is the protocol's, null where there is a value. A retriable one means that the deadline has passed. */
type PartitionOutcome<R> = { error: null; value: R } | { error: ErrorName; value: null }

export interface LeaderRequestOptions {
  /** Of all attempts together; request.timeout.ms where it is not given. */
  timeoutMs?: number
  signal?: AbortSignal | undefined
}

/**
 * The outcomes in the order of `partitions`, which has each partition once. `request` sends one request to one node. It throws an error of
 * the whole request; a retriable KafkaError is retried.
 */
export async function requestFromLeaders<P extends TopicPartition, R>(
  router: RequestRouter,
  partitions: readonly P[],
  options: LeaderRequestOptions,
  request: (node: number, partitions: readonly P[], timeoutMs: number) => Promise<readonly PartitionResponse<R>[]>,
): Promise<PartitionOutcome<R>[]> {
  const { clock } = router.system
  const deadline = clock.monotonic() + (options.timeoutMs ?? router.settings.requestTimeoutMs)
  const remainingMs = () => Math.max(1, deadline - clock.monotonic())
  const outcomes = new Map<string, PartitionOutcome<R>>()
  let pending = [...partitions]
  for (let attempt = 0; ; attempt++) {
    const retry: P[] = []
    const fail = (entry: P, error: ErrorName) => {
      outcomes.set(partitionKey(entry), { error, value: null })
      // A topic that stays unknown does not exist.
      if (isRetriable(error) && (error !== 'UNKNOWN_TOPIC_OR_PARTITION' || attempt + 1 < UNKNOWN_TOPIC_ATTEMPTS)) retry.push(entry)
    }
    if (attempt > 0) await router.metadata.refresh([...new Set(pending.map(({ topic }) => topic))], { signal: options.signal })
    const byLeader = new Map<number, P[]>()
    for (const entry of pending) {
      const topic = attempt > 0 ? router.metadata.peek(entry.topic) : await router.metadata.topic(entry.topic)
      const leader = topic?.partitions[entry.partition]?.leader
      if (leader === undefined) fail(entry, 'UNKNOWN_TOPIC_OR_PARTITION')
      else if (leader < 0) fail(entry, 'LEADER_NOT_AVAILABLE')
      else if (byLeader.has(leader)) byLeader.get(leader)!.push(entry)
      else byLeader.set(leader, [entry])
    }
    await Promise.all(
      [...byLeader].map(async ([node, entries]) => {
        const missing = new Map(entries.map((entry) => [partitionKey(entry), entry]))
        try {
          for (const { errorCode, value, ...topicPartition } of await request(node, entries, remainingMs())) {
            const key = partitionKey(topicPartition)
            const entry = missing.get(key)
            if (!entry) continue
            missing.delete(key)
            if (errorCode === 0) outcomes.set(key, { error: null, value })
            else fail(entry, errorName(errorCode))
          }
          for (const entry of missing.values()) fail(entry, 'UNKNOWN_SERVER_ERROR')
        } catch (error) {
          if (!(error instanceof KafkaError) || !error.retriable) throw error
          for (const entry of missing.values()) fail(entry, error.error)
        }
      }),
    )
    pending = retry
    if (pending.length === 0) break
    const waitMs = router.backoffMs(attempt)
    if (options.signal?.aborted || router.closed || clock.monotonic() + waitMs >= deadline) break
    await router.sleep(waitMs, options.signal)
  }
  return partitions.map((entry) => outcomes.get(partitionKey(entry))!)
}
