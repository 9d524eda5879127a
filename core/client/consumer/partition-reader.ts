/**
 * One partition as a consumer reads it: its position, what was fetched ahead, and the way from bytes to records: batches are decoded when
 * poll() takes them, aborted transactions and control batches are passed over (Invariant 4). It does no I/O.
 */
import { KafkaError } from '../../errors.ts'
import { at, attributes, batchSize, readBatchHeader } from '../../wire/batch-header.ts'
import { controlType, controlTypes, decodeRecords } from '../../wire/record-batch.ts'
import type { ConsumedBatch, ConsumedRecord, RawFetchResult, TopicPartition } from '../types.ts'

interface Chunk {
  records: Buffer
  position: number
  /** In the order of their first offsets. */
  aborted: { producerId: number; firstOffset: number }[]
  /** Producers whose transaction here is an aborted one. */
  aborting: Set<number>
}

export class PartitionReader implements TopicPartition {
  readonly topic: string
  readonly partition: number
  /** The next offset that poll() gives; undefined until it is known. */
  position: number | undefined
  /** Where to find the position when it is unknown: committed, or by the reset policy. */
  seeking: 'committed' | 'earliest' | 'latest' | null
  paused = false
  /** The next offset to fetch. */
  fetchOffset = 0
  bufferedBytes = 0
  highWatermark = -1
  /** Rises when what is under way has become worthless. */
  version = 0
  fetching = false
  resolving = false
  notBefore = 0
  attempts = 0
  /** What went wrong here and only the user can mend: poll() throws it. */
  failure: Error | null = null
  /** The leader epoch of the last batch that was taken, and the one under which the position was last found sound. */
  lastEpoch = -1
  soundEpoch = -1
  readonly #readCommitted: boolean
  #chunks: Chunk[] = []
  #rest: ConsumedRecord[] = []
  #restAt = 0
  #restNext = 0

  constructor({ topic, partition }: TopicPartition, seeking: 'committed' | 'earliest' | 'latest' | number, readCommitted: boolean) {
    this.topic = topic
    this.partition = partition
    this.#readCommitted = readCommitted
    this.seeking = null
    if (typeof seeking === 'number') this.seek(seeking)
    else this.seeking = seeking
  }

  get hasBuffered(): boolean {
    return this.#restAt < this.#rest.length || this.#chunks.length > 0
  }

  /** Throws away what was fetched and goes on from `offset`. */
  seek(offset: number, leaderEpoch = -1): void {
    this.clear()
    this.position = offset
    this.fetchOffset = offset
    this.seeking = null
    this.lastEpoch = leaderEpoch
    this.soundEpoch = -1
  }

  /** The position has to be found again. */
  reset(seeking: 'committed' | 'earliest' | 'latest'): void {
    this.clear()
    this.position = undefined
    this.seeking = seeking
  }

  clear(): void {
    this.version++
    this.failure = null
    this.fetching = false
    this.resolving = false
    this.#chunks = []
    this.#rest = []
    this.#restAt = 0
    this.bufferedBytes = 0
  }

  /** Takes what a fetch at `fetchOffset` gave. */
  put(result: RawFetchResult): void {
    this.highWatermark = this.#readCommitted ? result.lastStableOffset : result.highWatermark
    const { records } = result
    if (records.length === 0) return
    let last = 0
    for (let position = 0; position < records.length; position += batchSize(records, position)) last = position
    const header = readBatchHeader(records, last)
    this.fetchOffset = Math.max(this.fetchOffset, header.lastOffset + 1)
    const aborted = this.#readCommitted ? [...result.abortedTransactions].sort((a, b) => a.firstOffset - b.firstOffset) : []
    this.#chunks.push({ records, position: 0, aborted, aborting: new Set() })
    this.bufferedBytes += records.length
  }

  /**
   * Up to `limit` records; null where nothing is buffered. The position moves past them. A broken batch ends them and is a `failure`; what was
   * fetched is thrown away, so that the next fetch may bring it whole.
   */
  take(limit: number): ConsumedBatch | null {
    const before = this.position
    if (before === undefined || !this.hasBuffered) return null
    const records: ConsumedRecord[] = []
    let next = before
    if (this.#restAt < this.#rest.length) next = this.#takeRest(records, limit)
    while (records.length < limit && this.#chunks.length > 0 && this.#restAt >= this.#rest.length) {
      const chunk = this.#chunks[0]!
      if (chunk.position >= chunk.records.length) {
        this.#chunks.shift()
        this.bufferedBytes -= chunk.records.length
        continue
      }
      const size = batchSize(chunk.records, chunk.position)
      const batch = chunk.records.subarray(chunk.position, chunk.position + size)
      const room = limit - records.length
      const fits = batch.readInt32BE(at.count) <= room
      const whole = records.length
      let end: number
      try {
        end = this.#decode(batch, chunk, fits ? records : this.#rest, before)
      } catch (error) {
        records.length = whole
        this.seek(next)
        this.failure = new KafkaError(
          'CORRUPT_MESSAGE',
          `${this.topic}-${this.partition} near offset ${next}: ${(error as Error).message}`,
          { cause: error },
        )
        break
      }
      chunk.position += size
      if (fits) next = end
      else {
        this.#restNext = end
        next = this.#takeRest(records, room)
      }
    }
    if (this.#chunks.length > 0 && this.#chunks[0]!.position >= this.#chunks[0]!.records.length)
      this.bufferedBytes -= this.#chunks.shift()!.records.length
    this.position = next
    if (records.length === 0 && next === before) return null
    return { topic: this.topic, partition: this.partition, records, nextOffset: next, highWatermark: this.highWatermark }
  }

  #takeRest(into: ConsumedRecord[], limit: number): number {
    const end = Math.min(this.#rest.length, this.#restAt + limit)
    for (let i = this.#restAt; i < end; i++) into.push(this.#rest[i]!)
    this.#restAt = end
    if (end < this.#rest.length) return this.#rest[end - 1]!.offset + 1
    this.#rest = []
    this.#restAt = 0
    return this.#restNext
  }

  /** Returns the offset behind the batch. */
  #decode(batch: Buffer, chunk: Chunk, into: ConsumedRecord[], from: number): number {
    const header = readBatchHeader(batch)
    const end = header.lastOffset + 1
    if (header.leaderEpoch >= 0) this.lastEpoch = header.leaderEpoch
    const control = (header.attributes & attributes.control) !== 0
    if (this.#readCommitted) {
      while (chunk.aborted.length > 0 && chunk.aborted[0]!.firstOffset <= header.lastOffset)
        chunk.aborting.add(chunk.aborted.shift()!.producerId)
      if (control && controlType(decodeRecords(batch)[0]?.key ?? null) === controlTypes.abort) chunk.aborting.delete(header.producerId)
      if ((header.attributes & attributes.transactional) !== 0 && chunk.aborting.has(header.producerId)) return end
    }
    if (!control) decodeRecords(batch, { fromOffset: from, into })
    return end
  }
}
