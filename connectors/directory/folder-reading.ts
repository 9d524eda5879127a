/**
 * The reading of one folder: its new files one after the other, in batches that have the position behind them. A file is deleted or moved
 * only after the position at its end was stored.
 */
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { SourceBatch, SourceContext } from '../../connect/sdk/index.ts'
import { compressionOf } from '../file-readers/decompression.ts'
import { openLocalFile } from '../file-readers/file-content.ts'
import { isText, readerOf } from '../file-readers/reader-of-format.ts'
import { type FolderFile, filesOf, fingerprint, isSameFile } from './folder.ts'
import { type FilePosition, parseOffset, partitionOf, positionOf } from './position.ts'
import type { DirectoryConfig } from './settings.ts'

/** What is known of a file, so that it is looked at again only after it has changed, and is read on where this task has read to. */
interface KnownFile {
  readonly size: number
  readonly modifiedMs: number
}

export class FolderReading {
  readonly #context: SourceContext<DirectoryConfig>
  readonly #read: Map<string, KnownFile> = new Map()
  /** Where each file has been read to. What is stored may be behind it for a while. */
  readonly #reached: Map<string, FilePosition> = new Map()
  #unnamed: ReadonlySet<string> = new Set()
  /** How long the last look into the folder has taken. */
  listingMs = 0

  constructor(context: SourceContext<DirectoryConfig>) {
    this.#context = context
    const directory = context.config['input.path']
    context.onPositionsStored?.((positions) => {
      for (const { partition, offset } of positions)
        if (partition.directory === directory && offset.finished === true)
          void this.#cleanUp(String(partition.fileName), parseOffset(offset))
    })
  }

  async *readNew(): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal, task, gauge } = this.#context
    const begunMs = performance.now()
    const { files, unnamed } = await filesOf(config, task, Date.now())
    this.listingMs = performance.now() - begunMs
    this.#warnOf(unnamed)
    const isNew = ({ name, size, modifiedMs }: FolderFile) => {
      const known = this.#read.get(name)
      return known === undefined || known.size !== size || known.modifiedMs !== modifiedMs
    }
    const waiting = files.filter(isNew)
    const names = new Set(files.map(({ name }) => name))
    for (const known of [this.#read, this.#reached]) for (const name of known.keys()) if (!names.has(name)) known.delete(name)
    for (const [index, file] of waiting.entries()) {
      gauge?.('files-waiting', waiting.length - index)
      try {
        yield* this.#readFile(file)
      } catch (error) {
        if (signal.aborted) return
        const { code } = error as NodeJS.ErrnoException
        if (code === 'ENOENT') continue
        const isDenied = code === 'EACCES' || code === 'EPERM'
        if (isDenied && !config['halt.on.error']) {
          yield await this.#leftOut(file, error as Error)
          continue
        }
        throw new Error(`${file.path} cannot be read: ${(error as Error).message}`, { cause: error })
      }
      if (signal.aborted) return
      this.#read.set(file.name, file)
    }
    gauge?.('files-waiting', 0)
  }

  /** Once of each name. */
  #warnOf(unnamed: readonly string[]): void {
    for (const name of unnamed)
      if (!this.#unnamed.has(name)) this.#context.log.warn(`The name of the file ${name} is not UTF-8, so that it is not read: rename it`)
    this.#unnamed = new Set(unnamed)
  }

  /** Of a file that cannot even be opened: what was read of it before stays. */
  async #leftOut(file: FolderFile, { message }: Error): Promise<SourceBatch> {
    const { config, log, positions } = this.#context
    const directory = config['input.path']
    const stored = await positions.get(partitionOf(directory, file.name))
    const before = this.#reached.get(file.name) ?? (stored ? parseOffset(stored) : { offset: 0, head: null })
    const { size, modifiedMs } = file
    const position = { ...before, size, modified: Math.trunc(modifiedMs), finished: true, failed: true }
    this.#reached.set(file.name, position)
    this.#read.set(file.name, file)
    log.error(`${file.path} cannot be read: ${message}. It is moved to ${config['error.path']}`)
    return { records: [], positions: [positionOf(directory, file.name, position)] }
  }

  async *#readFile(file: FolderFile): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal, log, progress } = this.#context
    const stored = await this.#storedPosition(file)
    if (stored?.finished && isUnchanged(stored, file)) {
      await this.#cleanUp(file.name, stored)
      return
    }
    const head = await fingerprint(file.path, file.size)
    const at = (to: number, more: Partial<FilePosition> = {}) => {
      const read = { offset: to, size: file.size, modified: Math.trunc(file.modifiedMs), head, finished: false, failed: false, ...more }
      this.#reached.set(file.name, read)
      return positionOf(config['input.path'], file.name, read)
    }
    const compression = compressionOf(file.name, config.compression)
    const warn = (message: string) => log.warn(`${file.path}: ${message}`)
    let offset = stored?.offset ?? 0
    let last: SourceBatch['records'] = []
    const readFile = await readerOf(config.format)
    const content = await openLocalFile(file.path)
    try {
      for await (const batch of readFile({ content, compression, format: config.format, topic: config.topic, config, warn }, offset)) {
        if (signal.aborted) return
        // The last batch has the position that says so, thus one is held back.
        if (last.length > 0) yield { records: last, positions: [at(offset)] }
        last = batch.records
        offset = batch.offset
        progress?.({ what: `reading ${file.name}`, offset })
      }
    } catch (error) {
      if (signal.aborted) return
      const halts = config['halt.on.error'] || (error as NodeJS.ErrnoException).code === 'ENOENT'
      if (halts) {
        if (last.length > 0) yield { records: last, positions: [at(offset)] }
        throw error
      }
      // Of plain text only what was read: mended behind it, the file is still the same.
      const isPlainText = compression === 'none' && isText(config.format)
      const readable = await fingerprint(file.path, isPlainText ? offset : file.size)
      yield { records: last, positions: [at(offset, { head: readable, finished: true, failed: true })] }
      log.error(`${file.path} cannot be read: ${(error as Error).message}. It is moved to ${config['error.path']}`)
      return
    } finally {
      progress?.(null)
      await content.close()
    }
    if (signal.aborted) return
    log.info(`${file.path} was read to its end`)
    yield { records: last, positions: [at(offset, { finished: true })] }
  }

  /** Where the file has been read to, by this task or as stored; null where the file is not the one that was read. */
  async #storedPosition(file: FolderFile): Promise<FilePosition | null> {
    const { config, positions, log } = this.#context
    let position = this.#reached.get(file.name)
    if (!position) {
      const stored = await positions.get(partitionOf(config['input.path'], file.name))
      if (!stored) return null
      position = parseOffset(stored)
    }
    const isSame = file.size >= position.size && (await isSameFile(file.path, position.head))
    if (isSame && (!position.finished || isUnchanged(position, file) || mayGoOn(position, file, config))) return position
    log.warn(`${file.path} is not the file of this name that was read before: it is read from its beginning`)
    return null
  }

  /** Removes a file, unless it has changed since it was read: then it is looked at again. */
  async #cleanUp(name: string, position: FilePosition): Promise<void> {
    const { config, log } = this.#context
    const path = join(config['input.path'], name)
    try {
      const found = await stat(path).catch(() => null)
      if (!found || !isUnchanged(position, { size: found.size, modifiedMs: found.mtimeMs })) return
      if (position.failed) return config['error.path'] === null ? undefined : await moveInto(path, config['error.path'], name)
      if (config['cleanup.policy'] === 'DELETE') await rm(path, { force: true })
      if (config['cleanup.policy'] === 'MOVE') await moveInto(path, config['finished.path']!, name)
    } catch (error) {
      log.warn(`${path} is done with, and cannot be removed: ${(error as Error).message}`)
    }
  }
}

const isUnchanged = ({ size, modified }: FilePosition, file: KnownFile): boolean =>
  size === file.size && modified === Math.trunc(file.modifiedMs)

/** Whether a finished file that has changed is read on: it has grown, or was mended behind what could be read of it. */
const mayGoOn = ({ size, failed }: FilePosition, file: FolderFile, { format }: DirectoryConfig): boolean =>
  format !== 'parquet' && (failed || file.size > size)

/** It keeps the folders of its name. A file of the same name that is there already is replaced. */
async function moveInto(path: string, folder: string, name: string): Promise<void> {
  const moved = join(folder, name)
  await mkdir(dirname(moved), { recursive: true })
  try {
    await rename(path, moved)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // It was moved before.
    if (code === 'ENOENT') return
    if (code === 'EXDEV')
      throw new Error(`${folder} is on another file system than ${dirname(path)}: set a folder of the same one`, { cause: error })
    throw new Error(message, { cause: error })
  }
}
