/**
 * The settings of what reads files, whichever source they are of.
 */
import { type ConfigOf, setting } from '../../connect/sdk/index.ts'

/** V8 has no longer strings. */
const MAX_LINE_BYTES = 256 * 1024 * 1024

const atLeast = (least: number) => (value: number) => (value < least ? `Value must be at least ${least}` : undefined)

export const readerSettings = {
  compression: setting.oneOf(['auto', 'none', 'gzip', 'zstd', 'lz4', 'snappy'], {
    doc: "How the files are compressed as a whole; 'auto' goes by the ends of their names: .gz, .zst, .lz4, .sz. Parquet and Avro compress inside.",
    default: 'auto',
  }),
  'key.field': setting.string({
    doc: "The field or column that becomes the record's key. Without it, records have no key.",
    default: null,
  }),
  delimiter: setting.string({
    doc: 'The separator of the fields of a CSV row; \\t for a tab',
    default: ',',
    importance: 'LOW',
    check: (text) => (text === '' ? 'String must be non-empty' : undefined),
  }),
  'bad.lines': setting.oneOf(['fail', 'skip'], {
    doc: "What happens to a line that is not JSON or does not match the header: 'fail' is an error of the file, 'skip' logs and skips the line",
    default: 'fail',
    importance: 'LOW',
  }),
  'line.max.bytes': setting.int({
    doc: 'The maximum length of a line, in bytes. A longer line is an error of the file.',
    default: 16 * 1024 * 1024,
    importance: 'LOW',
    check: (bytes) => (bytes < 1 || bytes > MAX_LINE_BYTES ? `Value must be between 1 and ${MAX_LINE_BYTES}` : undefined),
  }),
  'block.max.bytes': setting.int({
    doc: 'The maximum size of what is read as a whole: a block of an Avro file, a row group of a Parquet file. A larger one is an error.',
    default: 256 * 1024 * 1024,
    importance: 'LOW',
    check: atLeast(1),
  }),
  'batch.size': setting.int({
    doc: 'The maximum number of records of a batch',
    default: 2000,
    importance: 'LOW',
    aliases: ['record.batch.max.size'],
    check: atLeast(1),
  }),
}

export type ReaderConfig = ConfigOf<typeof readerSettings>

/** `bytes` are values between separators, `raw` one value a file. */
export type FileFormat = 'lines' | 'json' | 'csv' | 'avro' | 'parquet' | 'bytes' | 'raw'
