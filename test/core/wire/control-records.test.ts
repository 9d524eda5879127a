/**
 * Goal: control records of raft logs and snapshots are read and written as Apache Kafka does. Method: round trips, the bytes of a leader
 * change built by hand, logs and snapshots of Apache Kafka, and what is refused.
 */
import { describe, expect, it } from 'vitest'
import { decodeControlRecord, encodeControlRecord, type NewControlRecord } from '../../../core/wire/control-records.ts'
import { WireError } from '../../../core/wire/reader.ts'
import { goldenFile, goldenLog, goldenSnapshots, quorums, recordsOf } from '../cluster/golden-metadata.ts'

const ID = 'AAAAAAAAAAAAAAAAAAAACQ'
const examples: NewControlRecord[] = [
  { type: 'LeaderChange', version: 0, leaderId: 1, voters: [{ voterId: 1 }], grantingVoters: [{ voterId: 1 }] },
  { type: 'LeaderChange', version: 1, leaderId: 2, voters: [{ voterId: 2, voterDirectoryId: ID }], grantingVoters: [] },
  { type: 'SnapshotHeader', version: 0, lastContainedLogTimestamp: 1_790_000_000_000 },
  { type: 'SnapshotFooter', version: 0 },
  { type: 'KRaftVersion', version: 0, kRaftVersion: 1 },
  {
    type: 'KRaftVoters',
    version: 0,
    voters: [
      {
        voterId: 1,
        voterDirectoryId: ID,
        endpoints: [{ name: 'CONTROLLER', host: '127.0.0.1', port: 9093 }],
        kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
      },
    ],
  },
]

describe('control records', () => {
  it.each(examples)('$type of version $version comes back as it was written', (record) => {
    const { key, value } = encodeControlRecord(record)
    expect(decodeControlRecord(key, value)).toMatchObject(record)
    expect(encodeControlRecord(decodeControlRecord(key, value))).toEqual({ key, value })
    for (let end = 0; end < value.length; end++) expect(() => decodeControlRecord(key, value.subarray(0, end))).toThrow(WireError)
  })

  it('writes a leader change as Apache Kafka does', () => {
    const { key, value } = encodeControlRecord(examples[0]!)
    expect(key.toString('hex')).toBe('00000002')
    expect(value.toString('hex')).toBe('0000' + '00000001' + '02' + '0000000100' + '02' + '0000000100' + '00')
  })

  it('refuses transaction markers, later versions and bytes left over', () => {
    const { key, value } = encodeControlRecord({ type: 'SnapshotFooter', version: 0 })
    expect(() => decodeControlRecord(Buffer.from([0, 0, 0, 1]), value)).toThrow('type 1')
    expect(() => decodeControlRecord(key, Buffer.from([0, 1, 0]))).toThrow('version 1')
    expect(() => decodeControlRecord(key, Buffer.concat([value, Buffer.from([0])]))).toThrow('1 bytes after')
    expect(() => decodeControlRecord(null, value)).toThrow('without type')
  })

  it.each(quorums)('of Apache Kafka, with a %s quorum, are encoded back byte for byte', (quorum) => {
    const files = [goldenLog(quorum), ...goldenSnapshots(quorum).map((name) => goldenFile(quorum, name))]
    const seen = new Set<string>()
    for (const { key, value } of files.flatMap((file) => recordsOf(file, true))) {
      const record = decodeControlRecord(key, value)
      seen.add(record.type)
      expect(encodeControlRecord(record)).toEqual({ key, value })
    }
    const inEach = ['LeaderChange', 'SnapshotFooter', 'SnapshotHeader']
    expect([...seen].sort()).toEqual(quorum === 'static' ? inEach : ['KRaftVersion', 'KRaftVoters', ...inEach])
  })
})
