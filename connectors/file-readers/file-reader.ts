/**
 * What the readers of all formats have in common: batches of records from a place in a file on, each with the place behind it.
 */
import type { Schema, SourceRecord } from '../../connect/sdk/index.ts'
import type { Compression } from './decompression.ts'
import type { FileContent } from './file-content.ts'
import type { FileFormat, ReaderConfig } from './settings.ts'

export interface FileBatch {
  readonly records: SourceRecord[]
  /** The offset of a position, after these records. */
  readonly offset: number
}

export interface OpenFile {
  readonly content: FileContent
  readonly compression: Compression
  readonly format: FileFormat
  /** Of the values of `bytes`; a newline where there is none. */
  readonly separator?: Buffer
  /** Of its records. */
  readonly topic: string
  readonly config: ReaderConfig
  /** Told of what is skipped. */
  warn(message: string): void
}

/** The batches from an offset to the end of the file. */
export type ReadFile = (file: OpenFile, from: number) => AsyncGenerator<FileBatch, void, void>

const NO_HEADERS: SourceRecord['headers'] = []

/** Makes records of values with a schema; the key is a field of them. Throws where a struct lacks it. */
export function recordsOf({ config, topic }: OpenFile, schema: Schema): (value: unknown, timestamp: number) => SourceRecord {
  const name = config['key.field']
  const field = name === null ? null : schema.fields?.find((candidate) => candidate.name === name)
  if (field === undefined)
    throw new Error(
      `it has no field "${name}" (it has ${(schema.fields ?? []).map((known) => known.name).join(', ')}): set key.field to one`,
    )
  return (value, timestamp) => ({
    topic,
    partition: null,
    key: field === null ? null : (value as Record<string, unknown>)[field.name],
    keySchema: field?.schema ?? null,
    value,
    valueSchema: schema,
    timestamp,
    headers: NO_HEADERS,
  })
}
