/**
 * A record log in one JSON file (`{"<key>": "<value>", …}`), for the positions of a standalone worker. Each append replaces the whole file
 * (Invariant 8). Kafka Connect's own file of this name contains serialised Java objects: it is refused, never overwritten.
 */
import type { Disk } from '../../core/system/disk.ts'
import { SerialQueue } from '../../core/system/serial-queue.ts'
import type { LogEntry, LogRecord, RecordLog } from './record-log.ts'

/** The first bytes of a Java object stream. */
const JAVA_STREAM_MAGIC = 0xaced

export class FileLog implements RecordLog {
  readonly #disk: Disk
  readonly #path: string
  readonly #values = new Map<string, string>()
  readonly #writes = new SerialQueue()
  #apply: (entry: LogEntry) => void = () => {}
  #nextOffset = 0

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  async start(apply: (entry: LogEntry) => void): Promise<void> {
    this.#apply = apply
    const bytes = this.#disk.readFile(this.#path)
    if (!bytes || bytes.length === 0) return
    if (bytes.readUInt16BE(0) === JAVA_STREAM_MAGIC)
      throw new Error(
        `${this.#path} was written by Kafka Connect's standalone mode (serialised Java), which cannot be read here: ` +
          'set offset.storage.file.filename to another file, or start a distributed worker, whose topics both can read',
      )
    for (const [key, value] of Object.entries(this.#parse(bytes))) {
      this.#values.set(key, value)
      apply({ key, value, offset: this.#nextOffset++ })
    }
  }

  #parse(bytes: Buffer): Record<string, string> {
    try {
      const parsed: unknown = JSON.parse(bytes.toString('utf8'))
      if (typeof parsed === 'object' && parsed !== null && Object.values(parsed).every((value) => typeof value === 'string'))
        return parsed as Record<string, string>
    } catch (cause) {
      throw new Error(`${this.#path} is not JSON: repair it, or move it away to start without positions`, { cause })
    }
    throw new Error(`${this.#path} is not a JSON object of strings: repair it, or move it away to start without positions`)
  }

  append(records: readonly LogRecord[]): Promise<void> {
    return this.#writes.run(async () => {
      const next = new Map(this.#values)
      for (const { key, value } of records) {
        if (value === null) next.delete(key)
        else next.set(key, value)
      }
      await this.#disk.replaceFile(this.#path, `${JSON.stringify(Object.fromEntries(next), null, 1)}\n`)
      for (const { key, value } of records) {
        if (value === null) this.#values.delete(key)
        else this.#values.set(key, value)
        this.#apply({ key, value, offset: this.#nextOffset++ })
      }
    })
  }

  async readToEnd(): Promise<void> {
    await this.#writes.run(async () => {})
  }

  async close(): Promise<void> {
    await this.#writes.run(async () => {})
  }
}
