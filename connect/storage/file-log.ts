/**
 * A record log in one JSON file (`{"<key>": "<value>", …}`), for a worker that stands alone. The whole file is replaced on each append
 * (Invariant 8), so it holds what is small: positions. Kafka Connect's own file of this name holds serialised Java objects, which are
 * recognised and refused with the mend rather than overwritten.
 */
import type { Disk } from '../../core/system/disk.ts'
import type { LogEntry, LogRecord, RecordLog } from './record-log.ts'

export class FileLog implements RecordLog {
  readonly #disk: Disk
  readonly #path: string
  readonly #values = new Map<string, string>()
  #apply: (entry: LogEntry) => void = () => {}
  #count = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  async start(apply: (entry: LogEntry) => void): Promise<void> {
    this.#apply = apply
    const bytes = this.#disk.readFile(this.#path)
    if (!bytes || bytes.length === 0) return
    if (bytes.readUInt16BE(0) === 0xaced)
      throw new Error(
        `${this.#path} was written by Kafka Connect's own standalone mode (serialised Java), which cannot be read here: ` +
          'name another file in offset.storage.file.filename, or start a distributed worker, whose topics are the same for both',
      )
    for (const [key, value] of Object.entries(this.#parse(bytes))) {
      this.#values.set(key, value)
      apply({ key, value, offset: this.#count++ })
    }
  }

  #parse(bytes: Buffer): Record<string, string> {
    try {
      const parsed: unknown = JSON.parse(bytes.toString('utf8'))
      if (typeof parsed === 'object' && parsed !== null && Object.values(parsed).every((value) => typeof value === 'string'))
        return parsed as Record<string, string>
    } catch (cause) {
      throw new Error(`${this.#path} is not the JSON that keeps positions: mend it, or move it away to begin anew`, { cause })
    }
    throw new Error(`${this.#path} is not a JSON object of texts: mend it, or move it away to begin anew`)
  }

  append(records: readonly LogRecord[]): Promise<void> {
    const write = async () => {
      const next = new Map(this.#values)
      for (const { key, value } of records) {
        if (value === null) next.delete(key)
        else next.set(key, value)
      }
      await this.#disk.replaceFile(this.#path, `${JSON.stringify(Object.fromEntries(next), null, 1)}\n`)
      for (const { key, value } of records) {
        if (value === null) this.#values.delete(key)
        else this.#values.set(key, value)
        this.#apply({ key, value, offset: this.#count++ })
      }
    }
    // one after the other; the failure of one is its own caller's and does not stop the next
    const mine = this.#writing.then(write, write)
    this.#writing = mine.catch(() => {})
    return mine
  }

  async readToEnd(): Promise<void> {
    await this.#writing
  }

  async close(): Promise<void> {
    await this.#writing
  }
}
