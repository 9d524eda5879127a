/**
 * The log of positions under the offset store of a task in a thread: what it reads are the positions of its connector that the worker has,
 * what it appends the worker stores. Each is a message and its answer, once for many positions.
 */
import type { LogEntry, LogRecord, RecordLog } from '../../storage/record-log.ts'
import { errorOf, type PlainError } from './thread-errors.ts'
import type { OffsetsCall } from './thread-messages.ts'

export class RemoteOffsetLog implements RecordLog {
  readonly #connector: string
  readonly #send: (id: number, call: OffsetsCall) => void
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  /** The keys that were read. */
  #keys: ReadonlySet<string> = new Set()
  #apply: (entry: LogEntry) => void = () => {}
  #nextId = 0
  /** The records that were read: they have no other offsets here. */
  #read = 0

  constructor(connector: string, send: (id: number, call: OffsetsCall) => void) {
    this.#connector = connector
    this.#send = send
  }

  async start(apply: (entry: LogEntry) => void): Promise<void> {
    this.#apply = apply
    await this.readToEnd()
  }

  async readToEnd(): Promise<void> {
    const records = (await this.#call({ method: 'read', connector: this.#connector })) as LogRecord[]
    const keys = new Set(records.map(({ key }) => key))
    for (const key of this.#keys) if (!keys.has(key)) this.#apply({ key, value: null, offset: this.#read++ })
    for (const { key, value } of records) this.#apply({ key, value, offset: this.#read++ })
    this.#keys = keys
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    await this.#call({ method: 'append', records })
  }

  async close(): Promise<void> {}

  #call(call: OffsetsCall): Promise<unknown> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#send(id, call)
    })
  }

  onAnswer(id: number, value: unknown, error: PlainError | null): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error) waiting?.reject(errorOf(error))
    else waiting?.resolve(value)
  }
}
