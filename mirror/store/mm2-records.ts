/**
 * Records of MirrorMaker 2's own topics, byte for byte as it writes and reads them: offset syncs, checkpoints, heartbeats, and the source
 * positions that its Connect worker keeps. Strings have a two-byte length; all numbers are big endian.
 */
import { Reader } from '../../core/wire/reader.ts'
import { Writer } from '../../core/wire/writer.ts'

export interface KeyValue {
  key: Buffer
  value: Buffer
}

function putString(writer: Writer, text: string): void {
  const bytes = Buffer.byteLength(text)
  writer.int16(bytes)
  writer.utf8(text, bytes)
}
const getString = (reader: Reader): string => reader.utf8(reader.int16())

export interface OffsetSync {
  /** On the source. */
  topic: string
  partition: number
  upstreamOffset: number
  downstreamOffset: number
}

/** The value has no version in front: MirrorMaker 2 wrote it so from its first day. */
export function encodeOffsetSync(sync: OffsetSync): KeyValue {
  const key = new Writer(64)
  putString(key, sync.topic)
  key.int32(sync.partition)
  const value = new Writer(16)
  value.int64(sync.upstreamOffset)
  value.int64(sync.downstreamOffset)
  return { key: key.bytes(), value: value.bytes() }
}

export function decodeOffsetSync(key: Buffer, value: Buffer): OffsetSync {
  const keys = new Reader(key)
  const values = new Reader(value)
  return { topic: getString(keys), partition: keys.int32(), upstreamOffset: values.int64(), downstreamOffset: values.int64() }
}

export interface Checkpoint {
  group: string
  /** On the target. */
  topic: string
  partition: number
  upstreamOffset: number
  downstreamOffset: number
  metadata: string
}

const VERSION = 0

export function encodeCheckpoint(checkpoint: Checkpoint): KeyValue {
  const key = new Writer(96)
  putString(key, checkpoint.group)
  putString(key, checkpoint.topic)
  key.int32(checkpoint.partition)
  const value = new Writer(32)
  value.int16(VERSION)
  value.int64(checkpoint.upstreamOffset)
  value.int64(checkpoint.downstreamOffset)
  putString(value, checkpoint.metadata)
  return { key: key.bytes(), value: value.bytes() }
}

export function decodeCheckpoint(key: Buffer, value: Buffer): Checkpoint {
  const keys = new Reader(key)
  const values = new Reader(value)
  values.int16()
  return {
    group: getString(keys),
    topic: getString(keys),
    partition: keys.int32(),
    upstreamOffset: values.int64(),
    downstreamOffset: values.int64(),
    metadata: getString(values),
  }
}

export interface Heartbeat {
  sourceAlias: string
  targetAlias: string
  timestamp: number
}

export function encodeHeartbeat(heartbeat: Heartbeat): KeyValue {
  const key = new Writer(64)
  putString(key, heartbeat.sourceAlias)
  putString(key, heartbeat.targetAlias)
  const value = new Writer(10)
  value.int16(VERSION)
  value.int64(heartbeat.timestamp)
  return { key: key.bytes(), value: value.bytes() }
}

export function decodeHeartbeat(key: Buffer, value: Buffer): Heartbeat {
  const keys = new Reader(key)
  const values = new Reader(value)
  values.int16()
  return { sourceAlias: getString(keys), targetAlias: getString(keys), timestamp: values.int64() }
}

/** The name that MirrorMaker 2 gives its source connector, and with it the first part of each position's key. */
export const SOURCE_CONNECTOR_NAME = 'MirrorSourceConnector'

export interface StoredPosition {
  connector: string
  cluster: string
  topic: string
  partition: number
  /** The last mirrored offset of the source; null where the position was taken away. */
  offset: number | null
}

/** The order of the fields is that of the Java map which MirrorMaker 2 writes: keys of a compacted topic are compared as bytes. */
export function encodePosition(position: StoredPosition): { key: Buffer; value: Buffer | null } {
  const { connector, cluster, partition, topic, offset } = position
  return {
    key: Buffer.from(JSON.stringify([connector, { cluster, partition, topic }])),
    value: offset === null ? null : Buffer.from(JSON.stringify({ offset })),
  }
}

/** Undefined for a position of another kind of connector. */
export function decodePosition(key: Buffer, value: Buffer | null): StoredPosition | undefined {
  const parsed: unknown = JSON.parse(key.toString('utf8'))
  if (!Array.isArray(parsed) || typeof parsed[0] !== 'string' || typeof parsed[1] !== 'object' || parsed[1] === null) return undefined
  const { cluster, topic, partition } = parsed[1] as Record<string, unknown>
  if (typeof cluster !== 'string' || typeof topic !== 'string' || !Number.isSafeInteger(partition)) return undefined
  const place = { connector: parsed[0], cluster, topic, partition: partition as number }
  if (value === null) return { ...place, offset: null }
  const stored: unknown = JSON.parse(value.toString('utf8'))
  const offset = (stored as { offset?: unknown } | null)?.offset
  return Number.isSafeInteger(offset) ? { ...place, offset: offset as number } : undefined
}
