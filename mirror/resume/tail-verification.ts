/**
 * Compares the tail of a target partition, which a crash left after the stored offset map, with the source, record by record: it was
 * written by this flow or by another producer. Batches with the same bytes are not decoded. It moves the map and writes nothing.
 */
import { attributes, BATCH_OVERHEAD, type BatchHeader, codecOf } from '../../core/wire/batch-header.ts'
import { type DecodedRecord, decodeRecords } from '../../core/wire/record-batch.ts'
import type { OffsetMap } from '../offset-map.ts'
import type { ScannedBatch } from '../store/topic-scan.ts'

export interface TailVerification {
  /** Records that are the next ones of the source: the map has moved over them. */
  matched: number
  /** Records of the flow's producer that were not found at the source: they may be sent a second time. */
  unmatched: number
  /** Records of other producers. */
  foreign: number
  /** Records of the flow that the source has deleted since: each moves the map over one source offset at least. */
  deleted: number
}

export interface TailOptions {
  map: OffsetMap
  /** The source, from the map's next upstream offset on. */
  source: AsyncIterator<ScannedBatch>
  /** The target, from the map's next downstream offset to its end. */
  target: AsyncIterable<ScannedBatch>
  /** Identifies batches of the flow; `sequence` is the one at the map's end. Null if the flow never wrote. */
  producer: { id: number; epoch: number; sequence: number } | null
  /** The log start offset of the source. */
  sourceStart: number
}

/** Reads the source's data batches in order, whole or record by record, and decodes them only when needed. */
class SourceReader {
  readonly #batches: AsyncIterator<ScannedBatch>
  readonly #fromOffset: number
  #batch: ScannedBatch | null = null
  /** The decoded records of `#batch`; null if it is not decoded. */
  #records: DecodedRecord[] | null = null
  /** The index in `#records` of the next record. */
  #next = 0
  #ended = false

  constructor(batches: AsyncIterator<ScannedBatch>, fromOffset: number) {
    this.#batches = batches
    this.#fromOffset = fromOffset
  }

  /** Makes `#batch` the next batch with unread records; null at the end. */
  async #readBatch(): Promise<ScannedBatch | null> {
    while (!this.#batch && !this.#ended) {
      const step = await this.#batches.next()
      if (step.done) {
        this.#ended = true
        break
      }
      const { header } = step.value
      if (header.attributes & attributes.control || header.count === 0) continue
      this.#batch = step.value
    }
    return this.#batch
  }

  /** The next batch, if none of its records has been read and its bytes can be compared as a whole. */
  async peekBatch(): Promise<ScannedBatch | null> {
    const batch = await this.#readBatch()
    if (!batch || this.#records || batch.header.baseOffset < this.#fromOffset) return null
    return batch.header.count === batch.header.lastOffsetDelta + 1 ? batch : null
  }

  skipBatch(): void {
    this.#batch = null
    this.#records = null
    this.#next = 0
  }

  async peekRecord(): Promise<DecodedRecord | null> {
    for (;;) {
      const batch = await this.#readBatch()
      if (!batch) return null
      this.#records ??= decodeRecords(batch.bytes, { fromOffset: this.#fromOffset })
      const record = this.#records[this.#next]
      if (record) return record
      this.skipBatch()
    }
  }

  /** Skips the record that `peekRecord` returned. */
  skipRecord(): void {
    this.#next++
    if (this.#records && this.#next >= this.#records.length) this.skipBatch()
  }
}

const sameBytes = (a: Buffer | null, b: Buffer | null): boolean => (a === null || b === null ? a === b : a.equals(b))

function sameRecord(source: DecodedRecord, target: DecodedRecord): boolean {
  if (!sameBytes(source.key, target.key) || !sameBytes(source.value, target.value)) return false
  if (target.timestampType === 'CreateTime' && source.timestamp !== target.timestamp) return false
  return (
    source.headers.length === target.headers.length &&
    source.headers.every((header, i) => header.key === target.headers[i]!.key && sameBytes(header.value, target.headers[i]!.value))
  )
}

export async function verifyTail(options: TailOptions): Promise<TailVerification> {
  const { map, producer, sourceStart } = options
  const result: TailVerification = { matched: 0, unmatched: 0, foreign: 0, deleted: 0 }
  const source = new SourceReader(options.source, map.nextUpstreamOffset)
  let sequence = producer?.sequence ?? 0
  for await (const { header, bytes } of options.target) {
    const isOwn = producer !== null && header.producerId === producer.id
    // Sequences can be compared within one producer epoch.
    const hasSequence = isOwn && header.producerEpoch === producer.epoch
    if (header.attributes & attributes.control || header.count === 0) {
      if (!isOwn) map.skipTarget(header.lastOffset + 1)
      continue
    }
    if (hasSequence) {
      // A gap in the sequences: that many mirrored records were compacted or deleted on the target, and are next at the source.
      const missing = header.baseSequence - sequence
      for (let i = 0; i < missing; i++) await skipMirrored(source, map)
      sequence = header.baseSequence + header.lastOffsetDelta + 1
    }
    const sourceBatch = header.baseOffset >= map.nextDownstreamOffset ? await source.peekBatch() : null
    if (sourceBatch && samePayload(sourceBatch, header, bytes)) {
      map.append(sourceBatch.header.baseOffset, header.baseOffset, header.count)
      result.matched += header.count
      source.skipBatch()
      continue
    }
    let delta = Math.max(0, map.nextDownstreamOffset - header.baseOffset)
    for (const record of decodeRecords(bytes, { fromOffset: map.nextDownstreamOffset })) {
      if (hasSequence) for (; delta < record.offset - header.baseOffset; delta++) await skipMirrored(source, map)
      delta++
      const candidate = await source.peekRecord()
      if (candidate && sameRecord(candidate, record)) {
        map.append(candidate.offset, record.offset, 1)
        result.matched++
        source.skipRecord()
      } else {
        map.skipTarget(record.offset + 1)
        if (hasSequence && map.nextUpstreamOffset < sourceStart) {
          map.advance(map.nextUpstreamOffset + 1)
          result.deleted++
        } else if (isOwn) result.unmatched++
        else result.foreign++
      }
    }
    if (hasSequence) for (; delta <= header.lastOffsetDelta; delta++) await skipMirrored(source, map)
  }
  return result
}

/** The next record of the source was mirrored, and the target no longer has it. */
async function skipMirrored(source: SourceReader, map: OffsetMap): Promise<void> {
  const candidate = await source.peekRecord()
  if (!candidate) return
  map.advance(candidate.offset + 1)
  source.skipRecord()
}

function samePayload(source: ScannedBatch, header: BatchHeader, bytes: Buffer): boolean {
  return (
    source.header.count === header.count &&
    header.count === header.lastOffsetDelta + 1 &&
    codecOf(source.header.attributes) === codecOf(header.attributes) &&
    (source.header.attributes & attributes.logAppendTime) === 0 &&
    source.header.baseTimestamp === header.baseTimestamp &&
    source.bytes.length === bytes.length &&
    source.bytes.compare(bytes, BATCH_OVERHEAD, bytes.length, BATCH_OVERHEAD, bytes.length) === 0
  )
}
