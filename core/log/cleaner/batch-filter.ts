/**
 * Writes what a cleaning keeps of one batch: the batch byte for byte where every record stays, a batch with the same offsets, producer and
 * codec where some go, its header alone, or nothing. Tombstones give a batch its delete horizon, as in Kafka: the base timestamp is the
 * time after which they go, and the timestamps of the records are relative to it.
 */
import { varlongSize, writeLength, writeVarlong } from '../../wire/batch-builder.ts'
import { at, attributes, BATCH_OVERHEAD, type BatchHeader, codecOf, LOG_OVERHEAD, rewriteCrc, writeInt64 } from '../../wire/batch-header.ts'
import { compress } from '../../wire/compression/index.ts'
import { readVarint, readVarlong, varintEnd } from '../../wire/varint.ts'
import { type BatchRetention, deleteHorizonOf, isControl } from './batch-retention.ts'
import type { CleanedSegment } from './cleaned-segment.ts'
import type { KeyHash } from './key-hash.ts'
import type { KeyOffsets } from './key-offsets.ts'
import { RecordFields } from './record-fields.ts'

/** By how much the length and the timestamp of a record may grow when the base timestamp changes. */
const MAX_RECORD_GROWTH = 14
const NO_TIMESTAMP = -1
/** The attributes that Kafka defines. */
const DEFINED_ATTRIBUTES = 0x7f

export interface FilterTimes {
  readonly nowMs: number
  readonly deleteRetentionMs: number
}

export class BatchFilter {
  recordsRead = 0
  recordsKept = 0
  /** Records without a key, which a compacted log cannot keep. */
  invalidRecords = 0
  readonly #map: KeyOffsets
  readonly #key: KeyHash
  readonly #times: FilterTimes
  readonly #records = new RecordFields()
  /** Start and end of the bytes that stay, records in a row together. */
  #ranges = new Int32Array(256)
  #rangeCount = 0
  #kept = 0
  #keptBytes = 0
  #firstTimestampDelta = 0
  #largestTimestampDelta = 0
  #hasTombstone = false
  #scratch: Buffer = Buffer.alloc(0)

  constructor(map: KeyOffsets, key: KeyHash, times: FilterTimes) {
    this.#map = map
    this.#key = key
    this.#times = times
  }

  /** `retention` is the decision about the batch at `start` of `buffer`. */
  filter(header: BatchHeader, buffer: Buffer, start: number, retention: BatchRetention, output: CleanedSegment): void {
    this.recordsRead += header.count
    if (retention.keep === 'none') this.#kept = 0
    else this.#findKept(header, buffer, start, retention.keep === 'all')
    this.recordsKept += this.#kept
    if (this.#kept > 0) {
      const needsHorizon = (this.#hasTombstone || retention.isOrphanedMarker) && deleteHorizonOf(header) < 0
      if (this.#kept === header.count && !needsHorizon) output.copy(header, buffer, start)
      else
        this.#rewrite(
          header,
          buffer,
          start,
          needsHorizon ? this.#times.nowMs + this.#times.deleteRetentionMs : deleteHorizonOf(header),
          output,
        )
    } else if (retention.keepEmpty) writeEmpty(header, buffer, start, output)
    if (retention.aborted !== null) output.segment.addAbortedTxn(retention.aborted)
  }

  #findKept(header: BatchHeader, buffer: Buffer, start: number, keepAll: boolean): void {
    const records = this.#records
    const horizon = deleteHorizonOf(header)
    const keepsTombstones = horizon < 0 || this.#times.nowMs < horizon
    const checksValues = !isControl(header)
    this.#kept = this.#keptBytes = this.#rangeCount = 0
    this.#hasTombstone = false
    records.begin(header, buffer, start)
    let rangeEnd = -1
    while (records.next()) {
      if (!keepAll && !this.#isKept(keepsTombstones)) continue
      const delta = records.timestampDelta
      if (this.#kept === 0) this.#firstTimestampDelta = this.#largestTimestampDelta = delta
      else if (delta > this.#largestTimestampDelta) this.#largestTimestampDelta = delta
      if (checksValues && !records.hasValue) this.#hasTombstone = true
      this.#kept++
      this.#keptBytes += records.end - records.start
      if (records.start === rangeEnd) this.#ranges[this.#rangeCount * 2 - 1] = records.end
      else this.#addRange(records.start, records.end)
      rangeEnd = records.end
    }
  }

  #isKept(keepsTombstones: boolean): boolean {
    const records = this.#records
    if (records.offset > this.#map.latestOffset) return true
    if (!records.hasKey) {
      this.invalidRecords++
      return false
    }
    if (!records.hasValue && !keepsTombstones) return false
    this.#key.hash(records.bytes, records.keyStart, records.keyEnd)
    return records.offset >= this.#map.get(this.#key)
  }

  #addRange(start: number, end: number): void {
    if (this.#rangeCount * 2 === this.#ranges.length) {
      const larger = new Int32Array(this.#ranges.length * 2)
      larger.set(this.#ranges)
      this.#ranges = larger
    }
    this.#ranges[this.#rangeCount * 2] = start
    this.#ranges[this.#rangeCount * 2 + 1] = end
    this.#rangeCount++
  }

  #rewrite(header: BatchHeader, buffer: Buffer, start: number, deleteHorizon: number, output: CleanedSegment): void {
    const stamped = (header.attributes & attributes.logAppendTime) !== 0 ? header.maxTimestamp : null
    const baseTimestamp = deleteHorizon >= 0 ? deleteHorizon : (stamped ?? header.baseTimestamp + this.#firstTimestampDelta)
    const codec = codecOf(header.attributes)!
    const bound = this.#keptBytes + this.#kept * MAX_RECORD_GROWTH
    const write = (target: Buffer, position: number) =>
      stamped === null && baseTimestamp === header.baseTimestamp
        ? this.#copyRanges(target, position)
        : this.#writeRebased(target, position, header.baseTimestamp - baseTimestamp, stamped === null ? null : stamped - baseTimestamp)
    let batch: Buffer
    let position: number
    let end: number
    if (codec === 'none') {
      position = output.reserve(BATCH_OVERHEAD + bound)
      batch = output.buffer
      end = write(batch, position + BATCH_OVERHEAD)
    } else {
      if (this.#scratch.length < bound) this.#scratch = Buffer.allocUnsafeSlow(bound)
      const payload = compress(codec, this.#scratch.subarray(0, write(this.#scratch, 0)))
      position = output.reserve(BATCH_OVERHEAD + payload.length)
      batch = output.buffer
      end = position + BATCH_OVERHEAD + payload.copy(batch, position + BATCH_OVERHEAD)
    }
    buffer.copy(batch, position, start, start + BATCH_OVERHEAD)
    const horizonBit = deleteHorizon >= 0 ? attributes.deleteHorizon : 0
    const maxTimestamp = stamped ?? Math.max(NO_TIMESTAMP, header.baseTimestamp + this.#largestTimestampDelta)
    batch.writeInt32BE(end - position - LOG_OVERHEAD, position + at.batchLength)
    batch.writeInt16BE((header.attributes & DEFINED_ATTRIBUTES & ~attributes.deleteHorizon) | horizonBit, position + at.attributes)
    writeInt64(batch, baseTimestamp, position + at.baseTimestamp)
    writeInt64(batch, maxTimestamp, position + at.maxTimestamp)
    batch.writeInt32BE(this.#kept, position + at.count)
    rewriteCrc(batch, position, end - position)
    output.commit({ lastOffset: header.lastOffset, sizeBytes: end - position, maxTimestamp })
  }

  #copyRanges(target: Buffer, position: number): number {
    let end = position
    for (let index = 0; index < this.#rangeCount; index++)
      end += this.#records.bytes.copy(target, end, this.#ranges[index * 2]!, this.#ranges[index * 2 + 1]!)
    return end
  }

  /** Writes the kept records with timestamps relative to another base: `shift` earlier, or all with the delta `fixed`. */
  #writeRebased(target: Buffer, position: number, shift: number, fixed: number | null): number {
    const { bytes } = this.#records
    let end = position
    for (let index = 0; index < this.#rangeCount; index++) {
      const rangeEnd = this.#ranges[index * 2 + 1]!
      for (let record = this.#ranges[index * 2]!; record < rangeEnd; ) {
        const length = readVarint(bytes, record)
        record = varintEnd + length
        const delta = readVarlong(bytes, varintEnd + 1)
        const rest = varintEnd
        const rebased = fixed ?? delta + shift
        end = writeLength(target, 1 + varlongSize(rebased) + record - rest, end)
        target[end++] = 0
        end = writeVarlong(target, rebased, end)
        end += bytes.copy(target, end, rest, record)
      }
    }
    return end
  }
}

/** The header alone, without codec and times: it keeps the offsets and the producer's sequence. */
function writeEmpty(header: BatchHeader, buffer: Buffer, start: number, output: CleanedSegment): void {
  const position = output.reserve(BATCH_OVERHEAD)
  const batch = output.buffer
  buffer.copy(batch, position, start, start + BATCH_OVERHEAD)
  const kept = attributes.logAppendTime | attributes.transactional | attributes.control
  batch.writeInt32BE(BATCH_OVERHEAD - LOG_OVERHEAD, position + at.batchLength)
  batch.writeInt16BE(header.attributes & kept, position + at.attributes)
  writeInt64(batch, NO_TIMESTAMP, position + at.baseTimestamp)
  batch.writeInt32BE(0, position + at.count)
  rewriteCrc(batch, position, BATCH_OVERHEAD)
  output.commit({ lastOffset: header.lastOffset, sizeBytes: BATCH_OVERHEAD, maxTimestamp: header.maxTimestamp })
}
