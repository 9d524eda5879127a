/**
 * Goal: a snapshot of the metadata log comes back as it was written, in batches that Apache Kafka reads, and a damaged one is refused.
 * Method: round trips of small and large ones, files of Apache Kafka, files that are cut and changed.
 */
import { describe, expect, it } from 'vitest'
import { decodeSnapshotFile, encodeSnapshotFile } from '../../../core/cluster/snapshot-file.ts'
import { attributes, BATCH_OVERHEAD } from '../../../core/wire/batch-header.ts'
import { completeRecord, type NewMetadataRecord } from '../../../core/wire/metadata-records.ts'
import { batches } from '../../../core/wire/record-batch.ts'
import { goldenFile, goldenSnapshots, quorums } from './golden-metadata.ts'

const times = { epoch: 3, lastContainedLogTimestamp: 1000, timestamp: 2000, metadataVersion: 30 }
const feature: NewMetadataRecord = { type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 30 }
const voters = [
  { type: 'KRaftVersion', version: 0, kRaftVersion: 1 },
  {
    type: 'KRaftVoters',
    version: 0,
    voters: [
      {
        voterId: 1,
        voterDirectoryId: 'AAAAAAAAAAAAAAAAAAAACQ',
        endpoints: [{ name: 'CONTROLLER', host: 'localhost', port: 9093 }],
        kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
      },
    ],
  },
] as const

const goldenFiles = quorums.flatMap((quorum) => goldenSnapshots(quorum).map((name) => [quorum, name] as const))

describe('a snapshot file', () => {
  it('has header and voters in one batch, the records, and a footer', () => {
    const bytes = encodeSnapshotFile({ ...times, controls: voters, records: [feature] })
    expect([...batches(bytes)].map(({ header }) => [header.baseOffset, header.count, header.leaderEpoch, header.attributes])).toEqual([
      [0, 3, 3, attributes.control],
      [3, 1, 3, 0],
      [4, 1, 3, attributes.control],
    ])
    const read = decodeSnapshotFile(bytes)
    expect(read).toMatchObject({ epoch: 3, lastContainedLogTimestamp: 1000 })
    expect(read.controls.map(({ type }) => type)).toEqual(['SnapshotHeader', 'KRaftVersion', 'KRaftVoters', 'SnapshotFooter'])
    expect(read.controls).toMatchObject([{}, ...voters, {}])
    expect(read.records).toEqual([{ ...completeRecord(feature), version: 0 }])
  })

  it('may have no records', () => {
    const read = decodeSnapshotFile(encodeSnapshotFile({ ...times, controls: [], records: [] }))
    expect(read.records).toEqual([])
    expect(read.controls.length).toBe(2)
  })

  it('is cut into batches far below the limit of Apache Kafka', () => {
    const value = 'x'.repeat(30_000)
    const configs = Array.from(
      { length: 100 },
      (_, i): NewMetadataRecord => ({ type: 'ConfigRecord', resourceType: 2, resourceName: `t${i}`, name: 'n', value }),
    )
    const bytes = encodeSnapshotFile({ ...times, controls: [], records: [feature, ...configs] })
    const sizes = [...batches(bytes)].map(({ header }) => header.sizeBytes)
    expect(sizes.length).toBeGreaterThan(4)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1024 * 1024)
    expect(decodeSnapshotFile(bytes).records.slice(1)).toEqual(configs.map((record) => ({ ...record, version: 0 })))
  })

  it('is refused where a byte is missing, too many or wrong', () => {
    const bytes = encodeSnapshotFile({ ...times, controls: [], records: [feature] })
    for (let end = 0; end < bytes.length; end++) expect(() => decodeSnapshotFile(bytes.subarray(0, end))).toThrow()
    expect(() => decodeSnapshotFile(bytes.subarray(0, bytes.length - 1))).toThrow('not written to its end')
    expect(() => decodeSnapshotFile(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow()
    expect(() => decodeSnapshotFile(Buffer.concat([bytes, bytes]))).toThrow('after its footer')
    expect(() => decodeSnapshotFile(Buffer.alloc(0))).toThrow('no header')
    const footer = [...batches(bytes)].at(-1)!.bytes
    expect(() => decodeSnapshotFile(bytes.subarray(0, bytes.length - 2 * footer.length))).toThrow()
    const dataFrom = [...batches(bytes)][0]!.bytes.length
    const flipped = Buffer.from(bytes)
    flipped[dataFrom + 70]! ^= 1
    expect(() => decodeSnapshotFile(flipped)).toThrow()
    expect(() => decodeSnapshotFile(bytes.subarray(dataFrom))).toThrow()
  })

  it.each(goldenFiles)('of Apache Kafka, %s quorum, %s, is written back with the same batches', (quorum, name) => {
    const bytes = goldenFile(quorum, name)
    const { controls, ...read } = decodeSnapshotFile(bytes)
    const again = encodeSnapshotFile({ ...read, controls: controls.slice(1, -1), timestamp: times.timestamp, metadataVersion: 30 })
    const withoutTimes = (file: Buffer) =>
      [...batches(file)].map(({ header, bytes }) => {
        const { baseTimestamp, maxTimestamp, crc, ...others } = header
        return { ...others, records: bytes.subarray(BATCH_OVERHEAD).toString('hex') }
      })
    expect(withoutTimes(again)).toEqual(withoutTimes(bytes))
  })
})
