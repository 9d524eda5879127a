/**
 * The records of the exact offset map in its compacted topic on the target (docs/decisions/0002-exact-offset-map.md). Three kinds of keys:
 *   head   one for each source partition: its position, its losses, and the page of ranges that still grows;
 *   page   a full page of ranges, written once, before the head that counts it;
 *   owner  which mirror writes the flow: the producer id and epoch that fence an older mirror.
 * A reader ignores a page that no head counts.
 */
import { Reader, WireError } from '../../core/wire/reader.ts'
import { string } from '../../core/wire/types.ts'
import { Writer } from '../../core/wire/writer.ts'
import { type MappedRange, OffsetMap, type OffsetPair, PAGE_RANGES } from '../offset-map.ts'
import type { KeyValue } from './mm2-records.ts'

const VERSION = 1
const kinds = { owner: 0, head: 1, page: 2 } as const
const { read: readString, write: writeString } = string.codec(0, false)

export interface PartitionHead {
  /** On the source. */
  topic: string
  partition: number
  /** Of the source topic to which the offsets belong; zero if the cluster has no topic ids. */
  topicId: string
  /** Of the last batch read; -1 if none was read. */
  leaderEpoch: number
  nextUpstreamOffset: number
  nextDownstreamOffset: number
  origin: OffsetPair
  /** The source's log end offset as last seen: says how much is lost if the topic is recreated. */
  sourceEnd: number
  lostRecords: number
  repeatedRecords: number
  /** The epoch of the flow's producer and the sequence that follows `nextDownstreamOffset`: they identify later records of the flow. */
  producerEpoch: number
  sequence: number
  firstPage: number
  /** The number of the page that still grows. */
  openPage: number
  ranges: readonly MappedRange[]
}

export interface MapPage {
  topic: string
  partition: number
  page: number
  ranges: readonly MappedRange[]
}

export interface FlowOwner {
  producerId: number
  producerEpoch: number
  /** Of the process that wrote the record. */
  instance: string
  startedMs: number
  /** The owner has stopped by itself and has no requests in flight. */
  released: boolean
  /** The groups have been failed over: nothing is mirrored until a user resumes the flow. */
  failedOver: boolean
  /** A user has paused the flow: nothing is mirrored until a user resumes it. */
  paused: boolean
}

/** Partition 0 of the map topic has the heads and pages, partition 1 the owner. */
export const MAP_PARTITION = 0
export const OWNER_PARTITION = 1

export type OffsetMapRecord =
  | { kind: 'owner'; owner: FlowOwner }
  | { kind: 'head'; head: PartitionHead }
  | { kind: 'page'; page: MapPage }
  /** A tombstone: of one page, or (null) of the partition's head. */
  | { kind: 'deleted'; topic: string; partition: number; page: number | null }

/** Each range as its distance from the end of the range before it, upstream and downstream, and its length. */
function writeRanges(writer: Writer, ranges: readonly MappedRange[]): void {
  writer.int32(ranges.length)
  let upstreamEnd = 0
  let downstreamEnd = 0
  for (const { upstreamOffset, downstreamOffset, length } of ranges) {
    writer.varlong(upstreamOffset - upstreamEnd)
    writer.varlong(downstreamOffset - downstreamEnd)
    writer.varlong(length)
    upstreamEnd = upstreamOffset + length
    downstreamEnd = downstreamOffset + length
  }
}

function readRanges(reader: Reader): MappedRange[] {
  const count = reader.int32()
  if (count < 0 || count > PAGE_RANGES) throw new WireError(`a page of ${count} ranges, the limit is ${PAGE_RANGES}`)
  const ranges: MappedRange[] = []
  let upstreamEnd = 0
  let downstreamEnd = 0
  for (let i = 0; i < count; i++) {
    const upstreamOffset = upstreamEnd + reader.varlong()
    const downstreamOffset = downstreamEnd + reader.varlong()
    const length = reader.varlong()
    if (length <= 0) throw new WireError(`a range of ${length} records`)
    ranges.push({ upstreamOffset, downstreamOffset, length })
    upstreamEnd = upstreamOffset + length
    downstreamEnd = downstreamOffset + length
  }
  return ranges
}

function recordKey(kind: number, topic: string, partition: number): Writer {
  const key = new Writer(64)
  key.int8(kind)
  writeString(key, topic)
  key.int32(partition)
  return key
}

export function encodePartitionHead(head: PartitionHead): KeyValue {
  const value = new Writer(192)
  value.int16(VERSION)
  value.uuid(head.topicId)
  value.int32(head.leaderEpoch)
  value.int64(head.nextUpstreamOffset)
  value.int64(head.nextDownstreamOffset)
  value.int64(head.origin.upstreamOffset)
  value.int64(head.origin.downstreamOffset)
  value.int64(head.sourceEnd)
  value.int64(head.lostRecords)
  value.int64(head.repeatedRecords)
  value.int16(head.producerEpoch)
  value.int32(head.sequence)
  value.int32(head.firstPage)
  value.int32(head.openPage)
  writeRanges(value, head.ranges)
  return { key: recordKey(kinds.head, head.topic, head.partition).bytes(), value: value.bytes() }
}

export function pageKey(topic: string, partition: number, page: number): Buffer {
  const key = recordKey(kinds.page, topic, partition)
  key.int32(page)
  return key.bytes()
}

export function encodeMapPage(page: MapPage): KeyValue {
  const value = new Writer(1024)
  value.int16(VERSION)
  writeRanges(value, page.ranges)
  return { key: pageKey(page.topic, page.partition, page.page), value: value.bytes() }
}

export function encodeFlowOwner(owner: FlowOwner): KeyValue {
  const key = new Writer(8)
  key.int8(kinds.owner)
  const value = new Writer(64)
  value.int16(VERSION)
  value.int64(owner.producerId)
  value.int16(owner.producerEpoch)
  writeString(value, owner.instance)
  value.int64(owner.startedMs)
  value.bool(owner.released)
  value.bool(owner.failedOver)
  value.bool(owner.paused)
  return { key: key.bytes(), value: value.bytes() }
}

function checkVersion(reader: Reader): void {
  const version = reader.int16()
  if (version !== VERSION) throw new WireError(`a record of the offset map has version ${version}, this Tributary reads version ${VERSION}`)
}

export function decodeOffsetMapRecord(key: Buffer, value: Buffer | null): OffsetMapRecord {
  const keys = new Reader(key)
  const kind = keys.int8()
  if (kind === kinds.owner) {
    if (value === null) throw new WireError('the owner record of an offset map has no value')
    const values = new Reader(value)
    checkVersion(values)
    return {
      kind: 'owner',
      owner: {
        producerId: values.int64(),
        producerEpoch: values.int16(),
        instance: readString(values),
        startedMs: values.int64(),
        released: values.bool(),
        // Records of earlier releases end before one or both of these.
        failedOver: values.remaining > 0 && values.bool(),
        paused: values.remaining > 0 && values.bool(),
      },
    }
  }
  if (kind !== kinds.head && kind !== kinds.page) throw new WireError(`a record of the offset map has the unknown kind ${kind}`)
  const topic = readString(keys)
  const partition = keys.int32()
  const page = kind === kinds.page ? keys.int32() : null
  if (value === null) return { kind: 'deleted', topic, partition, page }
  const values = new Reader(value)
  checkVersion(values)
  if (page !== null) return { kind: 'page', page: { topic, partition, page, ranges: readRanges(values) } }
  return {
    kind: 'head',
    head: {
      topic,
      partition,
      topicId: values.uuid(),
      leaderEpoch: values.int32(),
      nextUpstreamOffset: values.int64(),
      nextDownstreamOffset: values.int64(),
      origin: { upstreamOffset: values.int64(), downstreamOffset: values.int64() },
      sourceEnd: values.int64(),
      lostRecords: values.int64(),
      repeatedRecords: values.int64(),
      producerEpoch: values.int16(),
      sequence: values.int32(),
      firstPage: values.int32(),
      openPage: values.int32(),
      ranges: readRanges(values),
    },
  }
}

/** The map of a partition from its head and the full pages that the head counts. A missing page shortens the map and changes no offset. */
export function restoreMap(head: PartitionHead, page: (number: number) => readonly MappedRange[] | undefined): OffsetMap {
  const ranges: MappedRange[] = [...head.ranges]
  let droppedPages = head.openPage
  while (droppedPages > head.firstPage) {
    const older = page(droppedPages - 1)
    if (older?.length !== PAGE_RANGES) break
    ranges.unshift(...older)
    droppedPages--
  }
  return new OffsetMap(head.nextUpstreamOffset, head.nextDownstreamOffset, {
    origin: head.origin,
    ranges: ranges.map((range) => ({ ...range })),
    droppedPages,
  })
}
