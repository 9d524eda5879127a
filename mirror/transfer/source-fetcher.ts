/**
 * The source side of a flow: long polls to each leader for all partitions that may buffer more. Each leader has two connections, so that a
 * partition does not wait for the long poll of another. Buffered bytes are bounded over all partitions and for each partition.
 */

import type { Client, RawAccess, RawFetchResult } from '../../core/client/index.ts'
import { type ErrorName, isRetriable, KafkaError } from '../../core/errors.ts'
import { backoffMs } from '../../core/system/backoff.ts'
import type { System } from '../../core/system/index.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import { authenticationFailure } from '../authentication-failure.ts'
import { abortedBatchFilter } from './aborted-transactions.ts'
import type { FramePool } from './frame-pool.ts'
import type { PartitionProgress } from './partition-progress.ts'

/** Long polls in flight to one leader. */
const CONNECTIONS_PER_LEADER = 2
/** The longest wait of a poll without all partitions of the leader: the others are polled again after that at the latest. */
const SHORT_WAIT_MS = 100
/** A fetch may return at least this much, however many leaders there are. */
const MIN_FETCH_BYTES = 128 * 1024
const RETRY = { baseMs: 100, maxMs: 5_000 }

export interface SourceFetcherOptions {
  client: Client
  system: Pick<System, 'clock' | 'random'>
  signal: AbortSignal
  maxBufferedBytes: number
  partitionMaxBufferedBytes: number
  maxBytes: number
  partitionMaxBytes: number
  maxWaitMs: number
  isolationLevel: 0 | 1
  frames: FramePool
  events: SourceFetcherEvents
}

export interface SourceFetcherEvents {
  /** The partition has more batches to send. */
  onFetched(partition: PartitionProgress, bytes: number): void
  /** The source does not have the fetch offset. */
  onOffsetOutOfRange(partition: PartitionProgress): void
  /** The leader has to be found again: it refused the fetch with `error`, or (null) did not respond. */
  onLeaderLost(partition: PartitionProgress, error: ErrorName | null): void
  onResponse(): void
  /** A leader did not respond; the fetch is retried. */
  onUnavailable(error: Error): void
  /** An error that a retry cannot resolve. */
  onFailed(error: Error): void
}

interface Connection {
  raw: RawAccess
  polling: boolean
}

interface Leader {
  node: number
  connections: Connection[]
  partitions: Set<PartitionProgress>
  failedPolls: number
  /** No poll before this time (monotonic ms). */
  retryAtMs: number
}

export class SourceFetcher {
  readonly #options: SourceFetcherOptions
  readonly #leaders = new Map<number, Leader>()
  readonly #leaderOf = new Map<PartitionProgress, Leader>()
  /** Bytes fetched and not yet acknowledged, over all partitions. */
  #bufferedBytes = 0
  /** Bytes that responses in flight may contain. */
  #reservedBytes = 0
  #paused = false

  constructor(options: SourceFetcherOptions) {
    this.#options = options
  }

  /** Fetches the partition from its leader from now on. */
  add(partition: PartitionProgress): void {
    this.remove(partition)
    const node = partition.sourceLeader.leader
    let leader = this.#leaders.get(node)
    if (!leader) {
      const { client, frames } = this.#options
      const connections = Array.from({ length: CONNECTIONS_PER_LEADER }, () => ({
        raw: client.raw({ allocate: frames.allocate }),
        polling: false,
      }))
      leader = { node, connections, partitions: new Set(), failedPolls: 0, retryAtMs: 0 }
      this.#leaders.set(node, leader)
    }
    leader.partitions.add(partition)
    this.#leaderOf.set(partition, leader)
    this.#poll(leader)
  }

  remove(partition: PartitionProgress): void {
    this.#leaderOf.get(partition)?.partitions.delete(partition)
    this.#leaderOf.delete(partition)
  }

  setPaused(paused: boolean): void {
    this.#paused = paused
    if (!paused) this.pollAll()
  }

  /** Buffered bytes were acknowledged. `pollAll` has to follow once all of the response are released. */
  release(bytes: number): void {
    this.#bufferedBytes -= bytes
  }

  /** Buffered bytes of a partition were discarded: other leaders may have waited for the space. */
  discard(bytes: number): void {
    this.release(bytes)
    this.pollAll()
  }

  /** Polls every leader that has a free connection and partitions that may buffer more. */
  pollAll(): void {
    for (const leader of this.#leaders.values()) this.#poll(leader)
  }

  #poll(leader: Leader): void {
    const { signal, system, maxBytes, maxBufferedBytes } = this.#options
    if (this.#paused || signal.aborted || leader.partitions.size === 0) return
    if (system.clock.monotonic() < leader.retryAtMs) return
    // Idle long polls may reserve half of the buffer at most, so that they never stop a busy leader.
    const share = Math.max(MIN_FETCH_BYTES, Math.floor(maxBufferedBytes / (2 * CONNECTIONS_PER_LEADER * this.#leaders.size)))
    for (const connection of leader.connections) {
      if (connection.polling) continue
      const partitions = this.#fetchable(leader)
      if (partitions.length === 0) return
      const fetchBytes = Math.min(maxBytes, share)
      const usedBytes = this.#bufferedBytes + this.#reservedBytes
      // If the whole buffer is smaller than one fetch, there is one fetch at a time.
      if (usedBytes > 0 && fetchBytes > maxBufferedBytes - usedBytes) return
      connection.polling = true
      this.#reservedBytes += fetchBytes
      for (const partition of partitions) partition.beginFetch()
      void this.#fetch(leader, connection, partitions, fetchBytes)
    }
  }

  #fetchable(leader: Leader): PartitionProgress[] {
    const maxBytes = this.#options.partitionMaxBufferedBytes
    const partitions: PartitionProgress[] = []
    for (const partition of leader.partitions)
      if (partition.state === 'replicating' && !partition.fetching && partition.bufferedBytes < maxBytes) partitions.push(partition)
    return partitions
  }

  async #fetch(leader: Leader, connection: Connection, partitions: readonly PartitionProgress[], fetchBytes: number): Promise<void> {
    const { signal, events, maxWaitMs, partitionMaxBytes, isolationLevel } = this.#options
    const allPartitions = partitions.length === leader.partitions.size
    const fetchOffsets = partitions.map((partition) => partition.fetchOffset)
    let results: RawFetchResult[] | null = null
    let error: Error | null = null
    try {
      results = await connection.raw.fetch(
        leader.node,
        partitions.map((partition) => ({
          topic: partition.topic,
          partition: partition.partition,
          topicId: partition.topicId || ZERO_UUID,
          offset: partition.fetchOffset,
          leaderEpoch: partition.sourceLeader.leaderEpoch,
        })),
        {
          maxWaitMs: allPartitions ? maxWaitMs : Math.min(maxWaitMs, SHORT_WAIT_MS),
          minBytes: 1,
          maxBytes: fetchBytes,
          partitionMaxBytes: Math.min(partitionMaxBytes, fetchBytes),
          isolationLevel,
        },
      )
    } catch (failure) {
      error = failure as Error
    }
    this.#reservedBytes -= fetchBytes
    connection.polling = false
    for (const partition of partitions) partition.endFetch()
    if (signal.aborted) return
    try {
      if (results) this.#processResponse(leader, partitions, fetchOffsets, results)
      else this.#retryLater(leader, partitions, error!)
      this.#moveToEnd(leader)
      this.pollAll()
    } catch (failure) {
      events.onFailed(failure as Error)
    }
  }

  #processResponse(
    leader: Leader,
    partitions: readonly PartitionProgress[],
    fetchOffsets: readonly number[],
    results: readonly RawFetchResult[],
  ): void {
    leader.failedPolls = 0
    this.#options.events.onResponse()
    const indexes = new Map(partitions.map((partition, index) => [partitionKey(partition), index]))
    const retained: Buffer[] = []
    for (const result of results) {
      const index = indexes.get(partitionKey(result))
      // A partition that was rewound while the response was in flight is fetched again.
      if (index !== undefined && partitions[index]!.fetchOffset === fetchOffsets[index])
        this.#processPartition(partitions[index]!, result, retained)
    }
    for (const records of retained) this.#options.frames.release(records)
  }

  #processPartition(partition: PartitionProgress, result: RawFetchResult, retained: Buffer[]): void {
    const { system, events, isolationLevel, frames } = this.#options
    if (partition.state !== 'replicating') return
    if (result.error) {
      this.#fetchRefused(partition, result.error as ErrorName)
      return
    }
    const endOffset = isolationLevel === 1 ? result.lastStableOffset : result.highWatermark
    partition.fetchAccepted(endOffset, system.clock.monotonic())
    // A paused flow drops the records; they are fetched again after the resume.
    if (result.records.length === 0 || this.#paused) return
    // The response's memory is retained while it is read here; each batch that is buffered retains it for itself.
    frames.retain(result.records)
    retained.push(result.records)
    const isAborted = isolationLevel === 1 ? abortedBatchFilter(result.abortedTransactions) : null
    const bytes = partition.appendFetched(result.records, isAborted, frames)
    this.#bufferedBytes += bytes
    events.onFetched(partition, bytes)
    // Brokers fill a response in the order of the request, so a partition that got records goes to the end.
    const leader = this.#leaderOf.get(partition)
    if (leader?.partitions.delete(partition)) leader.partitions.add(partition)
  }

  /** Buffer space that becomes free is offered to the other leaders first. */
  #moveToEnd(leader: Leader): void {
    this.#leaders.delete(leader.node)
    this.#leaders.set(leader.node, leader)
  }

  #fetchRefused(partition: PartitionProgress, error: ErrorName): void {
    const { events } = this.#options
    partition.fetchRefused()
    if (error === 'OFFSET_OUT_OF_RANGE') events.onOffsetOutOfRange(partition)
    else if (isRetriable(error)) events.onLeaderLost(partition, error)
    else {
      const hint = error === 'TOPIC_AUTHORIZATION_FAILED' ? `: grant the mirror READ on topic ${partition.topic}` : ''
      const where = `${partition.name} at offset ${partition.fetchOffset}`
      events.onFailed(new KafkaError(error, `${where}: the source responded with ${error}${hint}`))
    }
  }

  #retryLater(leader: Leader, partitions: readonly PartitionProgress[], error: Error): void {
    const { system, signal, events } = this.#options
    if (authenticationFailure(error)) {
      events.onFailed(error)
      return
    }
    const waitMs = backoffMs(RETRY, leader.failedPolls++, system.random)
    leader.retryAtMs = system.clock.monotonic() + waitMs
    events.onUnavailable(error)
    for (const partition of partitions) events.onLeaderLost(partition, null)
    void system.clock.sleep(waitMs, signal).then(() => {
      leader.retryAtMs = 0
      this.#poll(leader)
    })
  }

  async close(): Promise<void> {
    await Promise.all([...this.#leaders.values()].flatMap(({ connections }) => connections.map(({ raw }) => raw.close())))
  }
}
