/**
 * The names of the files of a backup: `<topics.dir>/<topic>/<encoded partition>/<topic>+<partition>+<start offset>.<extension>`, where the
 * extension of a file of keys or headers begins with `.keys` or `.headers`.
 */
import type { FileFormat } from '../file-readers/settings.ts'
import { formatOf, type S3SourceConfig } from './settings.ts'

export interface BackupFile {
  readonly topic: string
  readonly partition: number
  /** Of values, or the keys of records without a value. */
  readonly kind: 'values' | 'tombstones'
  readonly format: FileFormat
  /** The key up to its extension, with which those of its keys and headers begin too. */
  readonly base: string
}

export class UnknownName extends Error {
  override name = 'UnknownName'
}

const compressed = `(?:[.](?:gz|gzip|zst|zstd|lz4|sz|snappy))?`
const extensions: Readonly<Record<FileFormat, string>> = {
  lines: `[.]txt${compressed}`,
  json: `[.]json${compressed}`,
  csv: `[.]csv${compressed}`,
  avro: `[.]avro`,
  parquet: String.raw`(?:[.]\w+)?[.]parquet`,
  bytes: '',
  raw: '',
}
const escaped = (text: string): string => text.replace(/[.\-[\]()|*+?^$\\{}]/g, '\\$&')

export class BackupNames {
  readonly #config: S3SourceConfig
  readonly #name: RegExp
  readonly #values: RegExp
  readonly #keys: RegExp

  constructor(config: S3SourceConfig) {
    this.#config = config
    const delim = escaped(config['file.delim'])
    // Files of records that were replayed name the dead letter behind the offset.
    this.#name = new RegExp(`^(.+)${delim}(\\d{1,10})${delim}(\\d{1,100})(?:${delim}replay-.+-\\d+-\\d+)?((?:[.][^.]+)+)$`, 's')
    const extension = (format: FileFormat) =>
      format === 'bytes' ? escaped(config['format.bytearray.extension']) + compressed : extensions[format]
    this.#values = new RegExp(`^${extension(formatOf(config.format))}$`)
    this.#keys = new RegExp(`^[.]keys${extension(formatOf(config['keys.format.class']))}$`)
  }

  /** What a key is; null where it is none of the backup's format, or no file of values. Throws UnknownName. */
  fileOf(key: string): BackupFile | null {
    const folders = key.split(this.#config['directory.delim'])
    const name = folders.pop()!
    const [, topic, partition, offset, extension] = this.#name.exec(name) ?? []
    if (topic === undefined || partition === undefined || offset === undefined || extension === undefined) {
      const hasExtension = [...name.matchAll(/[.]/g)].some(({ index }) => this.#values.test(name.slice(index)))
      if (!hasExtension || /[.](keys|headers)[.]/.test(name)) return null
      throw new UnknownName(`${key} is no name of a file of a backup, such as ${this.#example()}`)
    }
    const base = key.slice(0, key.length - extension.length)
    const of = { topic, partition: Number(partition), base }
    if (this.#values.test(extension) && !/^[.](keys|headers)[.]/.test(extension))
      return { ...of, kind: 'values', format: formatOf(this.#config.format) }
    const isTombstones = this.#config['store.kafka.keys'] && folders.includes(this.#config['tombstone.encoded.partition'])
    if (isTombstones && this.#keys.test(extension))
      return { ...of, kind: 'tombstones', format: formatOf(this.#config['keys.format.class']) }
    return null
  }

  #example(): string {
    const { 'topics.dir': folder, 'directory.delim': slash, 'file.delim': delim } = this.#config
    return [...(folder === '' ? [] : [folder]), 'orders', 'partition=0', `orders${delim}0${delim}0000000000.json`].join(slash)
  }
}
