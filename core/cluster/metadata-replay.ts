/**
 * Replays the records of the metadata log, or of a snapshot, into the image. The records of a metadata transaction (KIP-868) become visible
 * together at its end; an aborted one never was. Pure.
 */

import { attributes, type BatchHeader } from '../wire/batch-header.ts'
import { type ControlRecord, decodeControlRecord, type RaftVoter } from '../wire/control-records.ts'
import { decodeMetadataRecord, type MetadataRecord } from '../wire/metadata-records.ts'
import { decodeRecords } from '../wire/record-batch.ts'
import type { MetadataImage } from './image/metadata-image.ts'
import type { KraftVersion } from './voters.ts'

export class MetadataReplay {
  readonly image: MetadataImage
  /** The records of the open transaction; null outside of one. */
  #transaction: MetadataRecord[] | null = null
  /** Where the open transaction begins, -1 for none. */
  transactionStartOffset = -1
  /** Of the newest KRaftVersion and KRaftVoters records; null before the first. */
  kraftVersion: KraftVersion | null = null
  voters: readonly RaftVoter[] | null = null
  /** Records of data so far. */
  count = 0

  constructor(image: MetadataImage) {
    this.image = image
  }

  /** The batches of a log. `from`: earlier records of the first batch are left out. */
  replayBatch(header: BatchHeader, bytes: Buffer, from: number): void {
    const isControl = (header.attributes & attributes.control) !== 0
    for (const { key, value, offset } of decodeRecords(bytes, { fromOffset: from })) {
      try {
        if (isControl) this.control(decodeControlRecord(key, value))
        else if (value === null) throw new Error('a record without a value')
        else this.record(decodeMetadataRecord(value), offset)
      } catch (cause) {
        throw new Error(`offset ${offset}: ${(cause as Error).message}`, { cause })
      }
    }
  }

  control(record: ControlRecord): void {
    if (record.type === 'KRaftVersion') this.kraftVersion = record.kRaftVersion === 0 ? 0 : 1
    else if (record.type === 'KRaftVoters') this.voters = record.voters
  }

  record(record: MetadataRecord, offset: number): void {
    this.count++
    switch (record.type) {
      case 'BeginTransactionRecord':
        if (this.#transaction) throw new Error('a metadata transaction begins inside another one')
        this.#transaction = []
        this.transactionStartOffset = offset
        return
      case 'EndTransactionRecord': {
        const records = this.#end('ends')
        for (const each of records) this.image.apply(each)
        return
      }
      case 'AbortTransactionRecord':
        this.#end('is aborted')
        return
      default:
        if (this.#transaction) this.#transaction.push(record)
        else this.image.apply(record)
    }
  }

  #end(what: string): readonly MetadataRecord[] {
    const records = this.#transaction
    if (!records) throw new Error(`a metadata transaction ${what} that has not begun`)
    this.#transaction = null
    this.transactionStartOffset = -1
    return records
  }
}
