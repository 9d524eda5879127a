/**
 * The settings of what reads files, whichever source they are of.
 */
import { type ConfigOf, setting } from '../../connect/sdk/index.ts'
import { lineSettings } from '../file/line-settings.ts'

const atLeast = (least: number) => (value: number) => (value < least ? `Value must be at least ${least}` : undefined)

export const readerSettings = {
  compression: setting.oneOf(['auto', 'none', 'gzip', 'zstd', 'lz4', 'snappy'], {
    doc: "How the files are compressed as a whole; 'auto' goes by the ends of their names: .gz, .zst, .lz4, .sz. Parquet and Avro compress inside.",
    default: 'auto',
  }),
  ...lineSettings('is an error of the file'),
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
