/**
 * The control records of a raft log and of its snapshots: leader changes, the first and the last record of a snapshot, the version of the
 * raft protocol and its voters. Unlike a transaction marker's, their value begins with a version that is a field of the message, and one
 * control batch may hold several of them. Pure.
 */
import { Reader, WireError } from './reader.ts'
import { type Codec, type Fields, type InOf, int16, int32, int64, list, type OutOf, since, string, struct, uint16, uuid } from './types.ts'
import { Writer } from './writer.ts'

const KEY_VERSION = 0
const voters = list(struct({ voterId: int32, voterDirectoryId: since(1, uuid) }))

interface ControlDeclaration<F extends Fields> {
  readonly key: number
  readonly maxVersion: number
  readonly fields: F
}

const define = <const F extends Fields>(key: number, maxVersion: number, fields: F): ControlDeclaration<F> => ({ key, maxVersion, fields })

export const controlRecords = {
  LeaderChange: define(2, 1, { version: int16, leaderId: int32, voters, grantingVoters: voters }),
  SnapshotHeader: define(3, 0, { version: int16, lastContainedLogTimestamp: int64 }),
  SnapshotFooter: define(4, 0, { version: int16 }),
  KRaftVersion: define(5, 0, { version: int16, kRaftVersion: int16 }),
  KRaftVoters: define(6, 0, {
    version: int16,
    voters: list(
      struct({
        voterId: int32,
        voterDirectoryId: uuid,
        endpoints: list(struct({ name: string, host: string, port: uint16 })),
        kRaftVersionFeature: struct({ minSupportedVersion: int16, maxSupportedVersion: int16 }),
      }),
    ),
  }),
}

export type ControlRecordType = keyof typeof controlRecords
type FieldsOf<T extends ControlRecordType> = (typeof controlRecords)[T]['fields']
export type ControlRecordOf<T extends ControlRecordType> = { type: T } & OutOf<FieldsOf<T>>
export type ControlRecord = { [T in ControlRecordType]: ControlRecordOf<T> }[ControlRecordType]
export type NewControlRecord = { [T in ControlRecordType]: { type: T } & InOf<FieldsOf<T>> }[ControlRecordType]
/** The voters of a dynamic quorum. */
export type RaftVoter = ControlRecordOf<'KRaftVoters'>['voters'][number]

function bind(type: ControlRecordType) {
  const { key, maxVersion, fields } = controlRecords[type]
  const message = struct(fields as Fields)
  const codecs = Array.from({ length: maxVersion + 1 }, (_, version) => message.codec(version, true) as Codec<Record<string, unknown>>)
  return { type, key, codecs }
}
const bound = (Object.keys(controlRecords) as ControlRecordType[]).map((bound) => bind(bound))

function codecOf({ type, codecs }: ReturnType<typeof bind>, version: number): Codec<Record<string, unknown>> {
  const codec = codecs[version]
  if (!codec) throw new WireError(`a ${type} control record of version ${version}, this release knows versions 0 to ${codecs.length - 1}`)
  return codec
}

export function decodeControlRecord(key: Buffer | null, value: Buffer | null): ControlRecord {
  if (key === null || key.length < 4 || value === null || value.length < 2) throw new WireError('a control record without type or version')
  const typeKey = key.readInt16BE(2)
  const found = bound.find((candidate) => candidate.key === typeKey)
  if (!found) throw new WireError(`a control record of type ${typeKey}, which does not belong into a raft log`)
  const reader = new Reader(value)
  const record = codecOf(found, value.readInt16BE(0)).read(reader)
  if (reader.remaining > 0) throw new WireError(`${reader.remaining} bytes after a ${found.type} control record`)
  record.type = found.type
  return record as unknown as ControlRecord
}

/** Key and value, in the version that the record names. */
export function encodeControlRecord(record: NewControlRecord): { key: Buffer; value: Buffer } {
  const found = bound.find((candidate) => candidate.type === record.type)!
  const key = Buffer.alloc(4)
  key.writeInt16BE(KEY_VERSION, 0)
  key.writeInt16BE(found.key, 2)
  const writer = new Writer(64)
  codecOf(found, record.version).write(writer, record as unknown as Record<string, unknown>)
  return { key, value: writer.bytes() }
}
