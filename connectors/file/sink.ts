/**
 * Writes records into one file, a line each, one write per batch. What the file holds is remembered beside it with its length, so that
 * after a crash the file is cut back to what is known and what comes again is left out: each record is in the file once. A torn last line
 * never stays.
 */
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, stat } from 'node:fs/promises'
import {
  BadRecord,
  type ConfigOf,
  defineSink,
  Retriable,
  type SinkContext,
  type SinkOffset,
  type SinkRecord,
  type SinkTask,
  setting,
} from '../../connect/sdk/index.ts'
import { claim, type Held, heldKey, isTaken, readSinkStand, syncFolder, writeSinkStand } from './position.ts'
import { addJson, addPlain, LineBuffer } from './text.ts'

const NEWLINE = 0x0a
/** How much is looked through at once for the last newline of a file that a crash left torn. */
const LOOK_BACK_BYTES = 64 * 1024

const settings = {
  file: setting.string({
    doc: 'The file to write to; it is created where it is not there. Standard output is not written.',
    importance: 'HIGH',
    check: (file) => (file === '' ? 'Name a file: standard output is not written' : undefined),
  }),
  format: setting.oneOf(['lines', 'json'], {
    doc: "What a line is: 'lines' the value's text as Kafka's file sink writes it, 'json' the value as one line of JSON",
    default: 'lines',
  }),
}

type Config = ConfigOf<typeof settings>

export const fileSink = defineSink({
  class: 'org.apache.kafka.connect.file.FileStreamSinkConnector',
  aliases: ['FileStreamSink', 'FileStreamSinkConnector', 'FileSink', 'tributary.file.FileSinkConnector'],
  settings,
  // two would cut each other's lines
  tasks: () => [{}],
  async start(context: SinkContext<Config>): Promise<SinkTask> {
    const sink = new FileSink(context)
    await sink.start()
    return sink
  },
})

/** Another task writes the file now. */
class Replaced extends Error {
  override name = 'Replaced'
}

class FileSink implements SinkTask {
  readonly #path: string
  readonly #log: SinkContext<Config>['log']
  readonly #add: (to: LineBuffer, record: SinkRecord) => void
  readonly #lines = new LineBuffer()
  readonly #writer = randomUUID()
  readonly #committed: SinkContext<Config>['committed']
  #handle: FileHandle | null = null
  #ino = 0
  #length = 0
  #held = new Map<string, Held>()
  #changed = false

  constructor({ config, log, committed }: SinkContext<Config>) {
    this.#committed = committed
    this.#path = config.file
    this.#log = log
    this.#add = config.format === 'json' ? addJson : addPlain
  }

  async start(): Promise<void> {
    await this.#open()
    // from here on whoever wrote before notes nothing more, so that what is read next stays true
    await claim(this.#path, this.#writer)
    const stand = await readSinkStand(this.#path)
    if (stand && stand.length <= this.#length) {
      this.#held = stand.held
      if (stand.length === this.#length) return
      if (!(await this.#othersWrote())) {
        // what came after the last flush comes again: its offsets were not committed
        await this.#cutTo(stand.length, 'what was written after the last flush; it comes again')
        return
      }
      this.#log.warn(
        `${this.#path} has ${this.#length - stand.length} bytes that another connector wrote since it was left here, as Kafka's own does ` +
          'where it takes over. They stay; after a crash some of their lines may be there twice.',
      )
    } else if (stand) {
      this.#log.warn(
        `${this.#path} is shorter than when it was left (${this.#length} bytes, ${stand.length} then): it was emptied or replaced. ` +
          'Going on as with a new file.',
      )
    }
    await this.#cutTo(await this.#wholeLines(), 'a last line that no newline ends')
    // known from the first byte on: what is written before the first flush is cut off after a crash too
    await this.#keepStand()
  }

  /** More is committed than what was flushed here: it does not come again. From now on it counts as held. */
  async #othersWrote(): Promise<boolean> {
    const ahead = ((await this.#committed?.()) ?? []).filter(
      (one) => one.offset > (this.#held.get(heldKey(one.topic, one.partition))?.next ?? 0),
    )
    this.#holdUpTo(ahead)
    return ahead.length > 0
  }

  #holdUpTo(offsets: readonly SinkOffset[]): void {
    for (const { topic, partition, offset } of offsets) {
      const key = heldKey(topic, partition)
      const held = this.#held.get(key)
      if (!held) this.#held.set(key, { next: offset, latestMs: -1 })
      else if (offset > held.next) held.next = offset
    }
  }

  async write(records: readonly SinkRecord[]): Promise<void> {
    const lines = this.#lines
    lines.clear()
    const fresh = this.#unheld(records)
    const bad: BadRecord[] = []
    for (let i = 0; i < fresh.length; i++) {
      const record = fresh[i]!
      try {
        this.#add(lines, record)
      } catch (error) {
        bad.push(new BadRecord(records.indexOf(record), `cannot be written as a line: ${(error as Error).message}`, { cause: error }))
      }
    }
    await this.#append(lines.bytes)
    for (let i = 0; i < fresh.length; i++) this.#hold(fresh[i]!)
    const [first, ...also] = bad
    if (first) throw new BadRecord(first.index, first.message, { cause: first.cause, also })
  }

  async flush(offsets: readonly SinkOffset[] = []): Promise<void> {
    if (!this.#changed && offsets.length === 0) return
    // behind the last record may be what is none: a transaction's mark, a record that was refused
    this.#holdUpTo(offsets)
    await this.#mustOwn()
    const handle = this.#opened()
    await handle.datasync()
    const { size } = await handle.stat()
    if (size !== this.#length) {
      this.#log.warn(`${this.#path} was written by another process too: it has ${size} bytes where ${this.#length} are ours`)
      this.#length = size
    }
    await this.#followRotation()
    await this.#keepStand()
    this.#changed = false
  }

  async stop(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close()
  }

  async #keepStand(): Promise<void> {
    try {
      await writeSinkStand(this.#path, { length: this.#length, held: this.#held }, this.#writer, () => this.#mustOwn())
    } catch (error) {
      if (error instanceof Replaced) throw error
      throw new Retriable(`${this.#path}: where it stands cannot be kept: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Invariant 9: a task that was replaced, and does not know it, must not undo what its successor noted. */
  async #mustOwn(): Promise<void> {
    if (await isTaken(this.#path, this.#writer))
      throw new Replaced(
        `${this.#path} is written by another task since it was opened here. What was not flushed comes again there; where two connectors ` +
          'write this file, give one of them a file of its own.',
      )
  }

  /** The records that the file does not have. The batch itself where that is all of them, as it nearly always is. */
  #unheld(records: readonly SinkRecord[]): readonly SinkRecord[] {
    if (this.#held.size === 0) return records
    let missing: SinkRecord[] | null = null
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!
      if (!this.#isHeld(record)) missing?.push(record)
      else missing ??= records.slice(0, i)
    }
    if (missing) this.#log.info(`${records.length - missing.length} records came again that ${this.#path} holds already; left out`)
    return missing ?? records
  }

  #isHeld(record: SinkRecord): boolean {
    const held = this.#heldOf(record)
    if (!held || record.offset >= held.next) return false
    if ((record.timestamp ?? -1) <= held.latestMs) return true
    this.#log.warn(
      `${record.topic}-${record.partition} begins again at offset ${record.offset} with newer records than ${this.#path} holds up to offset ` +
        `${held.next}: the topic was created anew. Its records are taken.`,
    )
    this.#held.delete(heldKey(record.topic, record.partition))
    this.#last = null
    return false
  }

  #hold(record: SinkRecord): void {
    const timestamp = record.timestamp ?? -1
    const held = this.#heldOf(record)
    if (held) {
      held.next = record.offset + 1
      if (timestamp > held.latestMs) held.latestMs = timestamp
      return
    }
    const first: Held = { next: record.offset + 1, latestMs: timestamp }
    this.#held.set(heldKey(record.topic, record.partition), first)
    this.#last = { topic: record.topic, partition: record.partition, held: first }
  }

  /** Neighbours are of one partition nearly always: its entry is looked up once. */
  #last: { topic: string; partition: number; held: Held } | null = null
  #heldOf({ topic, partition }: SinkRecord): Held | undefined {
    if (this.#last && this.#last.partition === partition && this.#last.topic === topic) return this.#last.held
    const held = this.#held.get(heldKey(topic, partition))
    if (held) this.#last = { topic, partition, held }
    return held
  }

  async #append(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return
    const handle = this.#opened()
    this.#changed = true
    try {
      for (let written = 0; written < bytes.length; ) {
        written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten
      }
    } catch (error) {
      await this.#mustOwn()
      // half a batch must not stay: the runtime gives all of it again
      await handle.truncate(this.#length)
      throw new Retriable(`${this.#path} cannot be written: ${(error as Error).message}`, { cause: error })
    }
    this.#length += bytes.length
  }

  async #open(): Promise<void> {
    try {
      this.#handle = await open(this.#path, 'a+')
    } catch (error) {
      throw new Error(`Couldn't find or create file '${this.#path}' for the file sink: ${(error as Error).message}`, { cause: error })
    }
    const { size, ino } = await this.#handle.stat()
    this.#length = size
    this.#ino = ino
    await syncFolder(this.#path)
  }

  /** Where a log rotation took the file away, the next lines go into a new one. */
  async #followRotation(): Promise<void> {
    try {
      if ((await stat(this.#path)).ino === this.#ino) return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    this.#log.info(`${this.#path} was moved away; going on in a new file`)
    await this.stop()
    await this.#open()
  }

  async #cutTo(length: number, what: string): Promise<void> {
    if (length === this.#length) return
    this.#log.warn(`${this.#path}: cut from ${this.#length} to ${length} bytes: ${what}`)
    const handle = this.#opened()
    await handle.truncate(length)
    await handle.datasync()
    this.#length = length
  }

  /** The length up to and with the last newline. */
  async #wholeLines(): Promise<number> {
    const bytes = Buffer.allocUnsafe(LOOK_BACK_BYTES)
    for (let end = this.#length; end > 0; ) {
      const begin = Math.max(0, end - LOOK_BACK_BYTES)
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
