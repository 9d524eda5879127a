/**
 * Formats the value of a record as a line: as Kafka's file sink does (Java's toString of the value), or as JSON. One buffer serves all
 * batches, and no string is created except those that a value needs.
 */
import { logicalTypes, rawJson, type Schema, type SinkRecord } from '../../connect/sdk/index.ts'
import { javaText } from '../../connect/sdk/values/java-text.ts'

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
  to.line(
    (record.valueSchema === null ? schemalessJson(record.value) : JSON.stringify(jsonValue(record.value, record.valueSchema))) ?? 'null',
  )
}

/** JSON.stringify refuses bigint only. The replacer is used only then, since it is slow. */
function schemalessJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? rawJson(String(part)) : part))
  }
}

/** A value with a schema as JSON.stringify can write it: bytes in base64, bigints and decimals in digits, times in ISO 8601. */
function jsonValue(value: unknown, schema: Schema): unknown {
  if (value === null || value === undefined || isJsonSafe(schema)) return value
  if (schema.name === logicalTypes.decimal && typeof value === 'string') return rawJson(value)
  if (typeof value === 'bigint') return rawJson(String(value))
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (schema.type === 'struct') {
    const fields = value as Record<string, unknown>
    return Object.fromEntries(schema.fields!.map((field) => [field.name, jsonValue(fields[field.name] ?? null, field.schema)]))
  }
  if (schema.type === 'array') return (value as unknown[]).map((item) => jsonValue(item, schema.values!))
  if (schema.type === 'map') {
    const entries = value instanceof Map ? [...value] : Object.entries(value as object)
    return Object.fromEntries(entries.map(([key, item]) => [String(key), jsonValue(item, schema.values!)]))
  }
  return value
}

const jsonSafe = new WeakMap<Schema, boolean>()

/** Whether JSON.stringify alone writes every value of a schema correctly. Computed once per schema. */
function isJsonSafe(schema: Schema): boolean {
  let safe = jsonSafe.get(schema)
  if (safe === undefined) {
    safe =
      schema.type === 'struct'
        ? schema.fields!.every((field) => isJsonSafe(field.schema))
        : schema.type === 'array'
          ? isJsonSafe(schema.values!)
          : schema.type !== 'map' && schema.type !== 'bytes' && schema.type !== 'int64'
    jsonSafe.set(schema, safe)
  }
  return safe
}
