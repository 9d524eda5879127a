/**
 * Records of MirrorMaker 2's internal topics, byte for byte as it writes and reads them: offset syncs, checkpoints, heartbeats, and the
 * source offsets that its Connect worker stores (called positions here). Numbers are big endian; strings have an int16 length.
 */
import { Reader } from '../../core/wire/reader.ts'
import { string } from '../../core/wire/types.ts'
import { Writer } from '../../core/wire/writer.ts'
import type { OffsetPair } from '../offset-map.ts'

export interface KeyValue {
  key: Buffer
  value: Buffer
}

const { read: readString, write: writeString } = string.codec(0, false)

export interface OffsetSync extends OffsetPair {
  /** On the source. */
  topic: string
  partition: number
}

/** In MirrorMaker 2's format the value has no version. */
export function encodeOffsetSync(sync: OffsetSync): KeyValue {
  const key = new Writer(64)
  writeString(key, sync.topic)
  key.int32(sync.partition)
  const value = new Writer(16)
  value.int64(sync.upstreamOffset)
  value.int64(sync.downstreamOffset)
  return { key: key.bytes(), value: value.bytes() }
}

export function decodeOffsetSync(key: Buffer, value: Buffer): OffsetSync {
  const keys = new Reader(key)
  const values = new Reader(value)
  return { topic: readString(keys), partition: keys.int32(), upstreamOffset: values.int64(), downstreamOffset: values.int64() }
}

export interface Checkpoint extends OffsetPair {
  group: string
  /** On the target. */
  topic: string
  partition: number
  metadata: string
}

const VERSION = 0

export function encodeCheckpoint(checkpoint: Checkpoint): KeyValue {
  const key = new Writer(96)
  writeString(key, checkpoint.group)
  writeString(key, checkpoint.topic)
  key.int32(checkpoint.partition)
  const value = new Writer(32)
  value.int16(VERSION)
  value.int64(checkpoint.upstreamOffset)
  value.int64(checkpoint.downstreamOffset)
  writeString(value, checkpoint.metadata)
  return { key: key.bytes(), value: value.bytes() }
}

export function decodeCheckpoint(key: Buffer, value: Buffer): Checkpoint {
  const keys = new Reader(key)
  const values = new Reader(value)
  values.int16()
  return {
    group: readString(keys),
    topic: readString(keys),
    partition: keys.int32(),
    upstreamOffset: values.int64(),
    downstreamOffset: values.int64(),
    metadata: readString(values),
  }
}

export interface Heartbeat {
  sourceAlias: string
  targetAlias: string
  timestamp: number
}

export function encodeHeartbeat(heartbeat: Heartbeat): KeyValue {
  const key = new Writer(64)
  writeString(key, heartbeat.sourceAlias)
  writeString(key, heartbeat.targetAlias)
  const value = new Writer(10)
  value.int16(VERSION)
  value.int64(heartbeat.timestamp)
  return { key: key.bytes(), value: value.bytes() }
}

/** The name of MirrorMaker 2's source connector: the first part of each position's key. */
export const SOURCE_CONNECTOR_NAME = 'MirrorSourceConnector'

export interface StoredPosition {
  connector: string
  cluster: string
  topic: string
  partition: number
  /** The last mirrored offset of the source; null for a tombstone. */
  offset: number | null
}

/** The fields have the order in which MirrorMaker 2 writes them: compaction compares keys as bytes. */
export function encodePosition(position: StoredPosition): { key: Buffer; value: Buffer | null } {
  const { connector, cluster, partition, topic, offset } = position
  return {
    key: Buffer.from(JSON.stringify([connector, { cluster, partition, topic }])),
    value: offset === null ? null : Buffer.from(JSON.stringify({ offset })),
  }
}

/** Undefined for a position of a connector of another kind. */
export function decodePosition(key: Buffer, value: Buffer | null): StoredPosition | undefined {
  const parsed: unknown = JSON.parse(key.toString('utf8'))
  if (!Array.isArray(parsed) || typeof parsed[0] !== 'string' || typeof parsed[1] !== 'object' || parsed[1] === null) return undefined
  const { cluster, topic, partition } = parsed[1] as Record<string, unknown>
  if (typeof cluster !== 'string' || typeof topic !== 'string' || !Number.isSafeInteger(partition)) return undefined
  const source = { connector: parsed[0], cluster, topic, partition: partition as number }
  if (value === null) return { ...source, offset: null }
  const stored: unknown = JSON.parse(value.toString('utf8'))
  const offset = (stored as { offset?: unknown } | null)?.offset
  return Number.isSafeInteger(offset) ? { ...source, offset: offset as number } : undefined
}
