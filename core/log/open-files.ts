/**
 * The open `.log` files of all segments, with a limit: the least recently used file is closed and opened again on its next use. A file that
 * is being read, written or synced is pinned and stays open: only its own descriptor reports a failed write-back.
 */
import type { Disk, DiskFile, OpenMode } from '../system/disk.ts'

/** Files kept open (Invariant 13), beside those that are pinned. */
const MAX_OPEN_FILES = 512

/** The wait before a file is opened again after EMFILE. */
export const REOPEN_BACKOFF_MS = 100

/** True for EMFILE and ENFILE: no file was touched, a retry is safe. */
export const isTooManyOpenFiles = (error: unknown): boolean => ['EMFILE', 'ENFILE'].includes((error as NodeJS.ErrnoException).code ?? '')

/** Resolves when all of `syncs` have. Of several failures, rejects with one that must not be retried: a disk reports it only once. */
export async function allSynced(syncs: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(syncs)
  const failures = results.filter((result) => result.status === 'rejected').map((result) => result.reason as unknown)
  if (failures.length > 0) throw failures.find((failure) => !isTooManyOpenFiles(failure)) ?? failures[0]
}

export class LogFile {
  #path: string
  readonly #files: OpenFiles
  #file: DiskFile | null = null
  pins = 0
  lastUse = 0
  #isRetired = false

  constructor(files: OpenFiles, path: string) {
    this.#files = files
    this.#path = path
  }

  get path(): string {
    return this.#path
  }

  /** The open file, valid until the end of this turn of the event loop, or while it is pinned. */
  use(mode: OpenMode = 'write'): DiskFile {
    this.lastUse = this.#files.tick()
    if (this.#file === null) {
      if (this.#isRetired) throw new Error(`${this.path} is closed`)
      this.#file = this.#files.disk.open(this.path, mode)
      this.#files.opened(this)
    }
    return this.#file
  }

  /** The file has another name now; an open one stays open. */
  moved(path: string): void {
    this.#path = path
  }

  pin(): DiskFile {
    const file = this.use()
    this.pins++
    return file
  }

  unpin(): void {
    this.pins--
    if (this.#isRetired) this.close()
  }

  /** Closes the file for good: now, or with the last unpin. */
  retire(): void {
    this.#isRetired = true
    this.close()
  }

  close(): void {
    if (this.#file === null || this.pins > 0) return
    this.#files.disk.close(this.#file)
    this.#file = null
    this.#files.closed(this)
  }
}

export class OpenFiles {
  readonly disk: Disk
  readonly #open = new Set<LogFile>()
  #clock = 0

  constructor(disk: Disk) {
    this.disk = disk
  }

  tick(): number {
    return ++this.#clock
  }

  opened(file: LogFile): void {
    this.#open.add(file)
    if (this.#open.size <= MAX_OPEN_FILES) return
    let oldest: LogFile | null = null
    for (const candidate of this.#open) {
      if (candidate !== file && candidate.pins === 0 && (oldest === null || candidate.lastUse < oldest.lastUse)) oldest = candidate
    }
    oldest?.close()
  }

  closed(file: LogFile): void {
    this.#open.delete(file)
  }
}
