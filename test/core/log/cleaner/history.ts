/**
 * Random histories of a compacted log, and what must be true of the log after any of them: every key has its last committed value, what is
 * not cleaned is unchanged, and producers go on.
 */
import { expect } from 'vitest'
import type { PartitionLog, ReadBound } from '../../../../core/log/types.ts'
import { type Disk, realDisk } from '../../../../core/system/disk.ts'
import { attributes, codecs, readBatchHeader } from '../../../../core/wire/batch-header.ts'
import { batches, decodeRecords } from '../../../../core/wire/record-batch.ts'
import { T0 } from '../scratch-log.ts'
import { appendKeyed, endTransaction, keyed, stored } from './compacted-log.ts'

export type Random = () => number

interface WrittenRecord {
  offset: number
  key: string
  value: string | null
  timestamp: number
}

interface Producer {
  sequence: number
  epoch: number
  last: Buffer | null
  lastOffset: number
  /** The records of its ongoing transaction. */
  open: WrittenRecord[]
}

export class History {
  readonly #random: Random
  /** By offset. */
  readonly written = new Map<number, WrittenRecord>()
  readonly #committed: WrittenRecord[] = []
  readonly #aborted = new Set<number>()
  readonly #producers = new Map<number, Producer>()
  #now: number
  #values = 0

  constructor(random: Random, startMs = T0) {
    this.#random = random
    this.#now = startMs
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  /** Appends one batch, or ends a transaction. */
  async step(log: PartitionLog): Promise<void> {
    const kind = this.below(10)
    if (kind < 4) await this.#appendBatch(log, -1, false)
    else if (kind < 6) await this.#appendBatch(log, 1 + this.below(2), false)
    else {
      const producerId = 10 + this.below(3)
      const { open } = this.#producer(producerId)
      if (open.length > 0 && this.below(2) === 0) await this.#end(log, producerId)
      else await this.#appendBatch(log, producerId, true)
    }
  }

  /** Ends all ongoing transactions. */
  async endAll(log: PartitionLog): Promise<void> {
    for (const [producerId, { open }] of this.#producers) if (open.length > 0) await this.#end(log, producerId)
  }

  #producer(producerId: number): Producer {
    let producer = this.#producers.get(producerId)
    if (!producer) {
      producer = { sequence: 0, epoch: 0, last: null, lastOffset: -1, open: [] }
      this.#producers.set(producerId, producer)
    }
    return producer
  }

  async #appendBatch(log: PartitionLog, producerId: number, transactional: boolean): Promise<void> {
    this.#now += this.below(2) === 0 ? 0 : this.below(100_000)
    const records = Array.from({ length: 1 + this.below(5) }, () => ({
      key: `k${this.below(7)}`,
      value: this.below(4) === 0 ? null : `v${this.#values++}${'.'.repeat(this.below(60))}`,
      timestamp: this.#now + this.below(5) - this.below(2) * 1000,
    }))
    const producer = producerId < 0 ? null : this.#producer(producerId)
    const batch = keyed(records, {
      codec: this.below(3) === 0 ? codecs[this.below(5)] : 'none',
      ...(producer && { producerId, producerEpoch: producer.epoch, baseSequence: producer.sequence, transactional }),
    })
    const copy = Buffer.from(batch)
    const result = appendKeyed(log, batch)
    await result.durable
    const written = records.map((record, index) => ({ ...record, offset: result.baseOffset + index }))
    for (const record of written) this.written.set(record.offset, record)
    if (producer) {
      producer.sequence += records.length
      producer.last = copy
      producer.lastOffset = result.baseOffset
    }
    if (transactional) producer!.open.push(...written)
    else this.#committed.push(...written)
  }

  async #end(log: PartitionLog, producerId: number): Promise<void> {
    const producer = this.#producer(producerId)
    const committed = this.below(2) === 0
    await endTransaction(log, producerId, committed, producer.epoch).durable
    if (committed) this.#committed.push(...producer.open)
    else for (const { offset } of producer.open) this.#aborted.add(offset)
    producer.open = []
  }

  /** The last committed value of each key before `end`; a tombstone is like no record. */
  #lastValues(end: number): Map<string, string> {
    const values = new Map<string, string>()
    const ordered = this.#committed.filter(({ offset }) => offset < end).sort((a, b) => a.offset - b.offset)
    for (const { key, value } of ordered) {
      if (value === null) values.delete(key)
      else values.set(key, value)
    }
    return values
  }

  /** `uncleaned`: everything from there on is as it was written. */
  async check(log: PartitionLog, uncleaned: number, disk: Disk = realDisk): Promise<void> {
    const all = await recordsOf(log, 'end')
    let last = -1
    for (const record of all) {
      expect(record.offset).toBeGreaterThan(last)
      last = record.offset
      expect(record).toEqual(this.written.get(record.offset))
    }
    const present = new Set(all.map(({ offset }) => offset))
    for (const offset of this.written.keys()) if (offset >= uncleaned) expect(present.has(offset), `record ${offset} is there`).toBe(true)
    const committed = await committedRecords(log)
    for (const { offset } of committed) expect(this.#aborted.has(offset), `record ${offset} is committed`).toBe(false)
    const values = new Map<string, string>()
    for (const { key, value } of committed) {
      if (value === null) values.delete(key)
      else values.set(key, value)
    }
    expect(values).toEqual(this.#lastValues(log.lastStableOffset))
    for (const [producerId, { last: batch, lastOffset }] of this.#producers) {
      if (batch === null) continue
      expect(log.append(Buffer.from(batch)).baseOffset, `the last batch of producer ${producerId} is a duplicate`).toBe(lastOffset)
    }
    checkIndexes(log, disk)
  }
}

const toWritten = (record: { offset: number; timestamp: number; key: Buffer | null; value: Buffer | null }): WrittenRecord => ({
  offset: record.offset,
  key: String(record.key),
  value: record.value && String(record.value),
  timestamp: record.timestamp,
})

async function* batchesOf(log: PartitionLog, bound: ReadBound) {
  for (let offset = log.logStartOffset; ; ) {
    const result = await log.read(offset, 2000, true, bound)
    if (result.bytes === 0) return
    const bytes = Buffer.from(Buffer.concat(result.chunks))
    result.release()
    for (const batch of batches(bytes)) {
      yield batch
      offset = batch.header.lastOffset + 1
    }
  }
}

async function recordsOf(log: PartitionLog, bound: ReadBound): Promise<WrittenRecord[]> {
  const records: WrittenRecord[] = []
  for await (const { header, bytes } of batchesOf(log, bound))
    if ((header.attributes & attributes.control) === 0) records.push(...decodeRecords(bytes).map(toWritten))
  return records
}

/** What a read-committed consumer gets, by the rules of Kafka's. */
async function committedRecords(log: PartitionLog): Promise<WrittenRecord[]> {
  const waiting = log.abortedTransactions(log.logStartOffset, log.lastStableOffset).sort((a, b) => a.firstOffset - b.firstOffset)
  const aborted = new Set<number>()
  const records: WrittenRecord[] = []
  for await (const { header, bytes } of batchesOf(log, 'lastStableOffset')) {
    while (waiting.length > 0 && waiting[0]!.firstOffset <= header.lastOffset) aborted.add(waiting.shift()!.producerId)
    if ((header.attributes & attributes.control) !== 0) {
      if (header.count > 0 && decodeRecords(bytes)[0]!.key!.readInt16BE(2) === 0) aborted.delete(header.producerId)
    } else if ((header.attributes & attributes.transactional) === 0 || !aborted.has(header.producerId))
      records.push(...decodeRecords(bytes).map(toWritten))
  }
  return records
}

/** Each entry of an offset index is at a batch with that last offset. */
function checkIndexes(log: PartitionLog, disk: Disk): void {
  for (const segment of stored(log).segments.slice(0, -1)) {
    for (let offset = segment.baseOffset; offset < segment.baseOffset + 60; offset += 3) {
      const { position, lastOffset } = segment.translateOffset(offset)
      if (position === 0) continue
      const head = Buffer.alloc(61)
      readAt(disk, segment.path('.log'), head, position)
      expect(readBatchHeader(head).lastOffset).toBe(lastOffset)
    }
  }
}

function readAt(disk: Disk, path: string, into: Buffer, position: number): void {
  const file = disk.open(path, 'read')
  try {
    disk.readSync(file, into, 0, into.length, position)
  } finally {
    disk.close(file)
  }
}
