/**
 * The reader of each format, which is loaded when the first file of it is read.
 */
import type { ReadFile } from './file-reader.ts'
import type { FileFormat } from './settings.ts'

const readers: Readonly<Record<FileFormat, () => Promise<ReadFile>>> = {
  lines: async () => (await import('./line-reader.ts')).readLines,
  json: async () => (await import('./line-reader.ts')).readLines,
  csv: async () => (await import('./line-reader.ts')).readLines,
  avro: async () => (await import('./avro-reader.ts')).readAvro,
  parquet: async () => (await import('./parquet-reader.ts')).readParquet,
  bytes: async () => (await import('./bytes-reader.ts')).readSeparated,
  raw: async () => (await import('./bytes-reader.ts')).readWhole,
}

export const readerOf = (format: FileFormat): Promise<ReadFile> => readers[format]()

/** Whether offsets count bytes of text, so that a file that is mended or continued behind an offset is read on. */
export const isText = (format: FileFormat): boolean => format === 'lines' || format === 'json' || format === 'csv'

/** Whether an offset is the number of records before it. */
export const countsRecords = (format: FileFormat): boolean => format === 'avro' || format === 'parquet' || format === 'raw'
