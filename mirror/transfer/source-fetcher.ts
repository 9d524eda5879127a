/**
 * The source's side of a flow: long polls to each leader over all partitions that have room, one on each of two connections, so that a
 * partition which comes free need not wait for an answer that holds others back. Bytes held are bounded over all partitions and for each.
 */

import type { Client, RawAccess, RawFetchResult } from '../../core/client/index.ts'
import { type ErrorName, isRetriable, KafkaError } from '../../core/errors.ts'
import type { Clock } from '../../core/system/clock.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import { abortedBatchFilter } from './aborted-transactions.ts'
import type { FramePool } from './frame-pool.ts'
import type { PartitionProgress } from './partition-progress.ts'

/** Polls under way to one node. */
const CHANNELS = 2
/** How long the second connection may be held back while nothing is there: what comes free meanwhile waits that long at most. */
const SHORT_WAIT_MS = 100
/** Less room than this is not worth a request. */
const LEAST_ROOM_BYTES = 128 * 1024
const RETRY_MS = 100
const GONE: readonly ErrorName[] = ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID', 'INCONSISTENT_TOPIC_ID']
const RETRY_MAX_MS = 5_000

export interface SourceFetcherOptions {
  client: Client
  clock: Clock
  signal: AbortSignal
  maxHeldBytes: number
  partitionHeldBytes: number
  maxBytes: number
  partitionMaxBytes: number
  maxWaitMs: number
  isolationLevel: 0 | 1
  frames: FramePool
  events: SourceFetcherEvents
}

export interface SourceFetcherEvents {
  /** Batches were put into the partition. */
  took(partition: PartitionProgress, bytes: number): void
  /** The source does not have the offset that is wanted. */
  outOfRange(partition: PartitionProgress): void
  /** The topic is gone, or another one has its name. */
  gone(partition: PartitionProgress, error: ErrorName): void
  /** The leader is not the one that was asked, or a new epoch has begun; null where it did not answer. */
  moved(partition: PartitionProgress, error: ErrorName | null): void
  failed(error: Error): void
  /** The source did not answer; it is asked again. */
  trouble(error: Error): void
  /** The source answered. */
  well(): void
}

interface Channel {
  raw: RawAccess
  polling: boolean
}

interface Leader {
  node: number
  channels: Channel[]
  partitions: Set<PartitionProgress>
  attempts: number
  notBefore: number
}

export class SourceFetcher {
  /** Bytes read and not yet acknowledged, over all partitions. */
  heldBytes = 0
  readonly #options: SourceFetcherOptions
  readonly #leaders = new Map<number, Leader>()
  readonly #homes = new Map<PartitionProgress, Leader>()
  /** Room promised to polls under way. */
  #promised = 0
  #paused = false

  constructor(options: SourceFetcherOptions) {
    this.#options = options
  }

  /** Reads the partition from its leader from now on. */
  add(partition: PartitionProgress): void {
    this.remove(partition)
    let leader = this.#leaders.get(partition.leader)
    if (!leader) {
      const { frames } = this.#options
      const channels = Array.from({ length: CHANNELS }, () => ({
        raw: this.#options.client.raw({ allocate: frames.allocate }),
        polling: false,
      }))
      leader = { node: partition.leader, channels, partitions: new Set(), attempts: 0, notBefore: 0 }
      this.#leaders.set(partition.leader, leader)
    }
    leader.partitions.add(partition)
    this.#homes.set(partition, leader)
    this.#wake(leader)
  }

  remove(partition: PartitionProgress): void {
    this.#homes.get(partition)?.partitions.delete(partition)
    this.#homes.delete(partition)
  }

  pause(paused: boolean): void {
    this.#paused = paused
    if (!paused) this.wakeAll()
  }

  /** Bytes went out. */
  release(bytes: number): void {
    this.heldBytes -= bytes
  }

  wakeAll(): void {
    for (const leader of this.#leaders.values()) this.#wake(leader)
  }

  #wake(leader: Leader): void {
    const { signal, clock, maxHeldBytes } = this.#options
    if (this.#paused || signal.aborted || leader.partitions.size === 0) return
    if (clock.monotonic() < leader.notBefore) return
    // polls that wait on quiet leaders may bind half of the room, so that a busy one is never starved by them
    const share = Math.max(LEAST_ROOM_BYTES, Math.floor(maxHeldBytes / (2 * CHANNELS * this.#leaders.size)))
    for (const channel of leader.channels) {
      if (channel.polling) continue
      const wanted = this.#pick(leader)
      if (wanted.length === 0) return
      const room = Math.min(this.#options.maxBytes, share)
      const bound = this.heldBytes + this.#promised
      // where the bounds are smaller than a request, one at a time
      if (bound > 0 && room > maxHeldBytes - bound) return
      channel.polling = true
      this.#promised += room
      for (const partition of wanted) partition.fetching = true
      void this.#poll(leader, channel, wanted, room)
    }
  }

  #pick(leader: Leader): PartitionProgress[] {
    const wanted: PartitionProgress[] = []
    for (const partition of leader.partitions) {
      if (partition.state === 'flowing' && !partition.fetching && partition.heldBytes < this.#options.partitionHeldBytes)
        wanted.push(partition)
    }
    return wanted
  }

  async #poll(leader: Leader, channel: Channel, wanted: readonly PartitionProgress[], room: number): Promise<void> {
    const { signal, events, maxWaitMs } = this.#options
    const all = wanted.length === leader.partitions.size
    const asked = wanted.map((partition) => partition.fetchOffset)
    let results: RawFetchResult[] | null = null
    let error: Error | null = null
    try {
      results = await channel.raw.fetch(
        leader.node,
        wanted.map((partition) => ({
          topic: partition.topic,
          partition: partition.partition,
          topicId: partition.topicId || ZERO_UUID,
          offset: partition.fetchOffset,
          leaderEpoch: partition.leaderEpoch,
        })),
        {
          maxWaitMs: all ? maxWaitMs : Math.min(maxWaitMs, SHORT_WAIT_MS),
          minBytes: 1,
          maxBytes: room,
          partitionMaxBytes: Math.min(this.#options.partitionMaxBytes, room),
          isolationLevel: this.#options.isolationLevel,
        },
      )
    } catch (failure) {
      error = failure as Error
    }
    this.#promised -= room
    channel.polling = false
    for (const partition of wanted) partition.fetching = false
    if (signal.aborted) return
    try {
      if (results) {
        leader.attempts = 0
        events.well()
        const places = new Map(wanted.map((partition, index) => [`${partition.topic}/${partition.partition}`, index]))
        const looked: Buffer[] = []
        for (const result of results) {
          const index = places.get(`${result.topic}/${result.partition}`)
          // a partition that was rewound while the answer was on its way is asked anew
          if (index !== undefined && wanted[index]!.fetchOffset === asked[index]) this.#handle(wanted[index]!, result, looked)
        }
        for (const records of looked) this.#options.frames.release(records)
      } else this.#trouble(leader, wanted, error!)
      this.#yieldTurn(leader)
      this.wakeAll()
    } catch (failure) {
      events.failed(failure as Error)
    }
  }

  #handle(partition: PartitionProgress, result: RawFetchResult, looked: Buffer[]): void {
    const { clock, events, isolationLevel } = this.#options
    if (partition.state !== 'flowing') return
    if (result.error) {
      this.#refused(partition, result.error as ErrorName)
      return
    }
    partition.refusals = 0
    partition.sourceStart = result.logStartOffset
    partition.sourceEndsAt(isolationLevel === 1 ? result.lastStableOffset : result.highWatermark, clock.monotonic())
    // what was asked for before a pause is asked for again after it
    if (result.records.length === 0 || this.#paused) return
    const { frames } = this.#options
    // held while it is looked at; each batch that goes on holds it by itself
    frames.retain(result.records)
    const bytes = partition.take(result.records, isolationLevel === 1 ? abortedBatchFilter(result.abortedTransactions) : null, frames)
    this.heldBytes += bytes
    events.took(partition, bytes)
    looked.push(result.records)
    // who was served goes to the end: an answer is filled in the order of the question
    const home = this.#homes.get(partition)
    if (home?.partitions.delete(partition)) home.partitions.add(partition)
  }

  /** Room that came free is offered to the other brokers first. */
  #yieldTurn(leader: Leader): void {
    this.#leaders.delete(leader.node)
    this.#leaders.set(leader.node, leader)
  }

  #refused(partition: PartitionProgress, error: ErrorName): void {
    const { events } = this.#options
    partition.refusals++
    if (error === 'OFFSET_OUT_OF_RANGE') events.outOfRange(partition)
    else if (GONE.includes(error)) events.gone(partition, error)
    else if (isRetriable(error)) events.moved(partition, error)
    else {
      const mend = error === 'TOPIC_AUTHORIZATION_FAILED' ? `: grant the mirror READ on topic ${partition.topic}` : ''
      events.failed(new KafkaError(error, `${partition.where} at offset ${partition.fetchOffset}: the source answered ${error}${mend}`))
    }
  }

  #trouble(leader: Leader, wanted: readonly PartitionProgress[], error: Error): void {
    const { clock, signal, events } = this.#options
    const waitMs = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(leader.attempts++, 10))
    leader.notBefore = clock.monotonic() + waitMs
    events.trouble(error)
    for (const partition of wanted) events.moved(partition, null)
    void clock.sleep(waitMs, signal).then(() => {
      leader.notBefore = 0
      this.#wake(leader)
    })
  }

  async close(): Promise<void> {
    await Promise.all([...this.#leaders.values()].flatMap((leader) => leader.channels.map((channel) => channel.raw.close())))
  }
}
