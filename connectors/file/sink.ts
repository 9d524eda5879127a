/**
 * Writes records to one file, one line each, one write per batch. The length of the file and its offsets are stored beside it at each
 * flush. After a crash the file is truncated to that length, and records that it already has are skipped: each record is in the file once,
 * and no incomplete line stays.
 */
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, stat } from 'node:fs/promises'
import {
  BadRecord,
  type ConfigOf,
  defineSink,
  partitionKey,
  Retriable,
  type SinkContext,
  type SinkOffset,
  type SinkRecord,
  type SinkTask,
  setting,
} from '../../connect/sdk/index.ts'
import { becomeWriter, isFenced, readSinkProgress, syncFolder, type WrittenPartition, writeSinkProgress } from './position.ts'
import { appendJson, appendPlain, LineBuffer } from './text.ts'
import { WrittenLetters } from './written-letters.ts'

const NEWLINE = 0x0a
/** The bytes that are scanned at once for the last newline. */
const SCAN_BYTES = 64 * 1024

const settings = {
  file: setting.string({
    doc: 'The file to write to; it is created where it does not exist. Standard output is not supported.',
    importance: 'HIGH',
    check: (file) => (file === '' ? 'Set a file: standard output is not supported' : undefined),
  }),
  format: setting.oneOf(['lines', 'json'], {
    doc: "The format of a line: 'lines' is the value as Kafka's file sink writes it, 'json' the value as one line of JSON",
    default: 'lines',
  }),
}

type FileSinkConfig = ConfigOf<typeof settings>

export const fileSink = defineSink({
  class: 'org.apache.kafka.connect.file.FileStreamSinkConnector',
  aliases: ['FileStreamSink', 'FileStreamSinkConnector', 'FileSink', 'tributary.file.FileSinkConnector'],
  settings,
  // Two tasks would truncate each other's lines.
  tasks: () => [{}],
  async start(context: SinkContext<FileSinkConfig>): Promise<SinkTask> {
    const sink = new FileSink(context)
    await sink.start()
    return sink
  },
})

/** Another task writes the file. */
class FileFenced extends Error {
  override name = 'FileFenced'
}

class FileSink implements SinkTask {
  readonly #path: string
  readonly #log: SinkContext<FileSinkConfig>['log']
  readonly #format: (to: LineBuffer, record: SinkRecord) => void
  readonly #lines = new LineBuffer()
  readonly #writer = randomUUID()
  readonly #committed: SinkContext<FileSinkConfig>['committed']
  #handle: FileHandle | null = null
  #ino = 0
  #length = 0
  #written = new Map<string, WrittenPartition>()
  #letters = new WrittenLetters()
  #changed = false
  /** Whether the file may have a part of a batch after `#length`. */
  #isTorn = false

  constructor({ config, log, committed }: SinkContext<FileSinkConfig>) {
    this.#committed = committed
    this.#path = config.file
    this.#log = log
    this.#format = config.format === 'json' ? appendJson : appendPlain
  }

  async start(): Promise<void> {
    await this.#open()
    // From here on a former writer stores no position, so that the one that is read next stays valid.
    await becomeWriter(this.#path, this.#writer)
    const progress = await readSinkProgress(this.#path)
    if (progress && progress.length <= this.#length) {
      this.#written = progress.written
      this.#letters = new WrittenLetters(progress.letters)
      if (progress.length === this.#length) return
      if (!(await this.#committedPastFlush())) {
        // What was written after the last flush is delivered again: its offsets were not committed.
        await this.#truncateTo(progress.length, 'what was written after the last flush is delivered again')
        return
      }
      this.#log.warn(
        `${this.#path} has ${this.#length - progress.length} bytes that another connector has written since, such as Kafka's own. They are ` +
          'kept; if that connector has crashed, some of its lines may be duplicates.',
      )
    } else if (progress) {
      this.#log.warn(
        `${this.#path} is shorter than at the last flush (${this.#length} bytes, ${progress.length} then): it was emptied or replaced. ` +
          'It is treated as a new file.',
      )
    }
    await this.#truncateTo(await this.#lengthOfCompleteLines(), 'its last line has no newline')
    // After a crash before the first flush, the file is truncated to this length.
    await this.#saveProgress()
  }

  /** Whether more is committed than this connector has flushed. That is not delivered again, and counts as written. */
  async #committedPastFlush(): Promise<boolean> {
    const ahead = ((await this.#committed?.()) ?? []).filter(
      (committed) => committed.offset > (this.#written.get(partitionKey(committed))?.next ?? 0),
    )
    this.#markWrittenUpTo(ahead)
    return ahead.length > 0
  }

  #markWrittenUpTo(offsets: readonly SinkOffset[]): void {
    for (const { topic, partition, offset } of offsets) {
      const key = partitionKey({ topic, partition })
      const written = this.#written.get(key)
      if (!written) this.#written.set(key, { next: offset, latestMs: -1 })
      else if (offset > written.next) written.next = offset
    }
  }

  async write(records: readonly SinkRecord[]): Promise<void> {
    const lines = this.#lines
    lines.clear()
    const fresh = this.#withoutWritten(records)
    const bad: BadRecord[] = []
    for (let i = 0; i < fresh.length; i++) {
      const record = fresh[i]!
      try {
        this.#format(lines, record)
      } catch (error) {
        bad.push(new BadRecord(records.indexOf(record), `cannot be written as a line: ${(error as Error).message}`, { cause: error }))
      }
    }
    await this.#append(lines.bytes)
    for (let i = 0; i < fresh.length; i++) this.#markWritten(fresh[i]!)
    const [first, ...also] = bad
    if (first) throw new BadRecord(first.index, first.message, { cause: first.cause, also })
  }

  async flush(offsets: readonly SinkOffset[] = []): Promise<void> {
    if (!this.#changed && offsets.length === 0) return
    // Offsets after the last written record may have no record: transaction markers, records that were refused.
    this.#markWrittenUpTo(offsets)
    await this.#requireOwnership()
    const handle = this.#opened()
    await handle.datasync()
    const { size } = await handle.stat()
    if (size !== this.#length) {
      this.#log.warn(`another process writes ${this.#path} too: it has ${size} bytes, of which this task has written ${this.#length}`)
      this.#length = size
    }
    await this.#followRotation()
    await this.#saveProgress()
    this.#changed = false
  }

  async stop(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close()
  }

  async #saveProgress(): Promise<void> {
    const progress = { length: this.#length, written: this.#written, letters: this.#letters.ids() }
    try {
      await writeSinkProgress(this.#path, progress, this.#writer, () => this.#requireOwnership())
    } catch (error) {
      if (error instanceof FileFenced) throw error
      throw new Retriable(`the position of ${this.#path} cannot be stored: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Invariant 9: a fenced task must not overwrite the position of its successor. */
  async #requireOwnership(): Promise<void> {
    if (await isFenced(this.#path, this.#writer))
      throw new FileFenced(
        `another task has opened ${this.#path} since. What was not flushed is delivered to that task; where two connectors write this ` +
          'file, give one of them another file.',
      )
  }

  /** The records that the file does not have: nearly always the whole batch, which is then returned itself. */
  #withoutWritten(records: readonly SinkRecord[]): readonly SinkRecord[] {
    if (this.#written.size === 0 && !records[0]?.replayOf) return records
    let missing: SinkRecord[] | null = null
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!
      if (!this.#isWritten(record)) missing?.push(record)
      else missing ??= records.slice(0, i)
    }
    if (missing) this.#log.info(`${records.length - missing.length} records are skipped: ${this.#path} has them already`)
    return missing ?? records
  }

  #isWritten(record: SinkRecord): boolean {
    if (record.replayOf) return this.#letters.has(record)
    const written = this.#writtenOf(record)
    if (!written || record.offset >= written.next) return false
    if ((record.timestamp ?? -1) <= written.latestMs) return true
    this.#log.warn(
      `${record.topic}-${record.partition} has newer records at offset ${record.offset} than ${this.#path} has up to offset ` +
        `${written.next}: the topic was recreated. Its records are written.`,
    )
    this.#written.delete(partitionKey(record))
    this.#last = null
    return false
  }

  #markWritten(record: SinkRecord): void {
    if (record.replayOf) {
      this.#letters.add(record)
      return
    }
    const timestamp = record.timestamp ?? -1
    const { topic, partition, offset } = record
    const written = this.#writtenOf(record)
    if (written) {
      written.next = offset + 1
      if (timestamp > written.latestMs) written.latestMs = timestamp
      return
    }
    const first: WrittenPartition = { next: offset + 1, latestMs: timestamp }
    this.#written.set(partitionKey({ topic, partition }), first)
    this.#last = { topic, partition, written: first }
  }

  /** Neighbouring records are nearly always of one partition: its entry is looked up once. */
  #last: { topic: string; partition: number; written: WrittenPartition } | null = null
  #writtenOf({ topic, partition }: SinkRecord): WrittenPartition | undefined {
    if (this.#last && this.#last.partition === partition && this.#last.topic === topic) return this.#last.written
    const written = this.#written.get(partitionKey({ topic, partition }))
    if (written) this.#last = { topic, partition, written }
    return written
  }

  async #append(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return
    const handle = this.#opened()
    this.#changed = true
    try {
      if (this.#isTorn) await this.#removeTornBatch()
      for (let written = 0; written < bytes.length; ) {
        written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten
      }
    } catch (error) {
      await this.#requireOwnership()
      // A partial batch must not stay: the runtime delivers all of it again. Where it cannot be removed now, it is before the next write.
      this.#isTorn = true
      await this.#removeTornBatch().catch(() => {})
      throw new Retriable(`${this.#path} cannot be written: ${(error as Error).message}`, { cause: error })
    }
    this.#length += bytes.length
  }

  async #removeTornBatch(): Promise<void> {
    await this.#opened().truncate(this.#length)
    this.#isTorn = false
  }

  async #open(): Promise<void> {
    let handle: FileHandle
    try {
      handle = await open(this.#path, 'a+')
    } catch (error) {
      throw new Error(`Couldn't find or create file '${this.#path}' for the file sink: ${(error as Error).message}`, { cause: error })
    }
    await this.#takeOver(handle)
    await syncFolder(this.#path)
  }

  async #takeOver(handle: FileHandle): Promise<void> {
    this.#handle = handle
    const { size, ino } = await handle.stat()
    this.#length = size
    this.#ino = ino
  }

  /** After a log rotation has renamed the file, the next lines go to a new one. */
  async #followRotation(): Promise<void> {
    try {
      if ((await stat(this.#path)).ino === this.#ino) return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    let next: FileHandle
    try {
      next = await open(this.#path, 'a+')
    } catch (error) {
      // Such as a folder that is not mounted for a while: the lines that wait are in the old file.
      throw new Retriable(`${this.#path} is gone, and cannot be created again: ${(error as Error).message}`, { cause: error })
    }
    this.#log.info(`${this.#path} was renamed; the next lines go to a new file`)
    await this.stop()
    await this.#takeOver(next)
    await syncFolder(this.#path)
  }

  async #truncateTo(length: number, reason: string): Promise<void> {
    if (length === this.#length) return
    this.#log.warn(`${this.#path} is truncated from ${this.#length} to ${length} bytes: ${reason}`)
    const handle = this.#opened()
    await handle.truncate(length)
    await handle.datasync()
    this.#length = length
  }

  /** The length of the file up to its last newline. */
  async #lengthOfCompleteLines(): Promise<number> {
    const bytes = Buffer.allocUnsafe(SCAN_BYTES)
    for (let end = this.#length; end > 0; ) {
      const begin = Math.max(0, end - SCAN_BYTES)
      await this.#opened().read(bytes, 0, end - begin, begin)
      const newline = bytes.subarray(0, end - begin).lastIndexOf(NEWLINE)
      if (newline >= 0) return begin + newline + 1
      end = begin
    }
    return 0
  }

  #opened(): FileHandle {
    if (!this.#handle) throw new Retriable(`${this.#path} is not open`)
    return this.#handle
  }
}
