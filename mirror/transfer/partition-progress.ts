/**
 * One mirrored partition: its state, its position at the source and at the target, its counters, and its offset map, which moves only
 * when the target has acknowledged (Invariants 6 and 11). Other files change it by the methods below only. No I/O.
 *
 * | state       | meaning                                                | leaves it by                                    |
 * | ----------- | ------------------------------------------------------ | ----------------------------------------------- |
 * | suspended   | the resume point is being determined (initial state)   | start → replicating, sourceDeleted → deleted    |
 * | replicating | batches are fetched and sent                           | sendFailed → resending, suspend → suspended     |
 * | resending   | a batch failed; the responses of others are awaited    | resend → replicating, suspend → suspended       |
 * | deleted     | the source topic was recreated with fewer partitions   | suspend → suspended                             |
 *
 * `suspend` when suspended and `sendFailed` when resending change nothing. `acknowledge` and `sendFailed` change nothing when suspended or
 * deleted: the next resume point accounts for batches whose response comes that late. Every other transition is a bug and throws.
 */
import { invariant } from '../../core/errors.ts'
import { Condition } from '../../core/system/condition.ts'
import type { OffsetMap } from '../offset-map.ts'
import { type FetchedBatchesOptions, fetchedBatches } from './fetched-batches.ts'
import type { FramePool } from './frame-pool.ts'
import { LagTracker, type ObservedLag } from './lag-tracker.ts'
import { type PendingBatch, SendQueue } from './send-queue.ts'

export type PartitionState = 'suspended' | 'replicating' | 'resending' | 'deleted'

/** A batch that the target has acknowledged, with all batches before it. */
export interface AcknowledgedBatch {
  batch: PendingBatch
  /** Target offsets between the expected one and the batch's: records of another producer, or of an earlier run of this mirror. */
  foreign: { from: number; to: number } | null
  /** The first one of its producer epoch. Only records before it may come from an earlier run: brokers fence older epochs after it. */
  firstOfEpoch: boolean
}

export interface MirroredPartition {
  topic: string
  partition: number
  targetTopic: string
}

/** Where a partition continues. */
export interface Position {
  /** The id of the source topic. */
  topicId: string
  map: OffsetMap
  sourceEndOffset: number
  targetEndOffset: number
}

/** What is known of a partition before it starts. */
export interface InitialProgress extends Position {
  lostRecords?: number
  repeatedRecords?: number
  /** The leader epoch of the last batch that was read; -1 where it is not known. */
  batchLeaderEpoch?: number
  targetAppendTime?: boolean
}

export interface ProgressCounters {
  /** Records and bytes mirrored since the flow started. */
  records: number
  bytes: number
  lostRecords: number
  repeatedRecords: number
}

export interface SourceLeader {
  leader: number
  leaderEpoch: number
}

/** The id of the target's topic, and the leader of the partition there. */
export interface TargetLeader {
  topicId: string
  leader: number
}

export class PartitionProgress implements MirroredPartition {
  readonly topic: string
  readonly partition: number
  readonly targetTopic: string
  #state: PartitionState = 'suspended'
  #topicId: string
  #map: OffsetMap
  #sourceLeader: SourceLeader = { leader: -1, leaderEpoch: -1 }
  #sourceLeaderKnown = false
  #batchLeaderEpoch: number
  #fetchOffset: number
  #fetching = false
  #refusedFetches = 0
  readonly #lag: LagTracker
  #target: TargetLeader = { topicId: '', leader: -1 }
  readonly #targetAppendTime: boolean
  #targetEndOffset: number
  readonly #queue = new SendQueue()
  #bufferedBytes = 0
  /** The target has acknowledged a batch of the current producer epoch. */
  #epochAcknowledged = false
  readonly #settled = new Condition()
  readonly #counters: ProgressCounters
  #dirty = true

  constructor({ topic, partition, targetTopic }: MirroredPartition, initial: InitialProgress, nowMs: number) {
    this.topic = topic
    this.partition = partition
    this.targetTopic = targetTopic
    const { map, sourceEndOffset } = initial
    this.#topicId = initial.topicId
    this.#map = map
    this.#fetchOffset = map.nextUpstreamOffset
    this.#batchLeaderEpoch = initial.batchLeaderEpoch ?? -1
    this.#targetAppendTime = initial.targetAppendTime ?? false
    this.#targetEndOffset = initial.targetEndOffset
    this.#counters = { records: 0, bytes: 0, lostRecords: initial.lostRecords ?? 0, repeatedRecords: initial.repeatedRecords ?? 0 }
    this.#lag = new LagTracker(Math.min(sourceEndOffset, map.nextUpstreamOffset), nowMs)
    this.#lag.observeEnd(sourceEndOffset, nowMs)
  }

  get name(): string {
    return `${this.topic}-${this.partition}`
  }

  get state(): PartitionState {
    return this.#state
  }

  get topicId(): string {
    return this.#topicId
  }

  get map(): OffsetMap {
    return this.#map
  }

  /** The last known leader. */
  get sourceLeader(): SourceLeader {
    return this.#sourceLeader
  }

  /** False while the leader is being looked up: the source's end offset is not observed then. */
  get sourceLeaderKnown(): boolean {
    return this.#sourceLeaderKnown
  }

  /** The leader epoch of the last batch that was read. */
  get batchLeaderEpoch(): number {
    return this.#batchLeaderEpoch
  }

  get fetchOffset(): number {
    return this.#fetchOffset
  }

  get fetching(): boolean {
    return this.#fetching
  }

  /** Fetches that the leader has refused since it last accepted one. */
  get refusedFetches(): number {
    return this.#refusedFetches
  }

  get target(): TargetLeader {
    return this.#target
  }

  get targetEndOffset(): number {
    return this.#targetEndOffset
  }

  get producerEpoch(): number {
    return this.#queue.producerEpoch
  }

  /** The sequence after the last record that the map has moved over. */
  get acknowledgedSequence(): number {
    return this.#queue.acknowledgedSequence
  }

  get hasUnsent(): boolean {
    return this.#queue.hasUnsent
  }

  /** Bytes that are fetched and not yet acknowledged. */
  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /** The source's end offset as last observed, and how long the oldest record before it has waited. */
  get lag(): ObservedLag {
    return this.#lag
  }

  get lagRecords(): number {
    return Math.max(0, this.#lag.endOffset - this.#map.nextUpstreamOffset)
  }

  get counters(): Readonly<ProgressCounters> {
    return this.#counters
  }

  countLost(records: number): void {
    this.#counters.lostRecords += records
    this.#dirty = true
  }

  countRepeated(records: number): void {
    this.#counters.repeatedRecords += records
    this.#dirty = true
  }

  /** Whether something has changed since it was stored. */
  get dirty(): boolean {
    return this.#dirty
  }

  markDirty(): void {
    this.#dirty = true
  }

  markClean(): void {
    this.#dirty = false
  }

  #enter(state: PartitionState, allowed: readonly PartitionState[], transition: string): void {
    invariant(allowed.includes(this.#state), `${this.name}: ${transition} is not allowed when ${this.#state}`)
    this.#state = state
    this.#settled.notify()
  }

  /** The target's leader is known. The source's leader is null while it is not known. */
  start(target: TargetLeader, sourceLeader: SourceLeader | null): void {
    this.#enter('replicating', ['suspended'], 'start')
    this.#target = target
    if (sourceLeader) this.sourceLeaderFound(sourceLeader)
    else this.sourceLeaderLost()
  }

  /** The resume point has to be determined again. Batches already buffered stay until `rewind`. */
  suspend(): void {
    this.#enter('suspended', ['suspended', 'replicating', 'resending', 'deleted'], 'suspend')
  }

  /** The target has refused a batch, and a retry may help. Nothing more is sent until `resend`. */
  sendFailed(): void {
    if (this.#state === 'replicating' || this.#state === 'resending') this.#enter('resending', [this.#state], 'sendFailed')
  }

  /** Sends what is not acknowledged again, in order and with the same sequences. */
  resend(targetLeader: number): void {
    this.#enter('replicating', ['resending'], 'resend')
    this.#target = { topicId: this.#target.topicId, leader: targetLeader }
    this.#queue.requeue()
  }

  /**
   * The source topic does not have the partition any more. `recreated` is given where another topic has its name now. Returns the source
   * offsets that were waiting to be mirrored and are lost.
   */
  sourceDeleted(recreated: { topicId: string; producerEpoch: number } | null): { from: number; to: number } {
    this.#enter('deleted', ['suspended'], 'sourceDeleted')
    this.sourceLeaderLost()
    const from = this.#map.nextUpstreamOffset
    if (!recreated) return { from, to: from }
    const lost = { from, to: this.#lag.endOffset }
    this.#topicId = recreated.topicId
    this.#batchLeaderEpoch = -1
    this.#map.resetSource(0)
    this.#lag.reset(0)
    this.#discard(recreated.producerEpoch)
    return lost
  }

  /** Sets where the partition continues. `rewind` has to follow before it starts. */
  resumeAt({ topicId, map, sourceEndOffset, targetEndOffset }: Position, nowMs: number): void {
    invariant(this.#state === 'suspended', `${this.name}: resumeAt is not allowed when ${this.#state}`)
    if (topicId !== this.#topicId || sourceEndOffset < this.#lag.endOffset) this.#lag.reset(map.nextUpstreamOffset)
    this.#topicId = topicId
    this.#map = map
    this.#batchLeaderEpoch = -1
    this.#targetEndOffset = targetEndOffset
    this.#lag.observeEnd(sourceEndOffset, nowMs)
    this.#lag.mirroredTo(map.nextUpstreamOffset)
    this.#dirty = true
  }

  /** Discards what is buffered: the next fetch begins where the map ends, and the next batch has sequence 0 of `producerEpoch`. */
  rewind(producerEpoch: number): void {
    invariant(this.#state === 'suspended', `${this.name}: rewind is not allowed when ${this.#state}`)
    this.#discard(producerEpoch)
  }

  #discard(producerEpoch: number): void {
    this.#queue.restart(producerEpoch)
    this.#bufferedBytes = 0
    this.#epochAcknowledged = false
    this.#fetchOffset = this.#map.nextUpstreamOffset
    this.#dirty = true
    this.#settled.notify()
  }

  sourceLeaderFound(leader: SourceLeader): void {
    this.#sourceLeader = leader
    this.#sourceLeaderKnown = true
  }

  sourceLeaderLost(): void {
    this.#sourceLeaderKnown = false
  }

  /** Resolves when nothing is buffered, when the partition stops replicating, or when `signal` aborts. */
  settled(signal: AbortSignal): Promise<void> {
    return this.#settled.until(() => this.#state !== 'replicating' || this.#queue.isEmpty, signal)
  }

  beginFetch(): void {
    this.#fetching = true
  }

  endFetch(): void {
    this.#fetching = false
  }

  fetchRefused(): void {
    this.#refusedFetches++
  }

  fetchAccepted(sourceEndOffset: number, nowMs: number): void {
    this.#refusedFetches = 0
    this.observeSourceEnd(sourceEndOffset, nowMs)
  }

  /** A higher end offset is stored too: if the topic is recreated, the records up to it are counted as lost. */
  observeSourceEnd(endOffset: number, nowMs: number): void {
    if (endOffset > this.#lag.endOffset) this.#dirty = true
    this.#lag.observeEnd(endOffset, nowMs)
  }

  /** Buffers the batches of a fetch response and returns their size. See `fetchedBatches` about `isAborted` and `frames`. */
  appendFetched(records: Buffer, isAborted: FetchedBatchesOptions['isAborted'] = null, frames: FramePool | null = null): number {
    invariant(this.#state === 'replicating', `${this.name}: appendFetched is not allowed when ${this.#state}`)
    const { name } = this
    const [fetchOffset, targetAppendTime] = [this.#fetchOffset, this.#targetAppendTime]
    let appendedBytes = 0
    for (const batch of fetchedBatches(records, { name, fetchOffset, targetAppendTime, isAborted, frames })) {
      this.#batchLeaderEpoch = batch.leaderEpoch
      this.#fetchOffset = batch.nextUpstreamOffset
      if (batch.bytes !== null || !this.#queue.isEmpty) this.#queue.append(batch)
      else this.#map.advance(batch.nextUpstreamOffset)
      appendedBytes += batch.bytes?.length ?? 0
    }
    this.#lag.mirroredTo(this.#map.nextUpstreamOffset)
    this.#bufferedBytes += appendedBytes
    this.#dirty = true
    return appendedBytes
  }

  /** The next batch to send; null where none may be sent now. */
  nextBatch(producerId: number, nowMs: number): PendingBatch | null {
    return this.#state === 'replicating' ? this.#queue.next(producerId, nowMs) : null
  }

  isFirstUnacknowledged(batch: PendingBatch): boolean {
    return this.#queue.isFirstUnacknowledged(batch)
  }

  /** The target has the batch at `downstreamOffset`. Moves the map over all batches that are acknowledged in order, and returns them. */
  acknowledge(batch: PendingBatch, downstreamOffset: number): AcknowledgedBatch[] {
    if (this.#state !== 'replicating' && this.#state !== 'resending') return []
    const acknowledged: AcknowledgedBatch[] = []
    for (const released of this.#queue.acknowledge(batch, downstreamOffset)) {
      this.#dirty = true
      if (released.bytes === null) this.#map.advance(released.nextUpstreamOffset)
      else acknowledged.push(this.#mapBatch(released, released.bytes.length, released.downstreamOffset!))
    }
    this.#lag.mirroredTo(this.#map.nextUpstreamOffset)
    if (this.#queue.isEmpty) this.#settled.notify()
    return acknowledged
  }

  #mapBatch(batch: PendingBatch, sizeBytes: number, downstreamOffset: number): AcknowledgedBatch {
    const map = this.#map
    const expected = map.nextDownstreamOffset
    const foreign = downstreamOffset > expected ? { from: expected, to: downstreamOffset } : null
    let downstream = downstreamOffset
    for (const { upstreamOffset, length } of batch.ranges) {
      map.append(upstreamOffset, downstream, length)
      downstream += length
    }
    map.advance(batch.nextUpstreamOffset)
    this.#targetEndOffset = Math.max(this.#targetEndOffset, map.nextDownstreamOffset)
    this.#bufferedBytes -= sizeBytes
    this.#counters.records += batch.count
    this.#counters.bytes += sizeBytes
    const firstOfEpoch = !this.#epochAcknowledged
    this.#epochAcknowledged = true
    return { batch, foreign, firstOfEpoch }
  }
}
