/**
 * The records of logical decoding messages, which `pg_logical_emit_message` writes into the WAL: one topic for all, keyed by their prefix,
 * where the prefix lists let them through.
 */
import { type Header, type Schema, type SourceRecord, schemas, sourceRecord } from '../../connect/sdk/index.ts'
import { javaPattern } from '../../connect/sdk/java-pattern.ts'
import type { TransactionBlock } from './change-records.ts'
import { SOURCE_SCHEMA, TRANSACTION_SCHEMA } from './source-schema.ts'

export type BinaryMode = 'bytes' | 'base64' | 'base64-url-safe' | 'hex'

const KEY_SCHEMA = schemas.struct(
  { prefix: schemas.string({ optional: true }) },
  { name: 'io.debezium.connector.postgresql.MessageKey', version: 1 },
)

const valueSchema = (content: Schema): Schema =>
  schemas.struct(
    {
      op: schemas.string(),
      ts_ms: schemas.int64({ optional: true }),
      source: SOURCE_SCHEMA,
      transaction: TRANSACTION_SCHEMA,
      message: schemas.struct(
        { prefix: schemas.string({ optional: true }), content },
        { name: 'io.debezium.connector.postgresql.Message', version: 1 },
      ),
    },
    { name: 'io.debezium.connector.postgresql.MessageValue', version: 1 },
  )

const ENCODINGS = { base64: 'base64', 'base64-url-safe': 'base64url', hex: 'hex' } as const

export interface MessageOptions {
  topic: string
  include: readonly string[]
  exclude: readonly string[]
  binaryMode: BinaryMode
  headers: readonly Header[]
}

/** What counts as the table of a message, in transactions. */
export const MESSAGE_TABLE = 'LOGICAL_DECODING_MESSAGE'

export class LogicalMessages {
  readonly #options: MessageOptions
  readonly #schema: Schema
  readonly #matches: (prefix: string) => boolean

  constructor(options: MessageOptions) {
    this.#options = options
    this.#schema = valueSchema(options.binaryMode === 'bytes' ? schemas.bytes({ optional: true }) : schemas.string({ optional: true }))
    this.#matches = prefixFilter(options.include, options.exclude)
  }

  isCaptured(prefix: string): boolean {
    return this.#matches(prefix)
  }

  record(prefix: string, content: Buffer, source: object, transaction: TransactionBlock | null, nowMs: number): SourceRecord {
    const { topic, headers } = this.#options
    return sourceRecord({
      topic,
      key: { prefix },
      keySchema: KEY_SCHEMA,
      value: { op: 'm', ts_ms: nowMs, source, transaction, message: { prefix, content: this.#content(content) } },
      valueSchema: this.#schema,
      headers,
    })
  }

  #content(content: Buffer): Buffer | string {
    const { binaryMode } = this.#options
    if (binaryMode === 'bytes') return content
    const text = content.toString(ENCODINGS[binaryMode])
    // Java's URL-safe base64 is padded.
    return binaryMode === 'base64-url-safe' ? text.padEnd(Math.ceil(text.length / 4) * 4, '=') : text
  }
}

function prefixFilter(include: readonly string[], exclude: readonly string[]): (prefix: string) => boolean {
  const matchesAny = (patterns: readonly string[]) => {
    const compiled = patterns.map((pattern) => javaPattern(`(?i)${pattern}`))
    return (prefix: string) => compiled.some((pattern) => pattern.matcher(prefix).matches())
  }
  if (include.length > 0) return matchesAny(include)
  if (exclude.length === 0) return () => true
  const excluded = matchesAny(exclude)
  return (prefix) => !excluded(prefix)
}
