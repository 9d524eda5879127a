/**
 * A file that is followed by its name, as `tail -F` does: it may not be there yet, grow, be truncated, or be replaced by another. It waits
 * for the system to tell of a change and looks by itself once a second where the system does not (network file systems); it never spins.
 */
import { type FSWatcher, watch } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { Retriable } from '../../connect/sdk/index.ts'
import { beginsAs, headOf, isWholeHead } from './position.ts'

/** How long a change may go unseen where the system does not tell of it. */
const LOOK_EVERY_MS = 1000

/** The fingerprint of no bytes. */
const NO_HEAD = '0:0'

/** What became of the file since its last byte was read. */
export type Fate = 'same' | 'truncated' | 'replaced'

export class FileTail {
  readonly #path: string
  readonly #signal: AbortSignal
  #handle: FileHandle | null = null
  #watcher: FSWatcher | null = null
  #head = NO_HEAD
  #changed = false
  #wake: (() => void) | null = null

  constructor(path: string, signal: AbortSignal) {
    this.#path = path
    this.#signal = signal
  }

  /** Opens the file, and says whether it was there. */
  async open(): Promise<boolean> {
    await this.#closeHandle()
    try {
      this.#handle = await open(this.#path, 'r')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw this.#explain(error, 'opened')
    }
    if ((await this.#handle.stat()).isDirectory()) throw new Error(`${this.#path} is a folder. Set file to a file.`)
    this.#head = NO_HEAD
    return true
  }

  /** Whether the open file can be gone on with at a position that was stored. */
  async continues(position: number, head: string | null): Promise<boolean> {
    const handle = this.#opened()
    const { size } = await handle.stat()
    return size >= position && (head === null || (await beginsAs(handle, head)))
  }

  /** Fills a buffer from a position on; 0 at the end of what is there. */
  async read(into: Buffer, position: number): Promise<number> {
    try {
      return (await this.#opened().read(into, 0, into.length, position)).bytesRead
    } catch (error) {
      throw this.#explain(error, 'read')
    }
  }

  /** The fingerprint that belongs to a position. */
  async head(position: number): Promise<string> {
    if (!isWholeHead(this.#head)) this.#head = await headOf(this.#opened(), position)
    return this.#head
  }

  /** What the name stands for now, when everything up to a position was read. */
  async fate(readPosition: number): Promise<Fate> {
    const handle = this.#opened()
    const ours = await handle.stat()
    if (ours.size < readPosition || !(await beginsAs(handle, this.#head))) {
      this.#head = NO_HEAD
      return 'truncated'
    }
    try {
      const named = await stat(this.#path)
      if (named.ino === ours.ino && named.dev === ours.dev) return 'same'
      // log rotation puts an empty file there and then tells the writer: until that has moved on it writes to ours
      return named.size === 0 ? 'same' : 'replaced'
    } catch (error) {
      // renamed, and its successor is not there yet: what is written to it still counts
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'same'
      throw this.#explain(error, 'looked at')
    }
  }

  /** Until something happened to the file, a second passed or the task ends. What happened since the last wait counts. */
  async changed(): Promise<void> {
    this.#listen()
    if (!this.#changed && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_EVERY_MS)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
        this.#signal.addEventListener('abort', this.#wake, { once: true })
      })
      if (this.#wake) this.#signal.removeEventListener('abort', this.#wake)
      this.#wake = null
    }
    this.#changed = false
  }

  async close(): Promise<void> {
    this.#watcher?.close()
    this.#watcher = null
    await this.#closeHandle()
  }

  /** The folder is watched, not the file: a file that comes, goes or is replaced is seen too. */
  #listen(): void {
    if (this.#watcher) return
    const name = basename(this.#path)
    try {
      this.#watcher = watch(dirname(this.#path), { persistent: false }, (_event, file) => {
        if (file !== null && file !== name) return
        this.#changed = true
        this.#wake?.()
      })
    } catch {
      // no folder yet, or the system has no watches left: the look once a second does it, and the next wait tries again
      return
    }
    this.#watcher.on('error', () => {
      this.#watcher?.close()
      this.#watcher = null
    })
    // what happened before the watch stood would be missed for a second
    this.#changed = true
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

  #explain(error: unknown, what: string): Error {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM')
      return new Error(`${this.#path} cannot be ${what}: the worker's user may not read it. Change its permissions.`, { cause: error })
    if (code === 'ENOTDIR' || code === 'EISDIR' || code === 'ELOOP')
      return new Error(`${this.#path} cannot be ${what}: ${message}. Set file to a file.`, { cause: error })
    return new Retriable(`${this.#path} cannot be ${what}: ${message}`, { cause: error })
  }
}
