/**
 * How the exact offset map lies in its compacted topic on the target (docs/decisions/0002-exact-offset-map.md). Three kinds of keys:
 *   head   one of each source partition: where it stands, what was lost, and the page of runs that still grows;
 *   page   a full page of runs, written once before the head that counts it;
 *   owner  who writes: the producer id and epoch by which an older mirror is fenced off.
 * A reader that finds a page which no head counts passes over it.
 */
import { Reader, WireError } from '../../core/wire/reader.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import { Writer } from '../../core/wire/writer.ts'
import { type MappedRange, OffsetMap, type OffsetPair, PAGE_RANGES } from '../offset-map.ts'
import type { KeyValue } from './mm2-records.ts'

const VERSION = 1
const kinds = { owner: 0, head: 1, page: 2 } as const

export interface PartitionHead {
  /** On the source. */
  topic: string
  partition: number
  /** Which life of the source's topic the offsets belong to; zero where the cluster does not say. */
  topicId: string
  /** Of the last batch read; -1 where none was. */
  leaderEpoch: number
  nextUpstreamOffset: number
  nextDownstreamOffset: number
  origin: OffsetPair
  /** The source's end as last seen: tells how much is lost when the topic is created anew. */
  sourceEnd: number
  lostRecords: number
  repeatedRecords: number
  /** Our producer's epoch and the sequence that follows `nextDown`: they tell which of the records behind it are ours. */
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
  /** Of the process that wrote it. */
  instance: string
  startedMs: number
  /** It has ended by itself, and nothing of it is under way. */
  released: boolean
  /** The groups have been failed over: nothing is written from the source until somebody resumes the flow. */
  failedOver: boolean
  /** Somebody has paused the flow: it reads nothing until somebody resumes it. */
  paused: boolean
}

/** Partitions of the map's topic: what is known of each partition of the source, and apart from it who writes. */
export const MAP_PARTITION = 0
export const OWNER_PARTITION = 1

export type OffsetMapRecord =
  | { kind: 'owner'; owner: FlowOwner }
  | { kind: 'head'; head: PartitionHead }
  | { kind: 'page'; page: MapPage }
  | { kind: 'gone'; topic: string; partition: number; page: number | null }

function putString(writer: Writer, text: string): void {
  const bytes = Buffer.byteLength(text)
  writer.int16(bytes)
  writer.utf8(text, bytes)
}
const getString = (reader: Reader): string => reader.utf8(reader.int16())

/** Each run as its distance from the end of the one before it, on both sides, and its length. */
function putRuns(writer: Writer, runs: readonly MappedRange[]): void {
  writer.int32(runs.length)
  let up = 0
  let down = 0
  for (const run of runs) {
    writer.varlong(run.upstreamOffset - up)
    writer.varlong(run.downstreamOffset - down)
    writer.varlong(run.length)
    up = run.upstreamOffset + run.length
    down = run.downstreamOffset + run.length
  }
}

function getRuns(reader: Reader): MappedRange[] {
  const count = reader.int32()
  if (count < 0 || count > PAGE_RANGES) throw new WireError(`a page of ${count} runs, the limit is ${PAGE_RANGES}`)
  const runs: MappedRange[] = []
  let up = 0
  let down = 0
  for (let i = 0; i < count; i++) {
    const run: MappedRange = { upstreamOffset: up + reader.varlong(), downstreamOffset: down + reader.varlong(), length: reader.varlong() }
    if (run.length <= 0) throw new WireError(`a run of ${run.length} records`)
    runs.push(run)
    up = run.upstreamOffset + run.length
    down = run.downstreamOffset + run.length
  }
  return runs
}

function partitionKey(kind: number, topic: string, partition: number): Writer {
  const key = new Writer(64)
  key.int8(kind)
  putString(key, topic)
  key.int32(partition)
  return key
}

export function encodePartitionHead(head: PartitionHead): KeyValue {
  const value = new Writer(192)
  value.int16(VERSION)
  value.uuid(head.topicId)
  value.int32(head.leaderEpoch)
  for (const offset of [
    head.nextUpstreamOffset,
    head.nextDownstreamOffset,
    head.origin.upstreamOffset,
    head.origin.downstreamOffset,
    head.sourceEnd,
  ])
    value.int64(offset)
  value.int64(head.lostRecords)
  value.int64(head.repeatedRecords)
  value.int16(head.producerEpoch)
  value.int32(head.sequence)
  value.int32(head.firstPage)
  value.int32(head.openPage)
  putRuns(value, head.ranges)
  return { key: partitionKey(kinds.head, head.topic, head.partition).bytes(), value: value.bytes() }
}

export function pageKey(topic: string, partition: number, page: number): Buffer {
  const key = partitionKey(kinds.page, topic, partition)
  key.int32(page)
  return key.bytes()
}

export function encodeMapPage(page: MapPage): KeyValue {
  const value = new Writer(1024)
  value.int16(VERSION)
  putRuns(value, page.ranges)
  return { key: pageKey(page.topic, page.partition, page.page), value: value.bytes() }
}

export function encodeFlowOwner(owner: FlowOwner): KeyValue {
  const key = new Writer(8)
  key.int8(kinds.owner)
  const value = new Writer(64)
  value.int16(VERSION)
  value.int64(owner.producerId)
  value.int16(owner.producerEpoch)
  putString(value, owner.instance)
  value.int64(owner.startedMs)
  value.bool(owner.released)
  value.bool(owner.failedOver)
  value.bool(owner.paused)
  return { key: key.bytes(), value: value.bytes() }
}

function checkVersion(reader: Reader): void {
  const version = reader.int16()
  if (version !== VERSION) throw new WireError(`a record of the offset map in version ${version}, this Tributary reads ${VERSION}`)
}

export function decodeOffsetMapRecord(key: Buffer, value: Buffer | null): OffsetMapRecord {
  const keys = new Reader(key)
  const kind = keys.int8()
  if (kind === kinds.owner) {
    if (value === null) throw new WireError('the owner of an offset map cannot be taken away')
    const values = new Reader(value)
    checkVersion(values)
    return {
      kind: 'owner',
      owner: {
        producerId: values.int64(),
        producerEpoch: values.int16(),
        instance: getString(values),
        startedMs: values.int64(),
        released: values.bool(),
        // records of earlier versions end before either of these
        failedOver: values.remaining > 0 && values.bool(),
        paused: values.remaining > 0 && values.bool(),
      },
    }
  }
  if (kind !== kinds.head && kind !== kinds.page) throw new WireError(`a record of the offset map of the unknown kind ${kind}`)
  const topic = getString(keys)
  const partition = keys.int32()
  const page = kind === kinds.page ? keys.int32() : null
  if (value === null) return { kind: 'gone', topic, partition, page }
  const values = new Reader(value)
  checkVersion(values)
  if (page !== null) return { kind: 'page', page: { topic, partition, page, ranges: getRuns(values) } }
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
      ranges: getRuns(values),
    },
  }
}

/** The map of a partition from its head and the full pages that the head counts. A page that is not there shortens what is known, never moves it. */
export function restoreMap(head: PartitionHead, page: (number: number) => readonly MappedRange[] | undefined): OffsetMap {
  const runs: MappedRange[] = [...head.ranges]
  let first = head.openPage
  while (first > head.firstPage) {
    const older = page(first - 1)
    if (older?.length !== PAGE_RANGES) break
    runs.unshift(...older)
    first--
  }
  return new OffsetMap(head.nextUpstreamOffset, head.nextDownstreamOffset, {
    origin: head.origin,
    runs: runs.map((run) => ({ ...run })),
    droppedPages: first,
  })
}

export const UNKNOWN_TOPIC_ID = ZERO_UUID
