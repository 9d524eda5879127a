/**
 * The reading of a bucket: its objects one after the other, in batches that have the position behind them, and then those that come. While
 * one is read, the beginnings of the next ones are fetched.
 */
import { Retriable, type SourceBatch, type SourceContext, type SourceRecord, sleep } from '../../connect/sdk/index.ts'
import { compressionOf } from '../file-readers/decompression.ts'
import type { FileBatch, OpenFile } from '../file-readers/file-reader.ts'
import { readerOf } from '../file-readers/reader-of-format.ts'
import { s3Connection } from '../s3-driver/connection-settings.ts'
import { S3Refused } from '../s3-driver/failures.ts'
import { S3Store } from '../s3-driver/store.ts'
import { CompanionRecords, setKeyOf } from './companion-records.ts'
import { contentOptions, listPage, ObjectChanged, ObjectContent, ObjectGone } from './object-content.ts'
import { ObjectListing, type ReadableObject } from './object-listing.ts'
import type { ObjectPosition } from './position.ts'
import { ReadingProgress } from './reading-progress.ts'
import { type S3SourceConfig, separatorOf } from './settings.ts'

/** A large bucket is not listed all the time: the next look waits for this many times what the last one has taken. */
const REST_FACTOR = 4
/** Objects whose first parts are fetched ahead at most, and the size of all of these in parts (Invariant 13). */
const MAX_PREFETCHED = 12
const PREFETCHED_PARTS = 2

export class BucketReading {
  readonly #context: SourceContext<S3SourceConfig>
  readonly #store: S3Store
  readonly #progress: ReadingProgress
  readonly #contents = new Map<string, ObjectContent>()
  #objectsRead = 0
  #bytesRead = 0

  constructor(context: SourceContext<S3SourceConfig>) {
    this.#context = context
    this.#store = new S3Store(s3Connection(context.config), context.signal)
    this.#progress = new ReadingProgress(context)
  }

  /** Until the task stops. */
  async *batches(): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal } = this.#context
    try {
      let startAfter = await this.#progress.begin()
      while (!signal.aborted) {
        const listing = this.#list(startAfter)
        yield* this.#readAll(listing)
        if (signal.aborted) return
        if (this.#progress.isIncremental && listing.lastKey !== null) {
          startAfter = listing.lastKey
          const positions = this.#progress.passed(listing.lastKey)
          if (positions.length > 0) yield { records: [], positions }
        }
        await sleep(Math.max(config['s3.poll.interval.ms'], REST_FACTOR * listing.listingMs), signal)
      }
    } catch (error) {
      // What was cut off by the stop says nothing.
      if (!signal.aborted) throw error
    } finally {
      this.#store.close()
    }
  }

  #list(startAfter: string): ObjectListing {
    const { config, task, log } = this.#context
    return new ObjectListing({
      store: this.#store,
      config,
      task,
      startAfter,
      isNew: (object) => this.#progress.isNew(object),
      onUnknownName(error) {
        if (config['behavior.on.error'] === 'FAIL') throw error
        if (config['behavior.on.error'] === 'LOG') log.warn(`${error.message}. It is not read.`)
      },
    })
  }

  async *#readAll(listing: ObjectListing): AsyncGenerator<SourceBatch, void, void> {
    const { signal, gauge, progress } = this.#context
    this.#objectsRead = 0
    this.#bytesRead = 0
    try {
      for (;;) {
        const [object, ...following] = await listing.peek(1 + MAX_PREFETCHED)
        gauge?.('objects-waiting', listing.waiting)
        if (!object || signal.aborted) return
        this.#prefetch(following)
        let current: ReadableObject | null = object
        while (current) {
          const next: ReadableObject | null = yield* this.#readObject(current, this.#contentOf(current), listing)
          this.#contents.delete(current.key)
          current = next
        }
        if (signal.aborted) return
        await this.#progress.prune()
        listing.take()
        this.#objectsRead++
        this.#bytesRead += object.sizeBytes
      }
    } finally {
      this.#contents.clear()
      progress?.(null)
    }
  }

  /** Small objects would else each take the time of a request. */
  #prefetch(objects: readonly ReadableObject[]): void {
    const partBytes = this.#context.config['s3.part.size']
    let bytes = 0
    for (const object of objects) {
      bytes += Math.min(object.sizeBytes, partBytes)
      if (bytes > PREFETCHED_PARTS * partBytes) return
      this.#contentOf(object).prefetch()
    }
  }

  #contentOf(object: ReadableObject): ObjectContent {
    let content = this.#contents.get(object.key)
    if (!content) {
      content = new ObjectContent(this.#store, object, contentOptions(this.#context.config))
      this.#contents.set(object.key, content)
    }
    return content
  }

  #show(object: ReadableObject, { counts }: ObjectListing, records: number): void {
    this.#context.progress?.({
      what: `reading ${object.key}`,
      records,
      objectsRead: this.#objectsRead,
      objectsFound: counts.found,
      bytesRead: this.#bytesRead,
      bytesFound: counts.foundBytes,
      listed: counts.complete,
    })
  }

  /** Returns the object as it is now, where it was overwritten meanwhile: it is to be read again. */
  async *#readObject(
    object: ReadableObject,
    content: ObjectContent,
    listing: ObjectListing,
  ): AsyncGenerator<SourceBatch, ReadableObject | null, void> {
    const { signal, log } = this.#context
    const from = await this.#from(object)
    let { offset, records: count } = from
    const at = (more: Partial<ObjectPosition> = {}) => [
      this.#progress.at(object, { offset, records: count, etag: object.etag, finished: false, failed: false, ...more }),
    ]
    let last: readonly SourceRecord[] = []
    this.#show(object, listing, count)
    try {
      for await (const batch of this.#batchesOf(object, content, from)) {
        if (signal.aborted) return null
        // The last batch has the position that says so, thus one is held back.
        if (last.length > 0) yield { records: last, positions: at() }
        last = batch.records
        offset = batch.offset
        count += batch.records.length
        this.#show(object, listing, count)
      }
    } catch (error) {
      if (signal.aborted) return null
      if (error instanceof ObjectChanged || error instanceof ObjectGone) {
        if (last.length > 0) yield { records: last, positions: at() }
        const replacement = await this.#current(object)
        const then = replacement ? 'it is read again from its beginning' : 'its other records are lost'
        log.warn(`${this.#nameOf(object)} was ${replacement ? 'overwritten' : 'deleted'} after ${count} of its records were read: ${then}`)
        return replacement
      }
      const isOfStore = error instanceof Retriable || error instanceof S3Refused
      if (isOfStore || this.#context.config['behavior.on.error'] === 'FAIL') {
        if (last.length > 0) yield { records: last, positions: at() }
        if (isOfStore) throw error
        throw new Error(`${this.#nameOf(object)} cannot be read: ${(error as Error).message}`, { cause: error })
      }
      if (this.#context.config['behavior.on.error'] === 'LOG')
        log.error(
          `${this.#nameOf(object)} cannot be read: ${(error as Error).message.replace(/[.]$/, '')}. ${count} of its records were sent, the rest is left out.`,
        )
      yield { records: last, positions: at({ finished: true, failed: true }) }
      return null
    }
    if (signal.aborted) return null
    yield { records: last, positions: at({ finished: true }) }
    return null
  }

  /** The object as the store has it now; null where it was deleted. */
  async #current(object: ReadableObject): Promise<ReadableObject | null> {
    const { objects } = await listPage(this.#store, { prefix: object.key, max: 1 })
    const found = objects[0]
    if (found?.key !== object.key) return null
    // It would be read again for ever.
    if (found.etag === object.etag)
      throw new Error(
        `${this.#nameOf(object)} has another entity tag (ETag) when it is listed than when it is read: the store must name one`,
      )
    return { ...object, ...found }
  }

  #nameOf(object: ReadableObject): string {
    return `s3://${this.#store.bucket}/${object.key}`
  }

  /** Where the reading of an object goes on. */
  async #from(object: ReadableObject): Promise<{ offset: number; records: number }> {
    const stored = await this.#progress.stored(object)
    if (!stored) return { offset: 0, records: 0 }
    if (!stored.finished && (stored.etag === null || stored.etag === object.etag)) return stored
    this.#context.log.warn(
      `${this.#nameOf(object)} was overwritten after ${stored.records} of its records were read: it is read from its beginning`,
    )
    return { offset: 0, records: 0 }
  }

  /** The records of an object from a place on, with their partition, keys and headers where it is of a backup. */
  async *#batchesOf(
    object: ReadableObject,
    content: ObjectContent,
    from: { offset: number; records: number },
  ): AsyncGenerator<FileBatch, void, void> {
    const { config, log } = this.#context
    const { format, topic, backup } = object
    const file: OpenFile = {
      content,
      compression: compressionOf(object.key, config.compression),
      format,
      separator: separatorOf(config),
      topic,
      config,
      warn: (message) => log.warn(`${this.#nameOf(object)}: ${message}`),
    }
    const reads = await readerOf(format)
    if (!backup) return yield* reads(file, from.offset)
    const isTombstones = backup.kind === 'tombstones'
    const companions = await CompanionRecords.open(
      this.#store,
      config,
      backup.base,
      config['store.kafka.keys'] && !isTombstones,
      from.records,
    )
    try {
      for await (const batch of reads(file, from.offset)) {
        for (const record of batch.records) {
          record.partition = backup.partition
          if (!isTombstones) continue
          setKeyOf(record, record.value, record.valueSchema, format === 'parquet')
          record.value = null
          record.valueSchema = null
        }
        await companions?.complete(batch.records)
        yield batch
      }
      await companions?.end()
    } finally {
      await companions?.close()
    }
  }
}
