/**
 * Reads the offset map of a source from its topic, each time from where the last read ended: at the start of a flow, and for translating
 * group offsets where the flow runs elsewhere. It writes nothing.
 */
import type { Client } from '../../core/client/index.ts'
import type { Clock } from '../../core/system/clock.ts'
import type { Random } from '../../core/system/random.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import { attributes } from '../../core/wire/batch-header.ts'
import { decodeRecords } from '../../core/wire/record-batch.ts'
import type { MappedRange, OffsetMap } from '../offset-map.ts'
import { decodeOffsetMapRecord, MAP_PARTITION, type PartitionHead, restoreMap } from './offset-map-records.ts'
import { readLogBounds, scanBatches } from './topic-scan.ts'

export interface StoredPartition {
  head: PartitionHead
  map: OffsetMap
}

export interface OffsetMapReaderOptions {
  target: Client
  topic: string
  clock: Clock
  random: Random
  signal: AbortSignal
}

export class OffsetMapReader {
  readonly #partitions = new Map<string, StoredPartition>()
  readonly #options: OffsetMapReaderOptions
  readonly #pages = new Map<string, Map<number, readonly MappedRange[]>>()
  #nextOffset = -1

  constructor(options: OffsetMapReaderOptions) {
    this.#options = options
  }

  /** By `partitionKey` of the source partition. */
  get partitions(): ReadonlyMap<string, StoredPartition> {
    return this.#partitions
  }

  /** What the caller itself has written: it need not be read. */
  written(partition: StoredPartition): void {
    this.#partitions.set(partitionKey(partition.head), partition)
  }

  /** Reads what was written since the last call. False if the topic does not exist. */
  async read(): Promise<boolean> {
    const { target, topic, ...scan } = this.#options
    if (!(await target.topic(topic))) return false
    const [bounds] = await readLogBounds(target, [{ topic, partition: MAP_PARTITION }])
    const heads = new Map<string, PartitionHead>()
    const from = Math.max(this.#nextOffset, bounds!.start)
    for await (const { header, bytes } of scanBatches({ client: target, ...scan }, topic, MAP_PARTITION, from, bounds!.end)) {
      this.#nextOffset = header.lastOffset + 1
      if (header.attributes & attributes.control || header.count === 0) continue
      for (const { key, value } of decodeRecords(bytes, { fromOffset: from })) if (key) this.#apply(key, value, heads)
    }
    for (const [key, head] of heads) this.#partitions.set(key, { head, map: restoreMap(head, (page) => this.#pages.get(key)?.get(page)) })
    return true
  }

  #apply(keyBytes: Buffer, value: Buffer | null, heads: Map<string, PartitionHead>): void {
    const record = decodeOffsetMapRecord(keyBytes, value)
    switch (record.kind) {
      case 'owner':
        return
      case 'head':
        heads.set(partitionKey(record.head), record.head)
        return
      case 'page': {
        const key = partitionKey(record.page)
        const pages = this.#pages.get(key) ?? new Map<number, readonly MappedRange[]>()
        this.#pages.set(key, pages.set(record.page.page, record.page.ranges))
        return
      }
      case 'deleted': {
        const key = partitionKey(record)
        if (record.page !== null) this.#pages.get(key)?.delete(record.page)
        else {
          heads.delete(key)
          this.#partitions.delete(key)
        }
      }
    }
  }
}
