/**
 * Goal: every record of the metadata log is read and written in every version as Apache Kafka 4.3 declares it, and bytes that fit no
 * declaration are refused. Method: random values through every version, truncated bytes, frames built by hand, and the metadata logs and
 * snapshots of two nodes of Apache Kafka, byte for byte.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  type MetadataRecord,
  type MetadataRecordType,
  metadataRecords,
  recordVersion,
} from '../../../core/wire/metadata-records.ts'
import { WireError } from '../../../core/wire/reader.ts'
import type { AnyType, Fields } from '../../../core/wire/types.ts'
import { goldenFile, goldenLog, goldenSnapshots, quorums, recordsOf } from '../cluster/golden-metadata.ts'

const types = Object.keys(metadataRecords) as MetadataRecordType[]
const everyVersion = types.flatMap((type) => metadataRecords[type].since.map((_, version) => ({ type, version })))

const primitives: Record<string, fc.Arbitrary<unknown>> = {
  bool: fc.boolean(),
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  uint16: fc.integer({ min: 0, max: 65535 }),
  int32: fc.integer(),
  int64: fc.maxSafeInteger(),
  float64: fc.double({ noNaN: true }),
  string: fc.string({ maxLength: 20 }),
  bytes: fc.uint8Array({ maxLength: 40 }).map((content) => Buffer.from(content)),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((content) => Buffer.from(content).toString('base64url')),
}

function anyOf(type: AnyType, version: number): fc.Arbitrary<unknown> {
  const { shape } = type
  switch (shape.kind) {
    case 'primitive':
      return primitives[shape.name]!
    case 'list':
      return fc.array(anyOf(shape.element, version), { maxLength: 3 })
    case 'nullable':
      return fc.option(anyOf(shape.of, version))
    case 'struct':
      return anyFields(shape.fields, version)
    case 'versioned':
      return version < shape.since ? fc.constant(type.fallback) : anyOf(shape.of, version)
  }
}

const anyFields = (fields: Fields, version: number): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, anyOf(type, version)])))

describe('records of the metadata log', () => {
  it('are the 26 of Apache Kafka 4.3, under its api keys', () => {
    const keys = types.map((type) => metadataRecords[type].key).sort((a, b) => a - b)
    const unused = [6, 13, 16]
    expect(keys).toEqual(Array.from({ length: 29 }, (_, key) => key).filter((key) => !unused.includes(key)))
  })

  it.each(everyVersion)(
    '$type of version $version comes back as it was written, and never from fewer or more bytes',
    ({ type, version }) => {
      fc.assert(
        fc.property(anyFields(metadataRecords[type].fields, version), (fields) => {
          const record = { ...fields, type } as unknown as MetadataRecord
          const bytes = encodeMetadataRecord(record, version)
          const read = decodeMetadataRecord(bytes)
          expect(read).toEqual({ ...record, version })
          expect(encodeMetadataRecord(read, version)).toEqual(bytes)
          for (let end = 0; end < bytes.length; end++) expect(() => decodeMetadataRecord(bytes.subarray(0, end))).toThrow(WireError)
          expect(() => decodeMetadataRecord(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(/1 bytes after/)
        }),
        { numRuns: 30 },
      )
    },
  )

  it('refuses frames, keys and versions that it does not know', () => {
    expect(() => decodeMetadataRecord(Buffer.from([0, 12, 0]))).toThrow('frame version 0')
    expect(() => decodeMetadataRecord(Buffer.from([1, 6, 0]))).toThrow('api key 6')
    expect(() => decodeMetadataRecord(Buffer.from([1, 3, 3]))).toThrow('PartitionRecord of version 3, this release knows versions 0 to 2')
  })

  it('writes metadata.version 30 as Apache Kafka does', () => {
    const bytes = encodeMetadataRecord({ type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 30 }, 0)
    expect(bytes.toString('latin1')).toBe('\x01\x0c\x00\x11metadata.version\x00\x1e\x00')
  })

  it('does not drop what an older version cannot hold', () => {
    const record = { type: 'RegisterBrokerRecord', brokerId: 1, incarnationId: 'AAAAAAAAAAAAAAAAAAAAAQ', brokerEpoch: 3 } as const
    const full = { ...record, endPoints: [], features: [], rack: null, logDirs: ['AAAAAAAAAAAAAAAAAAAAAg'] }
    expect(() => encodeMetadataRecord(full, 2)).toThrow('version 2 of RegisterBrokerRecord cannot hold logDirs')
    expect(decodeMetadataRecord(encodeMetadataRecord(full, 3))).toMatchObject({ fenced: true, cordonedLogDirs: null, version: 3 })
  })

  it('chooses the version by the finalized metadata.version', () => {
    const at = (level: number) =>
      (['RegisterBrokerRecord', 'PartitionRecord', 'PartitionChangeRecord'] as const).map((type) => recordVersion(type, level))
    expect(at(7)).toEqual([1, 0, 0])
    expect(at(8)).toEqual([2, 0, 0])
    expect(at(17)).toEqual([3, 1, 1])
    expect(at(23)).toEqual([3, 2, 2])
    expect(at(30)).toEqual([4, 2, 2])
    expect(() => recordVersion('RegisterControllerRecord', 14)).toThrow('needs metadata.version 15')
  })

  it.each(quorums)('of Apache Kafka, with a %s quorum, are encoded back byte for byte', (quorum) => {
    const files = [goldenLog(quorum), ...goldenSnapshots(quorum).map((name) => goldenFile(quorum, name))]
    const seen = new Set<string>()
    for (const { value } of files.flatMap((file) => recordsOf(file, false))) {
      const record = decodeMetadataRecord(value!)
      seen.add(record.type)
      expect(encodeMetadataRecord(record, record.version)).toEqual(value)
      expect(record.version).toBeLessThanOrEqual(recordVersion(record.type, 30))
    }
    expect(seen.size).toBe(quorum === 'static' ? 21 : 8)
  })
})
