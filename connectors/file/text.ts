/**
 * Formats the value of a record as a line: as Kafka's file sink does (Java's toString of the value), or as JSON. One buffer serves all
 * batches, and no string is created except those that a value needs.
 */
import type { SinkRecord } from '../../connect/sdk/index.ts'
import { javaText } from '../../connect/sdk/values/java-text.ts'
import { jsonText } from '../../connect/sdk/values/json-text.ts'

const NEWLINE = 0x0a
const INITIAL_BYTES = 1024 * 1024
/** A buffer that a huge batch has made larger than this is released. */
const MAX_RETAINED_BYTES = 8 * 1024 * 1024
/** The bytes of a UTF-16 code unit in UTF-8, at most. */
const BYTES_PER_UNIT = 3

export class LineBuffer {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES)
  #length = 0

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  clear(): void {
    this.#length = 0
    if (this.#bytes.length > MAX_RETAINED_BYTES) this.#bytes = Buffer.allocUnsafe(INITIAL_BYTES)
  }

  line(text: string): void {
    this.#ensureCapacity(text.length * BYTES_PER_UNIT + 1)
    this.#length += this.#bytes.write(text, this.#length, 'utf8')
    this.#bytes[this.#length++] = NEWLINE
  }

  rawLine(bytes: Uint8Array): void {
    this.#ensureCapacity(bytes.length + 1)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
    this.#bytes[this.#length++] = NEWLINE
  }

  #ensureCapacity(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}

export function appendPlain(to: LineBuffer, record: SinkRecord): void {
  const { value } = record
  if (typeof value === 'string') to.line(value)
  else if (value instanceof Uint8Array) to.rawLine(value)
  else to.line(javaText(value, record.valueSchema))
}

export function appendJson(to: LineBuffer, record: SinkRecord): void {
  to.line(jsonText(record.value, record.valueSchema) ?? 'null')
}
