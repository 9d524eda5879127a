/**
 * Follows a file by its name, as `tail -F` does: it may not exist yet, grow, be truncated, or be replaced by another file. It waits for
 * change events of the system, and checks once a second where there are none (network file systems).
 */
import { type FSWatcher, watch } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { Retriable } from '../../connect/sdk/index.ts'
import { beginsAs, headOf, isCompleteHead } from './position.ts'

/** How often the file is checked without an event. */
const CHECK_INTERVAL_MS = 1000

/** The fingerprint of no bytes. */
const NO_HEAD = '0:0'

/** What has happened to the file since its last byte was read; `none` also where it has only grown. */
export type FileChange = 'none' | 'truncated' | 'replaced'

export class FileTail {
  readonly #path: string
  readonly #signal: AbortSignal
  #handle: FileHandle | null = null
  #watcher: FSWatcher | null = null
  #head = NO_HEAD
  #eventPending = false
  #wake: (() => void) | null = null

  constructor(path: string, signal: AbortSignal) {
    this.#path = path
    this.#signal = signal
  }

  /** Opens the file. False where it does not exist. */
  async open(): Promise<boolean> {
    await this.#closeHandle()
    try {
      this.#handle = await open(this.#path, 'r')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw this.#errorFor(error, 'opened')
    }
    if ((await this.#handle.stat()).isDirectory()) throw new Error(`${this.#path} is a folder. Set file to a file.`)
    this.#head = NO_HEAD
    return true
  }

  /** Whether the open file is the one that was read to a stored position. */
  async continues(position: number, head: string | null): Promise<boolean> {
    const handle = this.#opened()
    const { size } = await handle.stat()
    return size >= position && (head === null || (await beginsAs(handle, head)))
  }

  /** Reads from a position into a buffer. Returns 0 at the end of the file. */
  async read(into: Buffer, position: number): Promise<number> {
    try {
      return (await this.#opened().read(into, 0, into.length, position)).bytesRead
    } catch (error) {
      throw this.#errorFor(error, 'read')
    }
  }

  /** The fingerprint to store with a position. */
  async head(position: number): Promise<string> {
    if (!isCompleteHead(this.#head)) this.#head = await headOf(this.#opened(), position)
    return this.#head
  }

  /** Compares the open file, read up to a position, with the file that has its name now. */
  async checkForChange(readPosition: number): Promise<FileChange> {
    const handle = this.#opened()
    const current = await handle.stat()
    if (current.size < readPosition || !(await beginsAs(handle, this.#head))) {
      this.#head = NO_HEAD
      return 'truncated'
    }
    try {
      const named = await stat(this.#path)
      if (named.ino === current.ino && named.dev === current.dev) return 'none'
      // Log rotation creates an empty file and then signals the writer, which until then writes to the open file.
      return named.size === 0 ? 'none' : 'replaced'
    } catch (error) {
      // The file was renamed and its successor does not exist yet: the writer still writes to the open file.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none'
      throw this.#errorFor(error, 'checked')
    }
  }

  /** Waits for an event of the file since the last wait, a second, or the end of the task. */
  async awaitEvent(): Promise<void> {
    this.#watch()
    if (!this.#eventPending && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, CHECK_INTERVAL_MS)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
        this.#signal.addEventListener('abort', this.#wake, { once: true })
      })
      if (this.#wake) this.#signal.removeEventListener('abort', this.#wake)
      this.#wake = null
    }
    this.#eventPending = false
  }

  async close(): Promise<void> {
    this.#watcher?.close()
    this.#watcher = null
    await this.#closeHandle()
  }

  /** Watches the folder and not the file, so that its creation, deletion and replacement are seen too. */
  #watch(): void {
    if (this.#watcher) return
    const name = basename(this.#path)
    try {
      this.#watcher = watch(dirname(this.#path), { persistent: false }, (_event, file) => {
        if (file !== null && file !== name) return
        this.#eventPending = true
        this.#wake?.()
      })
    } catch {
      // The folder does not exist yet, or the system has no watches left: the check once a second suffices, and the next wait tries again.
      return
    }
    this.#watcher.on('error', () => {
      this.#watcher?.close()
      this.#watcher = null
    })
    // Events before the watch began are unknown.
    this.#eventPending = true
  }

  async #closeHandle(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close()
  }

  #opened(): FileHandle {
    if (!this.#handle) throw new Error(`${this.#path} is not open`)
    return this.#handle
  }

  #errorFor(error: unknown, what: string): Error {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM')
      return new Error(`${this.#path} cannot be ${what}: the worker's user may not read it. Change its permissions.`, { cause: error })
    if (code === 'ENOTDIR' || code === 'EISDIR' || code === 'ELOOP')
      return new Error(`${this.#path} cannot be ${what}: ${message}. Set file to a file.`, { cause: error })
    return new Retriable(`${this.#path} cannot be ${what}: ${message}`, { cause: error })
  }
}
