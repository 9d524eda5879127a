/**
 * The time index of a segment, in Kafka's format: entries of 12 bytes (timestamp, relative offset), ascending in both. The timestamp is the
 * largest one up to the end of the batch with that last offset.
 */
import { readInt64, writeInt64 } from '../wire/batch-header.ts'
import type { GrowingIndex } from './offset-index.ts'

export interface TimeEntry {
  timestamp: number
  relativeOffset: number
}

export const timestampAt = (bytes: Buffer, at: number): number => readInt64(bytes, at)

export const readTimeEntry = (bytes: Buffer, at = 0): TimeEntry => ({
  timestamp: readInt64(bytes, at),
  relativeOffset: bytes.readUInt32BE(at + 8),
})

/** Adds an entry unless it is not later than the last one. */
export function appendTimeEntry(index: GrowingIndex, timestamp: number, relativeOffset: number): void {
  if (timestamp < 0 || index.isFull) return
  if (index.count > 0) {
    const last = readTimeEntry(index.content, (index.count - 1) * index.entryBytes)
    if (timestamp <= last.timestamp || relativeOffset < last.relativeOffset) return
  }
  const { bytes, at } = index.extend()
  writeInt64(bytes, timestamp, at)
  bytes.writeUInt32BE(relativeOffset, at + 8)
}
