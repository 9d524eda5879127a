/**
 * One partition on its way: what has been read and not yet written, what is under way, and where both sides stand. It keeps the order, hands
 * out sequences, and moves the map only when the target has acknowledged (Invariants 2, 6 and 11). No I/O in here.
 */
import { KafkaError } from '../../core/errors.ts'
import { type BatchHeader, MAGIC, readBatchHeader } from '../../core/wire/batch-header.ts'
import type { OffsetMap } from '../offset-map.ts'
import { type OffsetRange, passageOf, type Recoded, recode, restamp } from './batch-rewrite.ts'
import type { FramePool } from './frame-pool.ts'
import { LagTracker } from './lag-tracker.ts'

/** Batches of one partition under way to the target: as many as a broker remembers of a producer. */
export const MAX_BATCHES_UNDER_WAY = 5

const MAX_SEQUENCE = 0x7fff_ffff
/** Sequences count records and begin again at 0 behind the largest int32. */
const sequenceAfter = (sequence: number, count: number): number =>
  sequence > MAX_SEQUENCE - count ? count - (MAX_SEQUENCE - sequence) - 1 : sequence + count

/** A batch of the source, or (without bytes) a stretch of offsets that holds nothing for the target. */
export interface PendingBatch {
  bytes: Buffer | null
  count: number
  /** Where its records stand at the source. */
  stretches: readonly OffsetRange[]
  /** The source's position once it is done. */
  nextUp: number
  /** Of the records, for the age that metrics show. */
  maxTimestamp: number
  stamped: boolean
  /** Acknowledged: its offset on the target. */
  base: number | null
  sentMs: number
}

export interface Acknowledged {
  records: number
  bytes: number
  /** Offsets between what was expected and where the batch went: somebody else wrote there. */
  foreign: { from: number; to: number } | null
  /** The first one of its epoch: what stands before it may be ours as well, written late; behind it brokers take nothing of an older epoch. */
  first: boolean
  parcel: PendingBatch
}

export type PartitionState =
  /** Finding out where to go on. */
  | 'starting'
  | 'flowing'
  /** Waits for the source's topic or leader. */
  | 'locating'
  /** Batches failed: what is under way is waited for and sent again. */
  | 'resending'
  /** The source's topic was created anew with fewer partitions: there is nothing to wait for unless it grows. */
  | 'gone'

export interface PartitionPlace {
  topic: string
  partition: number
  targetTopic: string
}

/** A batch that cannot be carried over, and never will be. */
const unreadable = (flow: PartitionProgress, offset: number, why: string, cause?: unknown) =>
  new KafkaError(
    'CORRUPT_MESSAGE',
    `${flow.where}: the batch at offset ${offset} of the source cannot be read: ${why}; look at it with kafka-dump-log, or begin behind it`,
    { cause },
  )

export class PartitionProgress {
  readonly topic: string
  readonly partition: number
  readonly targetTopic: string
  state: PartitionState = 'starting'
  topicId: string
  targetTopicId = ''
  targetLeader = -1
  targetAppendTime = false
  leader = -1
  leaderEpoch = -1
  /** The leader epoch of the last batch that was read. */
  batchEpoch = -1
  map: OffsetMap
  fetchOffset: number
  sourceStart = 0
  targetEnd = 0
  readonly arrivals: LagTracker
  producerEpoch = 0
  lostRecords = 0
  repeatedRecords = 0
  records = 0
  bytes = 0
  /** Bytes read and not yet acknowledged. */
  heldBytes = 0
  /** Changed since the ledger was written. */
  dirty = true
  /** When the ledger was written last (monotonic ms). */
  writtenMs = 0
  fetching = false
  /** The source's leader is known and asked; otherwise nobody knows what waits there. */
  located = false
  attempts = 0
  /** Fetches that the source's leader has refused since it last answered one. */
  refusals = 0
  /** The target has taken a batch since the last rewind. */
  #landed = false
  #nextSequence = 0
  /** The sequence that follows the last record the map has moved over. */
  doneSequence = 0
  readonly #waiting: PendingBatch[] = []
  readonly #underWay: PendingBatch[] = []

  constructor(place: PartitionPlace, topicId: string, map: OffsetMap, sourceEnd: number) {
    this.topic = place.topic
    this.partition = place.partition
    this.targetTopic = place.targetTopic
    this.topicId = topicId
    this.map = map
    this.fetchOffset = map.nextUpstreamOffset
    this.arrivals = new LagTracker(Math.min(sourceEnd, map.nextUpstreamOffset))
  }

  get where(): string {
    return `${this.topic}-${this.partition}`
  }

  get lagRecords(): number {
    return Math.max(0, this.arrivals.end - this.map.nextUpstreamOffset)
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0
  }

  get batchesUnderWay(): number {
    return this.#underWay.length
  }

  get idle(): boolean {
    return this.#waiting.length === 0 && this.#underWay.length === 0
  }

  /** The source's end as told now. What is known to wait is known to be lost when the topic is created anew: it is written down too. */
  sourceEndsAt(end: number, nowMs: number): void {
    if (end > this.arrivals.end) this.dirty = true
    this.arrivals.seen(end, nowMs)
  }

  /** Begins anew where the map stands; what was read before is forgotten. */
  rewind(producerEpoch: number): void {
    this.#waiting.length = 0
    this.#underWay.length = 0
    this.heldBytes = 0
    this.#nextSequence = 0
    this.doneSequence = 0
    this.producerEpoch = producerEpoch
    this.#landed = false
    this.fetchOffset = this.map.nextUpstreamOffset
    this.dirty = true
  }

  /** The source's topic is another one, in which this partition is not. Gives what was known to wait and is lost. */
  vanish(topicId: string, producerEpoch: number): { from: number; to: number } {
    const lost = { from: this.map.nextUpstreamOffset, to: this.arrivals.end }
    this.state = 'gone'
    this.located = false
    this.topicId = topicId
    this.batchEpoch = -1
    this.map.resetSource(0)
    this.arrivals.reset(0)
    this.rewind(producerEpoch)
    return lost
  }

  /** Takes what a fetch brought. `leftOut` says which data batches are not wanted (aborted transactions). Gives the bytes taken. */
  take(records: Buffer, leftOut: ((header: BatchHeader, batch: Buffer) => boolean) | null, frames: FramePool | null = null): number {
    let position = 0
    let taken = 0
    while (position < records.length) {
      const header = readBatchHeader(records, position)
      const { sizeBytes } = header
      if (header.magic !== MAGIC)
        throw unreadable(this, header.baseOffset, `its record format is ${header.magic}, only format 2 is carried over`)
      const batch = records.subarray(position, position + sizeBytes)
      position += sizeBytes
      if (header.lastOffset < this.fetchOffset) continue
      this.batchEpoch = header.leaderEpoch
      const nextUp = header.lastOffset + 1
      const passage = leftOut?.(header, batch)
        ? 'skip'
        : passageOf(header, { fromOffset: this.fetchOffset, targetAppendTime: this.targetAppendTime })
      const recoded = passage === 'recode' ? this.#recoded(batch, header) : null
      this.fetchOffset = nextUp
      if (passage === 'skip' || (passage === 'recode' && !recoded)) {
        this.#put({ bytes: null, count: 0, stretches: [], nextUp, maxTimestamp: -1, stamped: false, base: null, sentMs: 0 })
        continue
      }
      const bytes = recoded?.bytes ?? batch
      if (!recoded) frames?.retain(batch)
      this.#put({
        bytes,
        count: recoded?.count ?? header.count,
        stretches: recoded?.stretches ?? [{ up: header.baseOffset, length: header.count }],
        nextUp,
        maxTimestamp: header.maxTimestamp,
        stamped: false,
        base: null,
        sentMs: 0,
      })
      taken += bytes.length
    }
    this.heldBytes += taken
    return taken
  }

  #recoded(batch: Buffer, header: BatchHeader): Recoded | null {
    try {
      return recode(batch, header, this.fetchOffset)
    } catch (cause) {
      throw unreadable(this, header.baseOffset, (cause as Error).message, cause)
    }
  }

  #put(parcel: PendingBatch): void {
    if (parcel.bytes === null && this.idle) {
      this.map.advance(parcel.nextUp)
      this.dirty = true
      return
    }
    this.#waiting.push(parcel)
  }

  /** The next batch to send, with our producer in its head; null where none may go now. */
  next(producerId: number, nowMs: number): PendingBatch | null {
    if (this.state !== 'flowing' || this.#underWay.length >= MAX_BATCHES_UNDER_WAY) return null
    while (this.#waiting.length > 0) {
      const parcel = this.#waiting.shift()!
      this.#underWay.push(parcel)
      if (parcel.bytes === null || parcel.base !== null) continue
      if (!parcel.stamped) {
        restamp(parcel.bytes, 0, parcel.bytes.length, { producerId, producerEpoch: this.producerEpoch, baseSequence: this.#nextSequence })
        this.#nextSequence = sequenceAfter(this.#nextSequence, parcel.count)
        parcel.stamped = true
      }
      parcel.sentMs = nowMs
      return parcel
    }
    this.#drain()
    return null
  }

  /** The target has it at `base`. Moves the map over everything that is done in order. */
  acknowledge(parcel: PendingBatch, base: number): Acknowledged[] {
    parcel.base = base
    return this.#drain()
  }

  /** Lets go of what is done, in order: offsets that hold nothing go as soon as what stands before them does. */
  #drain(): Acknowledged[] {
    const done: Acknowledged[] = []
    // what was acknowledged before something in front of it failed has come back into the row
    for (let first = this.#underWay[0] ?? this.#waiting[0]; first; first = this.#underWay[0] ?? this.#waiting[0]) {
      if (first.bytes !== null && first.base === null) break
      if (this.#underWay.length > 0) this.#underWay.shift()
      else this.#waiting.shift()
      this.dirty = true
      if (first.bytes === null) this.map.advance(first.nextUp)
      else done.push(this.#settle(first, first.base!))
    }
    return done
  }

  #settle(parcel: PendingBatch, base: number): Acknowledged {
    const { map } = this
    const foreign = base > map.nextDownstreamOffset ? { from: map.nextDownstreamOffset, to: base } : null
    let down = base
    for (const { up, length } of parcel.stretches) {
      map.append(up, down, length)
      down += length
    }
    map.advance(parcel.nextUp)
    this.doneSequence = sequenceAfter(this.doneSequence, parcel.count)
    this.targetEnd = Math.max(this.targetEnd, map.nextDownstreamOffset)
    const bytes = parcel.bytes!.length
    this.heldBytes -= bytes
    this.records += parcel.count
    this.bytes += bytes
    const first = !this.#landed
    this.#landed = true
    return { records: parcel.count, bytes, foreign, first, parcel }
  }

  /** Whether everything before it has been acknowledged. */
  isFirst(parcel: PendingBatch): boolean {
    return this.#underWay.find((each) => each.bytes !== null && each.base === null) === parcel
  }

  /** Puts what is under way and not acknowledged back in front, in order, with its sequences: a broker that has it already says so. */
  resend(): void {
    this.#waiting.unshift(...this.#underWay.splice(0))
  }
}
