/**
 * The bytes of a snapshot of the metadata log (`<end offset>-<epoch>.checkpoint`) and of `bootstrap.checkpoint`: batches with offsets from
 * 0 on. The first is a control batch with the header and, in a dynamic quorum, the raft version and the voters; then come the records of
 * the image; the last is the footer. A file that lacks any of it is refused with a sentence, without the name of the file. Pure.
 */
import { attributes } from '../wire/batch-header.ts'
import { type ControlRecord, decodeControlRecord, encodeControlRecord, type NewControlRecord } from '../wire/control-records.ts'
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  type MetadataRecord,
  type NewMetadataRecord,
  recordVersion,
} from '../wire/metadata-records.ts'
import { BatchBuilder, batches, decodeRecords, recordSizeBound } from '../wire/record-batch.ts'

/** A batch of records is closed before it is larger. Apache Kafka reads batches of up to 8 MiB. */
const BATCH_BYTES = 1024 * 1024

export interface SnapshotContent {
  /** The epoch of the snapshot's id. */
  readonly epoch: number
  readonly lastContainedLogTimestamp: number
  /** The time of the records of the file itself. */
  readonly timestamp: number
  /** What follows the header: KRaftVersion and KRaftVoters, where the quorum is dynamic. */
  readonly controls: readonly NewControlRecord[]
  readonly records: Iterable<MetadataRecord | NewMetadataRecord>
  /** The finalized level: it chooses the versions of the records. */
  readonly metadataVersion: number
}

export interface DecodedSnapshot {
  readonly epoch: number
  readonly lastContainedLogTimestamp: number
  /** Header and footer included. */
  readonly controls: readonly ControlRecord[]
  readonly records: readonly MetadataRecord[]
}

class SnapshotWriter {
  readonly #epoch: number
  readonly #timestamp: number
  readonly #batches: Buffer[] = []
  #builder = new BatchBuilder()
  #nextOffset = 0

  constructor(epoch: number, timestamp: number) {
    this.#epoch = epoch
    this.#timestamp = timestamp
  }

  append(key: Buffer | null, value: Buffer): void {
    this.#builder.append({ key, value, timestamp: this.#timestamp })
  }

  appendRecord(value: Buffer): void {
    if (this.#builder.count > 0 && this.#builder.sizeBytes + recordSizeBound({ key: null, value }) > BATCH_BYTES) this.closeBatch(false)
    this.append(null, value)
  }

  closeBatch(control: boolean): void {
    const { count } = this.#builder
    if (count === 0) return
    this.#batches.push(this.#builder.build({ baseOffset: this.#nextOffset, leaderEpoch: this.#epoch, control }))
    this.#nextOffset += count
    this.#builder = new BatchBuilder()
  }

  bytes(): Buffer {
    return Buffer.concat(this.#batches)
  }
}

export function encodeSnapshotFile(content: SnapshotContent): Buffer {
  const { epoch, lastContainedLogTimestamp, timestamp, controls, records, metadataVersion } = content
  const writer = new SnapshotWriter(epoch, timestamp)
  const appendControl = (record: NewControlRecord) => {
    const { key, value } = encodeControlRecord(record)
    writer.append(key, value)
  }
  appendControl({ type: 'SnapshotHeader', version: 0, lastContainedLogTimestamp })
  for (const record of controls) appendControl(record)
  writer.closeBatch(true)
  for (const record of records) writer.appendRecord(encodeMetadataRecord(record, recordVersion(record.type, metadataVersion)))
  writer.closeBatch(false)
  appendControl({ type: 'SnapshotFooter', version: 0 })
  writer.closeBatch(true)
  return writer.bytes()
}

/** Throws where a byte is missing, too many or wrong. */
export function decodeSnapshotFile(bytes: Buffer): DecodedSnapshot {
  const controls: ControlRecord[] = []
  const records: MetadataRecord[] = []
  let epoch = -1
  let end = 0
  let nextOffset = 0
  for (const { header, bytes: batch } of batches(bytes)) {
    if (controls.at(-1)?.type === 'SnapshotFooter') throw new Error('it goes on after its footer')
    if (header.baseOffset !== nextOffset) throw new Error(`offset ${nextOffset} is missing, ${header.baseOffset} follows`)
    const isControl = (header.attributes & attributes.control) !== 0
    if (!isControl && end === 0) throw new Error('it has no header')
    for (const { key, value } of decodeRecords(batch)) {
      if (isControl) controls.push(decodeControlRecord(key, value))
      else if (value !== null) records.push(decodeMetadataRecord(value))
      else throw new Error('it has a record without a value')
    }
    epoch = header.leaderEpoch
    nextOffset = header.lastOffset + 1
    end += header.sizeBytes
  }
  const [first] = controls
  if (first?.type !== 'SnapshotHeader') throw new Error('it has no header')
  if (end < bytes.length || controls.at(-1)?.type !== 'SnapshotFooter') throw new Error('it has no footer: it was not written to its end')
  return { epoch, lastContainedLogTimestamp: first.lastContainedLogTimestamp, controls, records }
}
