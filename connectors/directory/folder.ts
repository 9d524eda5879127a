/**
 * The files of the folder: which match, in which order, and which of the tasks reads one. A file is known again by its name and by the
 * fingerprint of its first bytes.
 */
import { open, readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { crc32 } from 'node:zlib'
import { Retriable } from '../../connect/sdk/index.ts'
import { javaPattern } from '../../connect/sdk/java-pattern.ts'
import { headOf } from '../file/position.ts'
import type { DirectoryConfig } from './settings.ts'

/** Files in the folder, at most (Invariant 13). */
const MAX_FILES = 100_000

/** Stands for bytes that are no UTF-8. */
const REPLACEMENT = '\uFFFD'

export interface FolderFile {
  /** Within the folder. */
  readonly name: string
  readonly path: string
  readonly size: number
  readonly modifiedMs: number
}

/** What a folder has for a task. */
export interface FolderListing {
  /** In order. */
  readonly files: FolderFile[]
  /** Names that are no UTF-8: such a file cannot be opened by its name. */
  readonly unnamed: string[]
}

/** What the folder has for a task. Links to files are read, those to folders are not followed. */
export async function filesOf(config: DirectoryConfig, task: number, nowMs: number): Promise<FolderListing> {
  const folder = config['input.path']
  const pattern = javaPattern(config['input.file.pattern'])
  const recursive = config['input.path.walk.recursively']
  let entries: Awaited<ReturnType<typeof entriesOf>>
  try {
    entries = await entriesOf(folder, recursive)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES')
      throw new Error(`The folder ${folder} cannot be read: ${message}. Create it, or set input.path to one that the worker may read.`, {
        cause: error,
      })
    throw new Retriable(`The folder ${folder} cannot be read: ${message}`, { cause: error })
  }
  const names = entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((name) => pattern.matches(name) && crc32(name) % config['task.count'] === task)
  if (names.length > MAX_FILES) throw new Error(`The folder ${folder} has more than ${MAX_FILES} files to read: set cleanup.policy`)
  const files: FolderFile[] = []
  const unnamed: string[] = []
  for (const name of names.sort()) {
    const path = join(folder, name)
    // Somebody may have removed it since.
    const found = await stat(path).catch(() => null)
    if (!found && name.includes(REPLACEMENT)) unnamed.push(name)
    if (found?.isFile() && nowMs - found.mtimeMs >= config['file.minimum.age.ms'])
      files.push({ name, path, size: found.size, modifiedMs: found.mtimeMs })
  }
  if (config.order === 'modified') files.sort((a, b) => a.modifiedMs - b.modifiedMs)
  return { files, unnamed }
}

const entriesOf = (folder: string, recursive: boolean) => readdir(folder, { recursive, withFileTypes: true })

/** The fingerprint of a file, of its first bytes up to a size. */
export async function fingerprint(path: string, size: number): Promise<string> {
  const handle = await open(path, 'r')
  try {
    return await headOf(handle, size)
  } finally {
    await handle.close()
  }
}

/** Whether a file still begins with the bytes of a fingerprint. */
export async function isSameFile(path: string, head: string | null): Promise<boolean> {
  return head === null || (await fingerprint(path, Number(head.slice(0, head.indexOf(':'))))) === head
}
