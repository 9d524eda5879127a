/**
 * Metadata logs, snapshots and first records of two nodes of Apache Kafka 4.3.1: one with a static and one with a dynamic quorum. How they
 * came to be is in `test/golden/metadata-log.json`.
 */
import { readFileSync } from 'node:fs'
import { MetadataImage } from '../../../core/cluster/image/metadata-image.ts'
import { attributes } from '../../../core/wire/batch-header.ts'
import { decodeMetadataRecord, type MetadataRecord } from '../../../core/wire/metadata-records.ts'
import { batches, type DecodedRecord, decodeRecords } from '../../../core/wire/record-batch.ts'

const text = readFileSync(new URL('../../golden/metadata-log.json', import.meta.url), 'utf8')
const golden = JSON.parse(text) as Record<Quorum, Record<string, string>>
export type Quorum = 'static' | 'dynamic'
export const quorums: readonly Quorum[] = ['static', 'dynamic']

const LOG = '00000000000000000000.log'

export const goldenFile = (quorum: Quorum, name: string): Buffer => Buffer.from(golden[quorum][name]!, 'base64')
export const goldenLog = (quorum: Quorum): Buffer => goldenFile(quorum, LOG)
export const goldenSnapshots = (quorum: Quorum): string[] => Object.keys(golden[quorum]).filter((name) => name !== LOG)

/** The records of a file, control records or the others. */
export const recordsOf = (file: Buffer, control: boolean): DecodedRecord[] =>
  [...batches(file)].flatMap(({ header, bytes }) =>
    ((header.attributes & attributes.control) !== 0) === control ? decodeRecords(bytes) : [],
  )

/** The image of a log before `endOffset`. */
export function imageOfLog(log: Buffer, endOffset = Number.POSITIVE_INFINITY): MetadataImage {
  const image = new MetadataImage()
  for (const { value, offset } of recordsOf(log, false)) {
    const record = decodeMetadataRecord(value!)
    // The bootstrap records are the only transaction, and it is whole.
    if (offset < endOffset && record.type !== 'BeginTransactionRecord' && record.type !== 'EndTransactionRecord') image.apply(record)
  }
  return image
}

export function imageOfRecords(records: Iterable<MetadataRecord>): MetadataImage {
  const image = new MetadataImage()
  for (const record of records) image.apply(record)
  return image
}

/** Equal for equal images: Apache Kafka's maps have no order. */
export function contentOf(image: MetadataImage): string[] {
  const sorted = (record: MetadataRecord): MetadataRecord =>
    record.type === 'RegisterBrokerRecord' || record.type === 'RegisterControllerRecord'
      ? { ...record, features: [...record.features].sort((a, b) => (a.name < b.name ? -1 : 1)) }
      : record
  return [...image.toRecords()].map((record) => JSON.stringify(sorted(record))).sort()
}
