/**
 * Goal: the offset map is the same after it was stored and restored, from its pages and its head; the owner of a flow too, as well as
 * owners that earlier releases stored. Method: maps of random size are encoded and decoded.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ZERO_UUID } from '../../../core/wire/types.ts'
import { type MappedRange, OffsetMap, PAGE_RANGES } from '../../../mirror/offset-map.ts'
import {
  decodeOffsetMapRecord,
  encodeFlowOwner,
  encodeMapPage,
  encodePartitionHead,
  type PartitionHead,
  pageKey,
  restoreMap,
} from '../../../mirror/store/offset-map-records.ts'

describe('records of the offset map', () => {
  test('restore the map from its pages and the head that counts them', () => {
    fc.assert(
      fc.property(fc.nat(3 * PAGE_RANGES + 5), (count) => {
        const map = new OffsetMap(0, 0)
        for (let i = 0; i < count; i++) {
          map.advance(map.nextUpstreamOffset + 1)
          map.append(map.nextUpstreamOffset, map.nextDownstreamOffset, (i % 5) + 1)
        }
        const pages = new Map<number, readonly MappedRange[]>()
        for (let page = map.firstPage; page < map.openPage; page++) {
          const { key, value } = encodeMapPage({ topic: 't', partition: 0, page, ranges: map.page(page) })
          const read = decodeOffsetMapRecord(key, value)
          if (read.kind === 'page') pages.set(read.page.page, read.page.ranges)
        }
        const { key, value } = encodePartitionHead(headOf(map))
        const read = decodeOffsetMapRecord(key, value)
        if (read.kind !== 'head') throw new Error('no head')
        const restored = restoreMap(read.head, (page) => pages.get(page))
        expect(contentOf(restored)).toEqual(contentOf(map))
      }),
      { numRuns: 30 },
    )
  })

  test('a missing page shortens the map and changes no offset', () => {
    const map = new OffsetMap(0, 0)
    for (let i = 0; i < 3 * PAGE_RANGES; i++) {
      map.advance(map.nextUpstreamOffset + 1)
      map.append(map.nextUpstreamOffset, map.nextDownstreamOffset, 1)
    }
    const known = new Map([[1, map.page(1)]])
    const short = restoreMap(headOf(map), (page) => known.get(page))
    for (let offset = 0; offset < map.nextUpstreamOffset; offset++)
      expect(short.translateDownstream(offset).downstreamOffset).toBeLessThanOrEqual(map.translateDownstream(offset).downstreamOffset)
    expect(short.translateDownstream(map.nextUpstreamOffset - 5)).toEqual(map.translateDownstream(map.nextUpstreamOffset - 5))
  })

  test('the owner of a flow, and as earlier releases stored it', () => {
    const place = { producerId: 4001, producerEpoch: 7, instance: 'host/1', startedMs: 1700000000000 }
    const owner = { ...place, released: true, failedOver: true, paused: true }
    const { key, value } = encodeFlowOwner(owner)
    expect(decodeOffsetMapRecord(key, value)).toEqual({ kind: 'owner', owner })
    expect(decodeOffsetMapRecord(key, value.subarray(0, -1))).toEqual({ kind: 'owner', owner: { ...owner, paused: false } })
    expect(decodeOffsetMapRecord(key, value.subarray(0, -2))).toEqual({
      kind: 'owner',
      owner: { ...owner, paused: false, failedOver: false },
    })
  })

  test('tombstones of a page and of a partition', () => {
    const deleted = { kind: 'deleted', topic: 't', partition: 0 }
    expect(decodeOffsetMapRecord(pageKey('t', 0, 3), null)).toEqual({ ...deleted, page: 3 })
    const { key } = encodePartitionHead(headOf(new OffsetMap(0, 0)))
    expect(decodeOffsetMapRecord(key, null)).toEqual({ ...deleted, page: null })
  })

  test('of a later version are refused, not misread', () => {
    const { key, value } = encodePartitionHead(headOf(new OffsetMap(0, 0)))
    value.writeInt16BE(2)
    expect(() => decodeOffsetMapRecord(key, value)).toThrow(/has version 2, this Tributary reads version 1/)
  })
})

const contentOf = (map: OffsetMap) => ({
  ...headOf(map),
  pages: Array.from({ length: map.openPage - map.firstPage + 1 }, (_, index) => map.page(map.firstPage + index)),
})

function headOf(map: OffsetMap): PartitionHead {
  return {
    topic: 't',
    partition: 0,
    topicId: ZERO_UUID,
    leaderEpoch: 4,
    nextUpstreamOffset: map.nextUpstreamOffset,
    nextDownstreamOffset: map.nextDownstreamOffset,
    origin: map.origin,
    sourceEnd: map.nextUpstreamOffset,
    lostRecords: 0,
    repeatedRecords: 0,
    producerEpoch: 2,
    sequence: 77,
    firstPage: map.firstPage,
    openPage: map.openPage,
    ranges: map.page(map.openPage),
  }
}
