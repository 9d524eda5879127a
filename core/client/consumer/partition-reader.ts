/**
 * One partition as a consumer reads it: its position, the batches fetched ahead, and the way from batches to records. Batches are decoded
 * when poll() reads them; aborted transactions and control batches are skipped (Invariant 4). It does no I/O.
 */
import { KafkaError } from '../../errors.ts'
import { partitionKey } from '../../topic-partition.ts'
import { at, attributes, batchSize, readBatchHeader } from '../../wire/batch-header.ts'
import { controlType, controlTypes, decodeRecords } from '../../wire/record-batch.ts'
import type { ConsumedBatch, ConsumedRecord, RawFetchResult, TopicPartition } from '../types.ts'

/** Where a position comes from while there is none: the group's committed offset, or the reset policy. */
export type PositionSource = 'committed' | 'earliest' | 'latest'

interface FetchedBatches {
  bytes: Buffer
  /** Of the next batch in `bytes`. */
  position: number
  /** Aborted transactions that are not reached yet, in the order of their first offsets. */
  aborted: { producerId: number; firstOffset: number }[]
  /** Producers whose current transaction is aborted. */
  aborting: Set<number>
}

export class PartitionReader implements TopicPartition {
  readonly topic: string
  readonly partition: number
  /** The next offset that poll() returns; undefined until it is known. */
  position: number | undefined
  /** Null once there is a position. */
  positionSource: PositionSource | null = null
  paused = false
  fetchOffset = 0
  bufferedBytes = 0
  /** Rises with each seek: responses to requests of an earlier revision are dropped. */
  revision = 0
  /** A request for this partition is in flight. */
  busy = false
  /** Monotonic ms. */
  retryAt = 0
  /** The leader epoch of the last batch that was read; -1 where it is unknown. */
  lastEpoch = -1
  /** The leader epoch under which the position was last found in the log (KIP-320). */
  validatedEpoch = -1
  /** An error that only the user can solve; poll() throws it. */
  #failure: Error | null = null
  #attempts = 0
  #highWatermark = -1
  readonly #readCommitted: boolean
  #fetched: FetchedBatches[] = []
  /** Records of a batch that did not fit in one poll(), from #recordsAt on, and the offset after them. */
  #records: ConsumedRecord[] = []
  #recordsAt = 0
  #recordsEnd = 0

  constructor({ topic, partition }: TopicPartition, from: PositionSource | number, readCommitted: boolean) {
    this.topic = topic
    this.partition = partition
    this.#readCommitted = readCommitted
    if (typeof from === 'number') this.seek(from)
    else this.positionSource = from
  }

  get hasBuffered(): boolean {
    return this.#recordsAt < this.#records.length || this.#fetched.length > 0
  }

  /** Drops what is buffered and continues from `offset`. */
  seek(offset: number, leaderEpoch = -1): void {
    this.clear()
    this.position = offset
    this.fetchOffset = offset
    this.positionSource = null
    this.lastEpoch = leaderEpoch
    this.validatedEpoch = -1
  }

  /** Drops the position: it has to be found again. */
  reset(source: PositionSource): void {
    this.clear()
    this.position = undefined
    this.positionSource = source
  }

  /** The group has no committed offset: the reset policy decides. */
  useResetPolicy(source: 'earliest' | 'latest'): void {
    this.positionSource = source
  }

  clear(): void {
    this.revision++
    this.busy = false
    this.#failure = null
    this.#fetched = []
    this.#records = []
    this.#recordsAt = 0
    this.bufferedBytes = 0
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  /** A request starts. Returns the revision that its response belongs to. */
  begin(): number {
    this.busy = true
    return this.revision
  }

  end(revision: number): void {
    if (this.revision === revision) this.busy = false
  }

  validated(leaderEpoch: number): void {
    this.validatedEpoch = leaderEpoch
  }

  succeeded(): void {
    this.#attempts = 0
  }

  /** No request before `now` and the back-off of this attempt. */
  delay(now: number, backoffMs: (attempt: number) => number): void {
    this.retryAt = now + backoffMs(this.#attempts++)
  }

  delayUntil(time: number): void {
    this.retryAt = time
  }

  fail(error: Error): void {
    this.#failure = error
  }

  get failed(): boolean {
    return this.#failure !== null
  }

  clearFailure(): Error | null {
    const failure = this.#failure
    this.#failure = null
    return failure
  }

  /** Buffers the response to a fetch at `fetchOffset`. */
  append(result: RawFetchResult): void {
    this.#highWatermark = this.#readCommitted ? result.lastStableOffset : result.highWatermark
    const { records } = result
    if (records.length === 0) return
    let last = 0
    for (let position = 0; position < records.length; position += batchSize(records, position)) last = position
    const header = readBatchHeader(records, last)
    this.fetchOffset = Math.max(this.fetchOffset, header.lastOffset + 1)
    const aborted = this.#readCommitted ? [...result.abortedTransactions].sort((a, b) => a.firstOffset - b.firstOffset) : []
    this.#fetched.push({ bytes: records, position: 0, aborted, aborting: new Set() })
    this.bufferedBytes += records.length
  }

  /**
   * Up to `limit` records; null where nothing is buffered. The position moves after them. A corrupt batch ends the read and becomes the
   * failure that poll() throws; the fetched batches are dropped, so that they are fetched again.
   */
  read(limit: number): ConsumedBatch | null {
    const start = this.position
    if (start === undefined || !this.hasBuffered) return null
    const records: ConsumedRecord[] = []
    let next = start
    if (this.#recordsAt < this.#records.length) next = this.#readRecords(records, limit)
    while (records.length < limit && this.#fetched.length > 0 && this.#recordsAt >= this.#records.length) {
      const fetched = this.#fetched[0]!
      if (fetched.position >= fetched.bytes.length) {
        this.#dropFirst()
        continue
      }
      const size = batchSize(fetched.bytes, fetched.position)
      const batch = fetched.bytes.subarray(fetched.position, fetched.position + size)
      const remaining = limit - records.length
      const fits = batch.readInt32BE(at.count) <= remaining
      const complete = records.length
      let end: number
      try {
        end = this.#decode(batch, fetched, fits ? records : this.#records, start)
      } catch (error) {
        records.length = complete
        this.seek(next)
        const where = `${partitionKey(this)} near offset ${next}`
        this.fail(new KafkaError('CORRUPT_MESSAGE', `${where}: ${(error as Error).message}`, { cause: error }))
        break
      }
      fetched.position += size
      if (fits) next = end
      else {
        this.#recordsEnd = end
        next = this.#readRecords(records, remaining)
      }
    }
    const first = this.#fetched[0]
    if (first && first.position >= first.bytes.length) this.#dropFirst()
    this.position = next
    if (records.length === 0 && next === start) return null
    return { topic: this.topic, partition: this.partition, records, nextOffset: next, highWatermark: this.#highWatermark }
  }

  #dropFirst(): void {
    this.bufferedBytes -= this.#fetched.shift()!.bytes.length
  }

  #readRecords(into: ConsumedRecord[], limit: number): number {
    const end = Math.min(this.#records.length, this.#recordsAt + limit)
    for (let i = this.#recordsAt; i < end; i++) into.push(this.#records[i]!)
    this.#recordsAt = end
    if (end < this.#records.length) return this.#records[end - 1]!.offset + 1
    this.#records = []
    this.#recordsAt = 0
    return this.#recordsEnd
  }

  /** Returns the offset after the batch. */
  #decode(batch: Buffer, fetched: FetchedBatches, into: ConsumedRecord[], fromOffset: number): number {
    const header = readBatchHeader(batch)
    const end = header.lastOffset + 1
    if (header.leaderEpoch >= 0) this.lastEpoch = header.leaderEpoch
    const control = (header.attributes & attributes.control) !== 0
    if (this.#readCommitted) {
      while (fetched.aborted.length > 0 && fetched.aborted[0]!.firstOffset <= header.lastOffset)
        fetched.aborting.add(fetched.aborted.shift()!.producerId)
      if (control && controlType(decodeRecords(batch)[0]?.key ?? null) === controlTypes.abort) fetched.aborting.delete(header.producerId)
      if ((header.attributes & attributes.transactional) !== 0 && fetched.aborting.has(header.producerId)) return end
    }
    if (!control) decodeRecords(batch, { fromOffset, into })
    return end
  }
}
