/**
 * Keeps long polls under way for the partitions of a consumer, ahead of poll() up to a bound, and finds positions: what is committed, the
 * reset policy, another leader, a truncated log. Errors that only the user can mend wait for poll(); nothing here rejects.
 */
import { type ErrorName, isRetriable, KafkaError } from '../../errors.ts'
import type { Timer } from '../../system/clock.ts'
import { partitionKey } from '../../topic-partition.ts'
import type { CommittedOffset } from '../group-offsets.ts'
import { clientLimits } from '../limits.ts'
import { listOffsets, offsetsForLeaderEpochs } from '../partition-offsets.ts'
import { fetchRaw } from '../raw-batches.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { ConsumedBatch, RawFetchResult, TopicPartition } from '../types.ts'
import { PartitionReader } from './partition-reader.ts'

export interface FetcherSettings {
  autoOffsetReset: 'earliest' | 'latest' | 'none'
  isolationLevel: 0 | 1
  fetchMinBytes: number
  fetchMaxWaitMs: number
  fetchMaxBytes: number
  maxPartitionFetchBytes: number
}

type Seeking = 'committed' | 'earliest' | 'latest' | number

/** Errors of a partition that a look at the metadata and another try mend. */
const MOVED: readonly ErrorName[] = [
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
/** How soon an offset beyond what is buffered is asked for again. */
const DRAIN_WAIT_MS = 50

export class Fetcher {
  readonly #network: RequestRouter
  readonly #settings: FetcherSettings
  readonly #readers = new Map<string, PartitionReader>()
  readonly #lanes: string[]
  /** node/lane of fetches under way. */
  readonly #underway = new Set<string>()
  readonly #closing = new AbortController()
  readonly #unlisten: () => void
  /** Told when poll() may have something to take. */
  readonly #onReady: () => void
  readonly #committed: (partitions: readonly TopicPartition[], signal: AbortSignal) => Promise<CommittedOffset[]>
  #scheduled = false
  #timer: Timer | null = null
  #timerAt = Number.POSITIVE_INFINITY
  #askingMetadata = false
  #metadataAttempts = 0
  #metadataNotBefore = 0
  #knownEpochs = new Map<string, number>()
  /** Partitions in the order in which poll() serves them. */
  #turn: PartitionReader[] = []

  constructor(
    network: RequestRouter,
    settings: FetcherSettings,
    committed: (partitions: readonly TopicPartition[], signal: AbortSignal) => Promise<CommittedOffset[]>,
    onReady: () => void,
  ) {
    this.#network = network
    this.#settings = settings
    this.#committed = committed
    this.#onReady = onReady
    this.#lanes = Array.from({ length: clientLimits.fetchesPerNode }, () => network.newLane('fetch'))
    this.#unlisten = network.metadata.onChange(() => this.schedule())
  }

  get partitions(): TopicPartition[] {
    return this.#turn
      .map(({ topic, partition }) => ({ topic, partition }))
      .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
  }

  get(partition: TopicPartition): PartitionReader | undefined {
    return this.#readers.get(partitionKey(partition))
  }

  add(partition: TopicPartition, seeking: Seeking): void {
    const key = partitionKey(partition)
    if (this.#readers.has(key)) return
    const reader = new PartitionReader(partition, seeking, this.#settings.isolationLevel === 1)
    this.#readers.set(key, reader)
    this.#turn.push(reader)
    this.schedule()
  }

  remove(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) {
      const key = partitionKey(partition)
      this.#readers.get(key)?.clear()
      this.#readers.delete(key)
      this.#knownEpochs.delete(key)
    }
    this.#turn = this.#turn.filter((reader) => this.#readers.get(partitionKey(reader)) === reader)
  }

  /** Up to `limit` records that are there; throws what has gone wrong, but never in place of records whose positions have moved. */
  take(limit: number): ConsumedBatch[] {
    const batches: ConsumedBatch[] = []
    let left = limit
    const served = this.#turn.length
    for (let i = 0; i < served && left > 0; i++) {
      const reader = this.#turn[0]!
      const batch = reader.paused ? null : reader.take(left)
      const failure = batch ? null : reader.failure
      if (batch) {
        batches.push(batch)
        left -= batch.records.length
      }
      // It is the first to be asked next time.
      if (failure && batches.length > 0) break
      // Who still has more keeps its turn only when nobody else waits.
      this.#turn.push(this.#turn.shift()!)
      if (failure) {
        reader.failure = null
        this.schedule()
        throw failure
      }
    }
    if (batches.length > 0) this.schedule()
    return batches
  }

  schedule(): void {
    if (this.#scheduled || this.#closing.signal.aborted) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      if (!this.#closing.signal.aborted) this.#pump()
    })
  }

  #wakeAt(at: number): void {
    if (at >= this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = at
    const { clock } = this.#network.system
    this.#timer = clock.after(Math.max(1, at - clock.monotonic()), () => {
      this.#timer = null
      this.#timerAt = Number.POSITIVE_INFINITY
      this.schedule()
    })
  }

  /** Starts what can be started: fetches and searches for positions. */
  #pump(): void {
    const now = this.#network.system.clock.monotonic()
    const byLeader = new Map<number, PartitionReader[]>()
    const toFind: PartitionReader[] = []
    const toCheck: PartitionReader[] = []
    const leaderless: string[] = []
    let buffered = 0
    for (const reader of this.#turn) buffered += reader.bufferedBytes
    for (const reader of this.#turn) {
      if (reader.resolving || reader.fetching) continue
      if (reader.notBefore > now) {
        this.#wakeAt(reader.notBefore)
        continue
      }
      if (reader.position === undefined) {
        toFind.push(reader)
        continue
      }
      if (reader.paused || reader.bufferedBytes >= clientLimits.prefetchPartitionBytes || buffered >= clientLimits.prefetchBytes) continue
      const known = this.#network.metadata.peek(reader.topic)?.partitions[reader.partition]
      if (!known || known.leader < 0) {
        leaderless.push(reader.topic)
        continue
      }
      if (reader.lastEpoch >= 0 && known.leaderEpoch > Math.max(reader.soundEpoch, reader.lastEpoch)) {
        toCheck.push(reader)
        continue
      }
      const readers = byLeader.get(known.leader)
      if (readers) readers.push(reader)
      else byLeader.set(known.leader, [reader])
    }
    if (leaderless.length > 0) this.#askMetadata(leaderless, now)
    if (toFind.length > 0) void this.#findPositions(toFind)
    if (toCheck.length > 0) void this.#checkTruncation(toCheck)
    for (const [leader, readers] of byLeader) {
      const lane = this.#lanes.find((candidate) => !this.#underway.has(`${leader}/${candidate}`))
      if (lane) void this.#fetch(leader, lane, readers)
    }
  }

  /** One long poll. Never rejects. */
  async #fetch(leader: number, lane: string, readers: PartitionReader[]): Promise<void> {
    const settings = this.#settings
    const network = this.#network
    const place = `${leader}/${lane}`
    this.#underway.add(place)
    const versions = readers.map((reader) => reader.version)
    const wanted = new Map(readers.map((reader, index) => [partitionKey(reader), { reader, version: versions[index]! }]))
    for (const reader of readers) reader.fetching = true
    try {
      const results = await fetchRaw(
        network,
        lane,
        leader,
        readers.map((reader) => {
          const topic = network.metadata.peek(reader.topic)!
          const { topic: name, partition, fetchOffset } = reader
          return { topic: name, topicId: topic.id, partition, offset: fetchOffset, leaderEpoch: topic.partitions[partition]!.leaderEpoch }
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
        const entry = wanted.get(partitionKey(result))
        if (entry && entry.reader.version === entry.version) this.#receive(entry.reader, result)
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#failAll(readers, versions, error)
    }
    this.#underway.delete(place)
    readers.forEach((reader, index) => {
      if (reader.version === versions[index]) reader.fetching = false
    })
    this.#onReady()
    this.schedule()
  }

  #failAll(readers: readonly PartitionReader[], versions: readonly number[], error: unknown): void {
    const retriable = error instanceof KafkaError && (error.retriable || error.error === 'REQUEST_TIMED_OUT')
    const now = this.#network.system.clock.monotonic()
    const current = readers.filter((reader, index) => reader.version === versions[index])
    for (const reader of current) this.#delay(reader, now)
    if (!retriable && current[0]) current[0].failure = error as Error
    this.#askMetadata([...new Set(readers.map((reader) => reader.topic))], now)
  }

  #delay(reader: PartitionReader, now: number): void {
    reader.notBefore = now + this.#network.backoffMs(reader.attempts++)
    this.#wakeAt(reader.notBefore)
  }

  #receive(reader: PartitionReader, result: RawFetchResult): void {
    const now = this.#network.system.clock.monotonic()
    if (result.error === null) {
      reader.attempts = 0
      this.#metadataAttempts = 0
      reader.put(result)
      return
    }
    const error = result.error as ErrorName
    if (error === 'OFFSET_OUT_OF_RANGE') {
      // What lies before it may still be taken.
      if (reader.hasBuffered) reader.notBefore = now + DRAIN_WAIT_MS
      else
        this.#resetOr(
          reader,
          new KafkaError(
            error,
            `${partitionKey(reader)} has no offset ${reader.fetchOffset} and auto.offset.reset is none: seek to one that it has`,
          ),
        )
      return
    }
    this.#delay(reader, now)
    if (MOVED.includes(error) || isRetriable(error)) this.#askMetadata([reader.topic], now)
    else reader.failure = new KafkaError(error, `${partitionKey(reader)}: ${error}`)
  }

  #resetOr(reader: PartitionReader, failure: Error): void {
    const { autoOffsetReset } = this.#settings
    this.#network.system.logger.info(
      { topic: reader.topic, partition: reader.partition, offset: reader.fetchOffset, reset: autoOffsetReset },
      'position is reset',
    )
    if (autoOffsetReset === 'none') {
      reader.notBefore = this.#network.system.clock.monotonic() + this.#network.settings.retryBackoffMaxMs
      reader.failure = failure
    } else reader.reset(autoOffsetReset)
  }

  /** Positions of partitions that have none. Never rejects. */
  async #findPositions(readers: PartitionReader[]): Promise<void> {
    const versions = readers.map((reader) => reader.version)
    for (const reader of readers) reader.resolving = true
    const current = () => readers.filter((reader, index) => reader.version === versions[index])
    try {
      const ofGroup = readers.filter((reader) => reader.seeking === 'committed')
      if (ofGroup.length > 0) {
        const found = new Map((await this.#committed(ofGroup, this.#closing.signal)).map((entry) => [partitionKey(entry), entry]))
        for (const reader of current()) {
          if (reader.seeking !== 'committed') continue
          const entry = found.get(partitionKey(reader))
          if (entry) this.#settle(reader, versions, readers, entry.offset, entry.leaderEpoch)
          else if (this.#settings.autoOffsetReset === 'none') {
            reader.notBefore = this.#network.system.clock.monotonic() + this.#network.settings.retryBackoffMaxMs
            reader.failure = new KafkaError(
              'OFFSET_OUT_OF_RANGE',
              `${partitionKey(reader)} has no committed offset and auto.offset.reset is none: commit one or seek`,
            )
          } else reader.seeking = this.#settings.autoOffsetReset
        }
      }
      const toList = current().filter(
        (reader) => reader.position === undefined && (reader.seeking === 'earliest' || reader.seeking === 'latest'),
      )
      if (toList.length > 0) {
        const offsets = await listOffsets(
          this.#network,
          toList.map((reader) => ({
            topic: reader.topic,
            partition: reader.partition,
            spec: reader.seeking as 'earliest' | 'latest',
          })),
          { isolationLevel: this.#settings.isolationLevel, signal: this.#closing.signal },
        )
        const now = this.#network.system.clock.monotonic()
        const still = new Set(current())
        offsets.forEach((entry, index) => {
          const reader = toList[index]!
          if (!still.has(reader)) return
          if (entry.error === null) this.#settle(reader, versions, readers, entry.offset, entry.leaderEpoch)
          else {
            this.#delay(reader, now)
            if (!isRetriable(entry.error)) reader.failure = new KafkaError(entry.error, `${partitionKey(reader)}: ${entry.error}`)
          }
        })
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#failAll(readers, versions, error)
    }
    readers.forEach((reader, index) => {
      if (reader.version === versions[index]) reader.resolving = false
    })
    this.#onReady()
    this.schedule()
  }

  #settle(reader: PartitionReader, versions: number[], readers: PartitionReader[], offset: number, leaderEpoch: number): void {
    reader.seek(offset, leaderEpoch)
    reader.attempts = 0
    versions[readers.indexOf(reader)] = reader.version
  }

  /** After a change of leader: has the new one truncated records that were read or fetched (KIP-320)? Never rejects. */
  async #checkTruncation(readers: PartitionReader[]): Promise<void> {
    const versions = readers.map((reader) => reader.version)
    const epochs = readers.map((reader) => this.#network.metadata.peek(reader.topic)?.partitions[reader.partition]?.leaderEpoch ?? -1)
    for (const reader of readers) reader.resolving = true
    try {
      const ends = await offsetsForLeaderEpochs(
        this.#network,
        readers.map(({ topic, partition, lastEpoch }) => ({ topic, partition, leaderEpoch: lastEpoch })),
        { signal: this.#closing.signal },
      )
      readers.forEach((reader, index) => {
        if (reader.version !== versions[index]) return
        const { error, endOffset, leaderEpoch } = ends[index]!
        // A broker without this request cannot report truncation: the position is accepted.
        if (error !== null && error !== 'UNSUPPORTED_VERSION')
          this.#failAll([reader], [reader.version], new KafkaError(error, `${partitionKey(reader)}: ${error}`))
        else {
          if (error === null) this.#truncate(reader, endOffset, leaderEpoch)
          reader.soundEpoch = epochs[index]!
        }
        reader.resolving = false
      })
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#failAll(readers, versions, error)
      readers.forEach((reader, index) => {
        if (reader.version === versions[index]) reader.resolving = false
      })
    }
    this.#onReady()
    this.schedule()
  }

  /** What was fetched beyond `endOffset` is not in the leader's log: drops it and continues from there. */
  #truncate(reader: PartitionReader, endOffset: number, leaderEpoch: number): void {
    if (endOffset < 0 || endOffset >= reader.fetchOffset) return
    const { topic, partition, position } = reader
    if (endOffset >= (position ?? 0)) {
      reader.seek(position!, leaderEpoch)
      return
    }
    const why = `${partitionKey(reader)} was truncated to offset ${endOffset}, the position is ${position}`
    this.#network.system.logger.warn({ topic, partition, position, endOffset }, 'the log was truncated to an offset before the position')
    reader.seek(endOffset, leaderEpoch)
    if (this.#settings.autoOffsetReset === 'none') reader.failure = new KafkaError('OFFSET_OUT_OF_RANGE', why)
  }

  #askMetadata(topics: readonly string[], now: number): void {
    if (this.#askingMetadata || this.#closing.signal.aborted) return
    if (this.#metadataNotBefore > now) {
      this.#wakeAt(this.#metadataNotBefore)
      return
    }
    this.#askingMetadata = true
    this.#network.metadata
      .refresh([...new Set(topics)], { signal: this.#closing.signal })
      .catch((error) => this.#network.system.logger.debug({ err: error }, 'no broker tells where partitions are'))
      .finally(() => {
        this.#askingMetadata = false
        this.#metadataNotBefore = this.#network.system.clock.monotonic() + this.#network.backoffMs(this.#metadataAttempts++)
        this.schedule()
      })
  }

  close(): void {
    this.#closing.abort()
    this.#unlisten()
    this.#timer?.cancel()
    this.#timer = null
    for (const lane of this.#lanes) this.#network.nodes.closeLane(lane)
    this.remove(this.partitions)
  }
}
