/** Temporary. */
import { attributes } from '../wire/batch-header.ts'
import { type ControlRecord, decodeControlRecord, encodeControlRecord, type NewControlRecord } from '../wire/control-records.ts'
import { decodeMetadataRecord, encodeMetadataRecord, type MetadataRecord, type NewMetadataRecord, recordVersion } from '../wire/metadata-records.ts'
import { batches, decodeRecords, encodeBatch } from '../wire/record-batch.ts'

export function encodeSnapshotFile(s: {
  epoch: number
  lastContainedLogTimestamp: number
  timestamp: number
  controls: readonly NewControlRecord[]
  records: Iterable<MetadataRecord | NewMetadataRecord>
  metadataVersion: number
}): Buffer {
  const { timestamp } = s
  let offset = 0
  const out: Buffer[] = []
  const add = (records: { key: Buffer | null; value: Buffer; timestamp: number }[], control: boolean) => {
    out.push(encodeBatch(records, { baseOffset: offset, leaderEpoch: s.epoch, control }))
    offset += records.length
  }
  const control = (list: readonly NewControlRecord[]) => add(list.map((r) => ({ ...encodeControlRecord(r), timestamp })), true)
  control([{ type: 'SnapshotHeader', version: 0, lastContainedLogTimestamp: s.lastContainedLogTimestamp }, ...s.controls])
  const data = [...s.records].map((r) => ({
    key: null,
    value: encodeMetadataRecord(r as NewMetadataRecord, recordVersion(r.type, s.metadataVersion)),
    timestamp,
  }))
  if (data.length > 0) add(data, false)
  control([{ type: 'SnapshotFooter', version: 0 }])
  return Buffer.concat(out)
}

export function decodeSnapshotFile(bytes: Buffer): { controls: ControlRecord[]; records: MetadataRecord[] } {
  const controls: ControlRecord[] = []
  const records: MetadataRecord[] = []
  for (const { header, bytes: batch } of batches(bytes))
    for (const { key, value } of decodeRecords(batch))
      if ((header.attributes & attributes.control) !== 0) controls.push(decodeControlRecord(key, value))
      else records.push(decodeMetadataRecord(value!))
  if (controls.at(-1)?.type !== 'SnapshotFooter') throw new Error('it has no footer')
  return { controls, records }
}
