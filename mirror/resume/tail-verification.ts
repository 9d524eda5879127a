/**
 * What lies on the target behind the last durable position was written just before a crash, by us or by somebody else. Held against the
 * source, record for record, it tells where to go on exactly. Batches that are the same bytes are not opened.
 * It reads two streams and moves the map; it writes nothing.
 */
import { attributes, BATCH_OVERHEAD, type BatchHeader, codecOf } from '../../core/wire/batch-header.ts'
import { type DecodedRecord, decodeRecords } from '../../core/wire/record-batch.ts'
import type { OffsetMap } from '../offset-map.ts'
import type { ScannedBatch } from '../store/topic-scan.ts'

export interface TailVerification {
  /** Records of the tail that are the source's next ones: the map has moved over them. */
  matched: number
  /** Records that our own producer wrote and that were not found at the source: they may come a second time. */
  unmatched: number
  /** Records of somebody else in between. */
  foreign: number
  /** Records of ours that the source has deleted since: each takes the position over one offset at least. */
  deleted: number
}

export interface TailOptions {
  map: OffsetMap
  /** The source from the map's position on. */
  source: AsyncIterator<ScannedBatch>
  /** The target from the map's end on, to its end. */
  target: AsyncIterable<ScannedBatch>
  /** By which our own batches are known, and the sequence that stands at the map's end; null where we never wrote. */
  producer: { id: number; epoch: number; sequence: number } | null
  /** Where the source's log begins now. */
  sourceStart: number
}

/** The source as the target should show it: batches that hold data, opened only where they must be. */
class SourceSide {
  readonly #batches: AsyncIterator<ScannedBatch>
  readonly #from: number
  #batch: ScannedBatch | null = null
  #records: DecodedRecord[] | null = null
  #next = 0
  #over = false

  constructor(batches: AsyncIterator<ScannedBatch>, from: number) {
    this.#batches = batches
    this.#from = from
  }

  async #fill(): Promise<void> {
    if (this.#records && this.#next >= this.#records.length) {
      this.#records = null
      this.#batch = null
    }
    while (!this.#batch && !this.#over) {
      const step = await this.#batches.next()
      if (step.done) {
        this.#over = true
        return
      }
      const { header } = step.value
      if (header.attributes & attributes.control || header.count === 0) continue
      this.#batch = step.value
    }
  }

  /** A batch of which nothing has been used and that may be compared as it is. */
  async whole(): Promise<ScannedBatch | null> {
    await this.#fill()
    if (!this.#batch || this.#records || this.#batch.header.baseOffset < this.#from) return null
    return this.#batch.header.count === this.#batch.header.lastOffsetDelta + 1 ? this.#batch : null
  }

  dropBatch(): void {
    this.#batch = null
  }

  async peek(): Promise<DecodedRecord | null> {
    for (;;) {
      await this.#fill()
      if (!this.#batch) return null
      this.#records ??= decodeRecords(this.#batch.bytes, { fromOffset: this.#from })
      if (this.#next < this.#records.length) return this.#records[this.#next]!
      this.#next = 0
      this.#records = null
      this.#batch = null
    }
  }

  take(): void {
    this.#next++
    if (this.#records && this.#next >= this.#records.length) {
      this.#next = 0
      this.#records = null
      this.#batch = null
    }
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
  const findings: TailVerification = { matched: 0, unmatched: 0, foreign: 0, deleted: 0 }
  const source = new SourceSide(options.source, map.nextUpstreamOffset)
  let sequence = producer?.sequence ?? 0
  for await (const { header, bytes } of options.target) {
    const ours = producer !== null && header.producerId === producer.id
    const counted = ours && header.producerEpoch === producer.epoch
    if (header.attributes & attributes.control || header.count === 0) {
      if (!ours) map.skipTarget(header.lastOffset + 1)
      continue
    }
    if (counted) {
      // sequences tell how many of our records stood in between and have been compacted or deleted since: those of the source go with them
      const gone = header.baseSequence - sequence
      for (let i = 0; i < gone; i++) await pass(source, map)
      sequence = header.baseSequence + header.lastOffsetDelta + 1
    }
    const whole = header.baseOffset >= map.nextDownstreamOffset ? await source.whole() : null
    if (whole && samePayload(whole, header, bytes)) {
      map.append(whole.header.baseOffset, header.baseOffset, header.count)
      findings.matched += header.count
      source.dropBatch()
      continue
    }
    let delta = Math.max(0, map.nextDownstreamOffset - header.baseOffset)
    for (const record of decodeRecords(bytes, { fromOffset: map.nextDownstreamOffset })) {
      if (counted) for (; delta < record.offset - header.baseOffset; delta++) await pass(source, map)
      delta++
      const candidate = await source.peek()
      if (candidate && sameRecord(candidate, record)) {
        map.append(candidate.offset, record.offset, 1)
        findings.matched++
        source.take()
      } else {
        map.skipTarget(record.offset + 1)
        if (counted && map.nextUpstreamOffset < sourceStart) {
          map.advance(map.nextUpstreamOffset + 1)
          findings.deleted++
        } else if (ours) findings.unmatched++
        else findings.foreign++
      }
    }
    if (counted) for (; delta <= header.lastOffsetDelta; delta++) await pass(source, map)
  }
  return findings
}

/** The source's next record was on the target and is no more. */
async function pass(source: SourceSide, map: OffsetMap): Promise<void> {
  const candidate = await source.peek()
  if (!candidate) return
  map.advance(candidate.offset + 1)
  source.take()
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
