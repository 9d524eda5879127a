/**
 * The objects of one partition of a topic. All that grow at the same time are a group, which ends as a whole: the decision depends on the
 * records of the partition since the group before, and on nothing else, so that a task that reads them again writes the same objects. Only
 * rotate.schedule.interval.ms and the extractor Wallclock look at the clock.
 */
import type { SinkRecord } from '../../connect/sdk/index.ts'
import type { SinkOptions } from './options.ts'
import type { RecordFile } from './record-file.ts'

export interface FileGroup {
  /** By the encoded partition. */
  readonly files: ReadonlyMap<string, RecordFile>
  /** The offset of its first record. */
  readonly startOffset: number
  /** How many of its files are in the store. */
  storedFiles: number
}

interface OpenGroup extends FileGroup {
  readonly files: Map<string, RecordFile>
  recordCount: number
  encodedBytes: number
  /** The time of its first record; null where times do not count. */
  readonly baseMs: number | null
  lastPartition: string
}

export interface WriterParts {
  options: Pick<SinkOptions, 'rotation' | 'partitioner' | 'tombstoneFolder' | 'nullValues'>
  /** Begins a file: its objects are named after the folder and the offset. Throws UnwritableRecord. */
  begin(encodedPartition: string, record: SinkRecord, hasValues: boolean): RecordFile
}

export class TopicPartitionWriter {
  readonly #options: WriterParts['options']
  readonly #begin: WriterParts['begin']
  #open: OpenGroup | null = null
  #nextScheduleMs: number | null = null
  /** Groups that have ended and are not in the store yet, in order. */
  readonly ended: FileGroup[] = []

  constructor({ options, begin }: WriterParts) {
    this.#options = options
    this.#begin = begin
  }

  get open(): FileGroup | null {
    return this.#open
  }

  /** The first offset that is in no object of the store yet; null where all are that were added. */
  get pendingOffset(): number | null {
    return (this.ended[0] ?? this.#open)?.startOffset ?? null
  }

  /** Throws UnwritableRecord, or a converter's DataError, where the record cannot be written. */
  add(record: SinkRecord, nowMs: number): void {
    const { rotation, partitioner } = this.#options
    const ms = partitioner.timestamp?.(record, nowMs) ?? null
    const encoded = partitioner.encodedPartition(record, nowMs)
    this.rotateOnSchedule(nowMs)
    if (this.#open && this.#mustEnd(this.#open, record, encoded, ms)) this.end()
    const group = this.#open ?? this.#newGroup(record, ms, encoded, nowMs)
    let file = group.files.get(encoded)
    const isNew = file === undefined
    file ??= this.#begin(encoded, record, !this.#isTombstone(record))
    const bytesBefore = isNew ? 0 : file.encodedBytes
    file.add(record)
    if (isNew) group.files.set(encoded, file)
    this.#open = group
    group.recordCount++
    group.encodedBytes += file.encodedBytes - bytesBefore
    group.lastPartition = encoded
    if (group.recordCount >= rotation.flushSize || (rotation.maxBytes !== null && group.encodedBytes >= rotation.maxBytes)) this.end()
  }

  #isTombstone({ value }: SinkRecord): boolean {
    return value === null && this.#options.nullValues === 'write'
  }

  #newGroup(record: SinkRecord, baseMs: number | null, encoded: string, nowMs: number): OpenGroup {
    this.#nextScheduleMs = this.#options.rotation.nextSchedule?.(nowMs) ?? null
    return { files: new Map(), startOffset: record.offset, storedFiles: 0, recordCount: 0, encodedBytes: 0, baseMs, lastPartition: encoded }
  }

  #mustEnd(group: OpenGroup, record: SinkRecord, encoded: string, ms: number | null): boolean {
    const { intervalMs, onPartitionChange, maxOpenFiles } = this.#options.rotation
    if (intervalMs !== null && ms !== null && group.baseMs !== null) {
      if (ms - group.baseMs >= intervalMs) return true
      if (onPartitionChange && encoded !== group.lastPartition && !this.#isOfTombstones(encoded, group.lastPartition)) return true
    }
    const file = group.files.get(encoded)
    if (file) return !file.takes(record)
    return maxOpenFiles !== null && group.files.size >= maxOpenFiles
  }

  /** A step into or out of the folder of tombstones ends nothing: that would make an object of each run of them. */
  #isOfTombstones(a: string, b: string): boolean {
    const { nullValues, tombstoneFolder } = this.#options
    return nullValues === 'write' && (a === tombstoneFolder || b === tombstoneFolder)
  }

  rotateOnSchedule(nowMs: number): void {
    if (this.#open && this.#nextScheduleMs !== null && nowMs >= this.#nextScheduleMs) this.end()
  }

  /** Ends the objects that are open. */
  end(): void {
    if (!this.#open) return
    for (const file of this.#open.files.values()) file.end()
    this.ended.push(this.#open)
    this.#open = null
  }
}
