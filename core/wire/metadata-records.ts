/**
 * The records of Kafka's metadata log (`__cluster_metadata-0`) and of its snapshots: every record and version of Apache Kafka 4.3, as the
 * value of a log record. A value is a frame (frame version, api key and version of the record, each a uvarint) and the fields. Bytes that
 * do not fit a declaration are refused: a guess about metadata loses topics. Pure.
 */
import { clusterRecords } from './metadata-records/cluster-records.ts'
import type { RecordDeclaration } from './metadata-records/define-record.ts'
import { securityRecords } from './metadata-records/security-records.ts'
import { topicRecords } from './metadata-records/topic-records.ts'
import { Reader, WireError } from './reader.ts'
import { type AnyType, type Codec, type Fields, type InOf, type OutOf, struct } from './types.ts'
import { Writer } from './writer.ts'

export { MINIMUM_METADATA_VERSION } from './metadata-records/define-record.ts'
export { NO_LEADER_CHANGE } from './metadata-records/topic-records.ts'

export const metadataRecords = { ...clusterRecords, ...topicRecords, ...securityRecords }

type Declarations = typeof metadataRecords
export type MetadataRecordType = keyof Declarations
type FieldsOf<T extends MetadataRecordType> = Declarations[T] extends RecordDeclaration<infer F> ? F : never

type Immutable<T> = T extends Buffer
  ? T
  : T extends readonly (infer E)[]
    ? readonly Immutable<E>[]
    : T extends object
      ? { readonly [K in keyof T]: Immutable<T[K]> }
      : T

/** A record with all of its fields. */
export type MetadataRecordOf<T extends MetadataRecordType> = { readonly type: T } & Immutable<OutOf<FieldsOf<T>>>
export type MetadataRecord = { [T in MetadataRecordType]: MetadataRecordOf<T> }[MetadataRecordType]
/** A record to write: fields with a default may be left out. */
export type NewMetadataRecord = { [T in MetadataRecordType]: { type: T } & InOf<FieldsOf<T>> }[MetadataRecordType]

const FRAME_VERSION = 1

interface BoundRecord {
  type: MetadataRecordType
  /** One for each version. */
  codecs: Codec<Record<string, unknown>, Record<string, unknown>>[]
  /** For each version the fields that it cannot hold. */
  absent: { name: string; fallback: unknown }[][]
}

function absentFields(fields: Fields, version: number): { name: string; fallback: unknown }[] {
  const isAbsent = ({ shape }: AnyType) => shape.kind === 'versioned' && (version < shape.since || version > shape.until)
  return Object.entries(fields).flatMap(([name, type]) => (isAbsent(type) ? [{ name, fallback: type.fallback as unknown }] : []))
}

const byKey: BoundRecord[] = []
const byType = new Map<string, BoundRecord>()
for (const [type, { key, since, fields }] of Object.entries(metadataRecords as Record<string, RecordDeclaration<Fields>>)) {
  const codec = struct(fields)
  const versions = since.map((_, version) => version)
  const bound: BoundRecord = {
    type: type as MetadataRecordType,
    codecs: versions.map((version) => codec.codec(version, true) as BoundRecord['codecs'][number]),
    absent: versions.map((version) => absentFields(fields, version)),
  }
  byKey[key] = bound
  byType.set(type, bound)
}

/** The record in the value of a log record, and the version in which it was written. Its bytes are copied where they are kept. */
export function decodeMetadataRecord(value: Buffer): MetadataRecord & { version: number } {
  const reader = new Reader(value)
  const frame = reader.uvarint()
  if (frame !== FRAME_VERSION) throw new WireError(`a metadata record with frame version ${frame}, only ${FRAME_VERSION} is known`)
  const key = reader.uvarint()
  const version = reader.uvarint()
  const bound = byKey[key]
  if (!bound) throw new WireError(`a metadata record with api key ${key}, which this release does not know: a newer release wrote it`)
  const codec = bound.codecs[version]
  if (!codec)
    throw new WireError(
      `a ${bound.type} of version ${version}, this release knows versions 0 to ${bound.codecs.length - 1}: a newer release wrote it`,
    )
  const record = codec.read(reader)
  if (reader.remaining > 0) throw new WireError(`${reader.remaining} bytes after a ${bound.type} of version ${version}`)
  record.type = bound.type
  record.version = version
  return record as unknown as MetadataRecord & { version: number }
}

const differs = (value: unknown, fallback: unknown): boolean =>
  value !== undefined && value !== fallback && !(Array.isArray(value) && value.length === 0 && Array.isArray(fallback))

/** The value of a log record. Throws where `record` has a field that `version` cannot hold: nothing is lost silently. */
export function encodeMetadataRecord(record: NewMetadataRecord, version: number): Buffer {
  const { key, since } = metadataRecords[record.type]
  const bound = byType.get(record.type)!
  const codec = bound.codecs[version]
  if (!codec) throw new RangeError(`version ${version} of ${record.type}: there are versions 0 to ${since.length - 1}`)
  const fields = record as unknown as Record<string, unknown>
  for (const { name, fallback } of bound.absent[version]!)
    if (differs(fields[name], fallback)) throw new RangeError(`version ${version} of ${record.type} cannot hold ${name}`)
  const writer = new Writer(128)
  writer.uvarint(FRAME_VERSION)
  writer.uvarint(key)
  writer.uvarint(version)
  codec.write(writer, fields)
  return writer.bytes()
}

/** Fills in the fields that a record to write leaves out. */
export function completeRecord(record: NewMetadataRecord): MetadataRecord {
  const { fields } = metadataRecords[record.type]
  const given = record as unknown as Record<string, unknown>
  const complete: Record<string, unknown> = { type: record.type }
  for (const [name, type] of Object.entries(fields as Fields)) complete[name] = given[name] ?? type.fallback
  return complete as unknown as MetadataRecord
}

/** The version of a record that is written where `metadataVersion` is finalized. Throws where that level has no such record. */
export function recordVersion(type: MetadataRecordType, metadataVersion: number): number {
  const { since } = metadataRecords[type]
  for (let version = since.length - 1; version >= 0; version--) if (metadataVersion >= since[version]!) return version
  throw new RangeError(`${type} needs metadata.version ${since[0]}, ${metadataVersion} is finalized`)
}
