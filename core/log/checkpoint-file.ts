/**
 * A small file that is replaced as a whole: write, fsync, rename, fsync of the folder (Invariant 8). Calls during a write share the next
 * one.
 */
import type { Disk } from '../system/disk.ts'
import { SerialQueue } from '../system/serial-queue.ts'

export class CheckpointFile {
  readonly #disk: Disk
  readonly #path: string
  readonly #render: () => string
  readonly #writes = new SerialQueue()
  /** What the file has; undefined until the first write, because most files are never written. */
  #content: string | null | undefined
  /** The write that has not started yet. */
  #next: Promise<void> | null = null

  constructor(disk: Disk, path: string, render: () => string) {
    this.#disk = disk
    this.#path = path
    this.#render = render
  }

  /** Resolves when the present content of `render`, or a newer one, is durable. */
  save(): Promise<void> {
    this.#next ??= this.#writes.run(() => {
      this.#next = null
      return this.#write()
    })
    return this.#next
  }

  /** Resolves when no write is in progress, successful or not. */
  idle(): Promise<void> {
    return this.#writes.run(() => Promise.resolve())
  }

  async #write(): Promise<void> {
    if (this.#content === undefined) this.#content = this.#disk.readFile(this.#path)?.toString('latin1') ?? null
    const content = this.#render()
    if (content === this.#content) return
    await this.#disk.replaceFile(this.#path, content)
    this.#content = content
  }
}
