/**
 * Keeps Fetch requests in flight for the partitions of a consumer, ahead of poll() up to a bound (Invariant 13). PositionFinder finds and
 * validates the positions. Errors that only the user can solve wait for poll(); nothing here rejects.
 */
import { accessHint, type ErrorName, isRetriable, KafkaError } from '../../errors.ts'
import { WakeTimer } from '../../system/wake-timer.ts'
import { partitionKey } from '../../topic-partition.ts'
import type { CommittedOffset } from '../group/group-offsets.ts'
import { clientLimits } from '../limits.ts'
import { fetchRaw } from '../raw-batches.ts'
import { MetadataRefresher } from '../transport/metadata-refresher.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { ConsumedBatch, RawFetchResult, TopicPartition } from '../types.ts'
import { PartitionReader, type PositionSource } from './partition-reader.ts'
import { PositionFinder, type PositionSettings } from './position-finder.ts'

interface FetcherSettings extends PositionSettings {
  fetchMinBytes: number
  fetchMaxWaitMs: number
  fetchMaxBytes: number
  maxPartitionFetchBytes: number
}

/** Errors of a partition that are retried after a refresh of the metadata. */
const LEADER_MOVED: readonly ErrorName[] = [
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'INCONSISTENT_TOPIC_ID',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
]
/** An offset out of range is fetched again after this time while buffered records wait for poll(). */
const OUT_OF_RANGE_RETRY_MS = 50

export class Fetcher {
  readonly #router: RequestRouter
  readonly #settings: FetcherSettings
  readonly #readers = new Map<string, PartitionReader>()
  /** The same readers in the order in which poll() serves them. */
  #order: PartitionReader[] = []
  readonly #channels: string[]
  /** Node and channel of each fetch in flight. */
  readonly #inFlight = new Set<string>()
  readonly #closing = new AbortController()
  readonly #removeListener: () => void
  readonly #timer: WakeTimer
  readonly #metadata: MetadataRefresher
  readonly #positions: PositionFinder
  /** poll() may have something to return. */
  readonly #onReady: () => void
  #scheduled = false

  constructor(
    router: RequestRouter,
    settings: FetcherSettings,
    committed: (partitions: readonly TopicPartition[], signal: AbortSignal) => Promise<CommittedOffset[]>,
    onReady: () => void,
  ) {
    this.#router = router
    this.#settings = settings
    this.#onReady = onReady
    const { signal } = this.#closing
    this.#channels = Array.from({ length: clientLimits.fetchesPerNode }, () => router.newChannel('fetch'))
    this.#timer = new WakeTimer(router.system.clock, () => this.schedule(), { keepsAlive: false })
    this.#metadata = new MetadataRefresher(router, {
      allowCreation: false,
      signal,
      onRefreshed: () => this.schedule(),
      onRefused: (topics, error) => {
        for (const reader of this.#order) if (topics.includes(reader.topic)) reader.fail(error)
        this.#onReady()
      },
      onDelayed: (time) => this.#timer.wakeAt(time),
    })
    this.#positions = new PositionFinder(router, {
      settings,
      committed,
      delay: (reader) => this.#delay(reader),
      onRequestFailed: (readers, revisions, error) => this.#onRequestFailed(readers, revisions, error),
      signal,
    })
    this.#removeListener = router.metadata.onUpdated(() => this.schedule())
  }

  get partitions(): TopicPartition[] {
    return this.#order
      .map(({ topic, partition }) => ({ topic, partition }))
      .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
  }

  get(partition: TopicPartition): PartitionReader | undefined {
    return this.#readers.get(partitionKey(partition))
  }

  add(partition: TopicPartition, from: PositionSource | number): void {
    const key = partitionKey(partition)
    if (this.#readers.has(key)) return
    const reader = new PartitionReader(partition, from, this.#settings.isolationLevel === 1)
    this.#readers.set(key, reader)
    this.#order.push(reader)
    this.schedule()
  }

  remove(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) {
      const key = partitionKey(partition)
      this.#readers.get(key)?.clear()
      this.#readers.delete(key)
    }
    this.#order = this.#order.filter((reader) => this.#readers.get(partitionKey(reader)) === reader)
  }

  /** Up to `limit` buffered records. Throws a partition's failure, but never in place of records whose positions have moved. */
  collect(limit: number): ConsumedBatch[] {
    const batches: ConsumedBatch[] = []
    let remaining = limit
    const count = this.#order.length
    for (let i = 0; i < count && remaining > 0; i++) {
      const reader = this.#order[0]!
      const batch = reader.paused ? null : reader.read(remaining)
      if (batch) {
        batches.push(batch)
        remaining -= batch.records.length
      }
      const failed = !batch && reader.failed
      // It stays the first: the next call throws.
      if (failed && batches.length > 0) break
      // A partition with more records is served again after the other partitions.
      this.#order.push(this.#order.shift()!)
      if (failed) {
        this.schedule()
        throw reader.clearFailure()
      }
    }
    if (batches.length > 0) this.schedule()
    return batches
  }

  /** Starts the requests that can start, once for all calls of one turn of the event loop. */
  schedule(): void {
    if (this.#scheduled || this.#closing.signal.aborted) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      if (!this.#closing.signal.aborted) this.#startRequests()
    })
  }

  #startRequests(): void {
    const now = this.#router.system.clock.monotonic()
    const byLeader = new Map<number, PartitionReader[]>()
    const toFind: PartitionReader[] = []
    const toValidate = new Map<number, PartitionReader[]>()
    const leaderless: string[] = []
    const bufferedBytes = this.#bufferedBytes()
    for (const reader of this.#order) {
      // The next records of a partition that failed come after its error.
      if (reader.busy || reader.failed) continue
      if (reader.retryAt > now) {
        this.#timer.wakeAt(reader.retryAt)
        continue
      }
      if (reader.position === undefined) {
        toFind.push(reader)
        continue
      }
      if (reader.paused || reader.bufferedBytes >= clientLimits.prefetchPartitionBytes || bufferedBytes >= clientLimits.prefetchBytes)
        continue
      const metadata = this.#router.metadata.peek(reader.topic)?.partitions[reader.partition]
      if (!metadata || metadata.leader < 0) {
        leaderless.push(reader.topic)
        continue
      }
      const leaderChanged = reader.lastEpoch >= 0 && metadata.leaderEpoch > Math.max(reader.validatedEpoch, reader.lastEpoch)
      const groups = leaderChanged ? toValidate : byLeader
      const readers = groups.get(metadata.leader)
      if (readers) readers.push(reader)
      else groups.set(metadata.leader, [reader])
    }
    if (leaderless.length > 0) this.#metadata.request(leaderless)
    if (toFind.length > 0) void this.#positions.find(toFind).then(() => this.#onRequestEnded())
    for (const readers of toValidate.values()) void this.#positions.validate(readers).then(() => this.#onRequestEnded())
    for (const [leader, readers] of byLeader) {
      const channel = this.#channels.find((candidate) => !this.#inFlight.has(`${leader}/${candidate}`))
      if (channel !== undefined) void this.#fetch(leader, channel, readers)
    }
  }

  /** What paused partitions have is dropped where it is all that may be buffered: they fetch it again, and the others need not wait. */
  #bufferedBytes(): number {
    let bytes = 0
    for (const reader of this.#order) bytes += reader.bufferedBytes
    if (bytes < clientLimits.prefetchBytes || this.#order.every((reader) => reader.paused)) return bytes
    for (const reader of this.#order) {
      if (!reader.paused || reader.bufferedBytes === 0) continue
      bytes -= reader.bufferedBytes
      reader.seek(reader.position!, reader.lastEpoch)
    }
    return bytes
  }

  #onRequestEnded(): void {
    this.#onReady()
    this.schedule()
  }

  /** Never rejects. */
  async #fetch(leader: number, channel: string, readers: PartitionReader[]): Promise<void> {
    const settings = this.#settings
    const router = this.#router
    const key = `${leader}/${channel}`
    this.#inFlight.add(key)
    const revisions = readers.map((reader) => reader.begin())
    const requested = new Map(readers.map((reader, index) => [partitionKey(reader), { reader, revision: revisions[index]! }]))
    try {
      const results = await fetchRaw(
        router,
        channel,
        leader,
        readers.map(({ topic, partition, fetchOffset: offset }) => {
          const metadata = router.metadata.peek(topic)!
          return { topic, topicId: metadata.id, partition, offset, leaderEpoch: metadata.partitions[partition]!.leaderEpoch }
        }),
        {
          maxWaitMs: settings.fetchMaxWaitMs,
          minBytes: settings.fetchMinBytes,
          maxBytes: settings.fetchMaxBytes,
          partitionMaxBytes: settings.maxPartitionFetchBytes,
          isolationLevel: settings.isolationLevel,
          signal: this.#closing.signal,
        },
      )
      for (const result of results) {
        const entry = requested.get(partitionKey(result))
        if (entry && entry.reader.revision === entry.revision) this.#receive(entry.reader, result)
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#onRequestFailed(readers, revisions, error)
    }
    this.#inFlight.delete(key)
    readers.forEach((reader, index) => void reader.end(revisions[index]!))
    this.#onRequestEnded()
  }

  #onRequestFailed(readers: readonly PartitionReader[], revisions: readonly number[], error: unknown): void {
    const current = readers.filter((reader, index) => reader.revision === revisions[index])
    for (const reader of current) this.#delay(reader)
    if (!(error instanceof KafkaError && error.retriable)) current[0]?.fail(error as Error)
    this.#metadata.request(readers.map((reader) => reader.topic))
  }

  #delay(reader: PartitionReader): void {
    reader.delay(this.#router.system.clock.monotonic(), (attempt) => this.#router.backoffMs(attempt))
    this.#timer.wakeAt(reader.retryAt)
  }

  #receive(reader: PartitionReader, result: RawFetchResult): void {
    const error = result.error as ErrorName | null
    if (error === null) {
      reader.succeeded()
      this.#metadata.succeeded()
      reader.append(result)
    } else if (error === 'OFFSET_OUT_OF_RANGE') {
      // The records before it are still valid.
      if (reader.hasBuffered) reader.delayUntil(this.#router.system.clock.monotonic() + OUT_OF_RANGE_RETRY_MS)
      else this.#positions.reset(reader)
    } else {
      this.#delay(reader)
      if (LEADER_MOVED.includes(error) || isRetriable(error)) this.#metadata.request([reader.topic])
      else reader.fail(new KafkaError(error, `${partitionKey(reader)}: ${error}${accessHint(error, 'READ')}`))
    }
  }

  close(): void {
    this.#closing.abort()
    this.#removeListener()
    this.#timer.cancel()
    for (const channel of this.#channels) this.#router.pool.closeChannel(channel)
    this.remove(this.partitions)
  }
}
