/**
 * Reads the offset map of a source from its topic, each time from where it stopped: what a flow goes on from, and what translates groups where
 * the flow runs elsewhere. It writes nothing.
 */
import type { Client } from '../../core/client/index.ts'
import type { Clock } from '../../core/system/clock.ts'
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

export class OffsetMapReader {
  readonly partitions = new Map<string, StoredPartition>()
  readonly #options: { target: Client; topic: string; clock: Clock; signal: AbortSignal }
  readonly #pages = new Map<string, Map<number, readonly MappedRange[]>>()
  #nextOffset = -1

  constructor(options: { target: Client; topic: string; clock: Clock; signal: AbortSignal }) {
    this.#options = options
  }

  /** Takes in what was written since the last time. False where the topic is not there. */
  async read(): Promise<boolean> {
    const { target, topic, clock, signal } = this.#options
    if (!(await target.topic(topic))) return false
    const { start, end } = await readLogBounds(target, topic, MAP_PARTITION)
    const heads = new Map<string, PartitionHead>()
    const from = Math.max(this.#nextOffset, start)
    for await (const { header, bytes } of scanBatches({ client: target, clock, signal }, topic, MAP_PARTITION, from, end)) {
      this.#nextOffset = header.lastOffset + 1
      if (header.attributes & attributes.control || header.count === 0) continue
      for (const { key, value } of decodeRecords(bytes, { fromOffset: from })) if (key) this.#take(key, value, heads)
    }
    for (const [key, head] of heads) this.partitions.set(key, { head, map: restoreMap(head, (page) => this.#pages.get(key)?.get(page)) })
    return true
  }

  #take(key: Buffer, value: Buffer | null, heads: Map<string, PartitionHead>): void {
    const read = decodeOffsetMapRecord(key, value)
    if (read.kind === 'owner') return
    const place = read.kind === 'head' ? read.head : read.kind === 'page' ? read.page : read
    const name = partitionKey(place)
    if (read.kind === 'head') heads.set(name, read.head)
    else if (read.kind === 'page') {
      const pages = this.#pages.get(name) ?? new Map<number, readonly MappedRange[]>()
      this.#pages.set(name, pages.set(read.page.page, read.page.ranges))
    } else if (read.page !== null) this.#pages.get(name)?.delete(read.page)
    else {
      heads.delete(name)
      this.partitions.delete(name)
    }
  }
}
