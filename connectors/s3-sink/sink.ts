/**
 * Writes records to objects. `write` takes records into the objects that grow; the store gets them in the background. `flush` names the
 * offsets up to which everything is in objects that have ended, so that a crash only writes the same objects again.
 */
import {
  BadRecord,
  DataError,
  type ErrantRecordReporter,
  partitionKey,
  type SinkContext,
  type SinkOffset,
  type SinkRecord,
  type SinkTask,
  type SinkTopicPartition,
  UnwritableRecord,
} from '../../connect/sdk/index.ts'
import { S3Store } from '../s3-driver/store.ts'
import { HeldMemory } from './held-memory.ts'
import { objectName } from './object-name.ts'
import { ObjectUpload } from './object-upload.ts'
import type { SinkOptions } from './options.ts'
import { OrphanUploads } from './orphan-uploads.ts'
import { RecordFile } from './record-file.ts'
import { SpillFile } from './spill-file.ts'
import { TopicPartitionWriter } from './topic-partition-writer.ts'
import { Uploader } from './uploader.ts'

/** What stopping may take for requests that leave nothing behind in the store. */
const CLEAN_UP_MS = 5_000

export class S3Sink implements SinkTask {
  readonly #options: SinkOptions
  readonly #context: SinkContext<unknown>
  readonly #stopping = new AbortController()
  readonly #store: S3Store
  readonly #spill = new SpillFile()
  readonly #memory = new HeldMemory()
  readonly #writers = new Map<string, TopicPartitionWriter>()
  /** Of dead letters that are replayed: their offsets are older than those of the objects that grow. */
  readonly #replays = new Map<string, TopicPartitionWriter>()
  readonly #uploader: Uploader
  readonly #orphans: OrphanUploads
  readonly #counts = { written: 0, skipped: 0, rejected: 0 }
  readonly #reporter: ErrantRecordReporter | null
  #bytesSent = 0

  constructor(options: SinkOptions, context: SinkContext<unknown>) {
    this.#options = options
    this.#context = context
    this.#reporter = (options.nullValues === 'ignore' && options.reportsNullValues && context.errantRecordReporter?.()) || null
    this.#store = new S3Store(options.connection, this.#stopping.signal)
    this.#orphans = new OrphanUploads(this.#store, options.naming, context.log)
    this.#uploader = new Uploader({
      writers: () => [...this.#writers.values(), ...this.#replays.values()],
      before: () => this.#orphans.abort(),
      tagging: options.tagging,
      memory: this.#memory,
      maxHeldBytes: options.maxHeldBytes,
      retryBackoffMs: options.retryBackoffMs,
      log: context.log,
    })
  }

  open(partitions: readonly SinkTopicPartition[]): void {
    this.#orphans.add(partitions)
  }

  async write(records: readonly SinkRecord[]): Promise<void> {
    // Before a record is taken: what throws here is tried again with all of them.
    await this.#uploader.makeRoom()
    const bad: BadRecord[] = []
    const nowMs = Date.now()
    for (let index = 0; index < records.length; index++) this.#take(records[index]!, index, nowMs, bad)
    this.#uploader.start()
    this.#report()
    const [first, ...also] = bad
    if (first) throw new BadRecord(first.index, first.message, { cause: first.cause, also })
  }

  #take(record: SinkRecord, index: number, nowMs: number, bad: BadRecord[]): void {
    try {
      if (record.value === null && this.#leavesOut(record)) return
      this.#writerOf(record).add(record, nowMs)
      this.#counts.written++
    } catch (error) {
      if (!(error instanceof UnwritableRecord) && !(error instanceof DataError)) throw error
      this.#counts.rejected++
      const { topic, partition, offset } = record
      bad.push(new BadRecord(index, `The record ${topic}-${partition}@${offset} cannot be written: ${error.message}`, { cause: error }))
    }
  }

  /** Of a record without a value. */
  #leavesOut(record: SinkRecord): boolean {
    const { nullValues } = this.#options
    if (nullValues === 'write') return false
    if (nullValues === 'fail')
      throw new UnwritableRecord(
        'it has no value. Set behavior.on.null.values=ignore to leave such records out, or write to store their keys',
      )
    this.#counts.skipped++
    // The runtime awaits it before it commits the offset, and fails the task where it must.
    this.#reporter?.report(record, new DataError('it has no value')).catch(() => {})
    return true
  }

  #writerOf(record: SinkRecord): TopicPartitionWriter {
    const { replayOf } = record
    const writers = replayOf ? this.#replays : this.#writers
    const key = partitionKey(
      replayOf ? { topic: `${record.topic}-${record.partition} ${replayOf.topic}`, partition: replayOf.partition } : record,
    )
    let writer = writers.get(key)
    if (!writer) {
      writer = new TopicPartitionWriter({
        options: this.#options,
        begin: (encoded, first, hasValues) =>
          new RecordFile(objectName(this.#options.naming, encoded, first), first, hasValues, {
            values: this.#options.values,
            keys: this.#options.keys,
            headers: this.#options.headers,
            compatibility: this.#options.compatibility,
            upload: (name, encoder) =>
              new ObjectUpload(name, encoder, {
                store: this.#store,
                spill: this.#spill,
                memory: this.#memory,
                options: this.#options.objects,
                sent: (bytes) => {
                  this.#bytesSent += bytes
                },
              }),
          }),
      })
      writers.set(key, writer)
    }
    return writer
  }

  async flush(offsets: readonly SinkOffset[] = []): Promise<readonly SinkOffset[]> {
    const nowMs = Date.now()
    for (const writer of this.#writers.values()) writer.rotateOnSchedule(nowMs)
    // Whoever replays dead letters waits for them.
    for (const writer of this.#replays.values()) writer.end()
    await this.#uploader.finishEnded()
    this.#replays.clear()
    this.#report()
    return offsets.map((delivered) => ({
      topic: delivered.topic,
      partition: delivered.partition,
      offset: this.#writers.get(partitionKey(delivered))?.pendingOffset ?? delivered.offset,
    }))
  }

  async close(partitions: readonly SinkTopicPartition[]): Promise<void> {
    const closed: TopicPartitionWriter[] = []
    for (const partition of partitions) {
      const key = partitionKey(partition)
      const writer = this.#writers.get(key)
      if (writer) closed.push(writer)
      this.#writers.delete(key)
    }
    this.#orphans.remove(partitions)
    // Requests of these partitions end by themselves first: an upload that is aborted must not be begun again.
    await this.#uploader.idle()
    await this.#abandon(closed)
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the task stops'))
    await this.#uploader.idle()
    const writers = [...this.#writers.values(), ...this.#replays.values()]
    this.#writers.clear()
    this.#replays.clear()
    await this.#abandon(writers)
    this.#store.close()
    await this.#spill.close()
  }

  /** Best effort: what stays in the store is aborted by the next owner of the partition. */
  async #abandon(writers: readonly TopicPartitionWriter[]): Promise<void> {
    const store = new S3Store({ ...this.#options.connection, retries: 0 }, AbortSignal.timeout(CLEAN_UP_MS))
    const groups = writers.flatMap((writer) => (writer.open ? [...writer.ended, writer.open] : writer.ended))
    const uploads = groups.flatMap(({ files }) => [...files.values()].flatMap((file) => file.uploads))
    const results = await Promise.allSettled(uploads.map((upload) => upload.abort(store)))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) this.#context.log.warn(`uploads could not be aborted; the next task of the partition does it: ${failed.reason.message}`)
    store.close()
  }

  #report(): void {
    const { gauge } = this.#context
    if (!gauge) return
    const { written, skipped, rejected } = this.#counts
    this.#context.gauge!('records-written', written)
    this.#context.gauge!('records-skipped', skipped)
    this.#context.gauge!('records-rejected', rejected)
    this.#context.gauge!('objects-written', this.#uploader.objectsWritten)
    this.#context.gauge!('bytes-uploaded', this.#bytesSent)
    this.#context.gauge!('objects-open', this.#memory.growing)
    this.#context.gauge!('buffered-bytes', this.#memory.bytes)
    this.#context.gauge!('spilled-bytes', this.#spill.liveBytes)
  }
}
